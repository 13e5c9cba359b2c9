// Reads what nccl-tests prints: all_reduce_perf, all_gather_perf, reduce_scatter_perf,
// alltoall_perf, broadcast_perf, reduce_perf, sendrecv_perf.
//
// A log may hold several runs, one after another, and anything in between: lines of NCCL, warnings,
// the prefixes of job launchers (`0: `, `[1,0]<stdout>:`). The layouts of nccl-tests differ in the
// columns redop, root, error or #wrong; a row is told by its numbers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/base/error.h"
#include "sim/cost/collective_call.h"

namespace lockstep {

struct NcclPoint {
  std::int64_t bytes = 0;
  double time_us = 0;  // out of place; in place where only that is there
  int line = 0;
};

// A row that is no measurement.
struct LeftOutRow {
  int line = 0;
  std::string why;  // "wrong results (#wrong above 0)"
  bool operator==(const LeftOutRow&) const = default;
};

// One run: one collective on one set of ranks.
struct NcclRun {
  std::string file;
  int line = 0;  // of its first row
  Collective kind = Collective::all_reduce;
  int ranks = 0;
  int nodes = 1;
  int element_bytes = 4;
  LaunchStyle launch = LaunchStyle::nccl_tests;
  std::vector<NcclPoint> points;         // by bytes, ascending
  std::vector<LeftOutRow> left_out;      // in the order of the log
  std::vector<std::string> repeated_at;  // "log:12": where the same run stands once more
};

// `kind`: of all runs that do not say which collective they are ("all_reduce"; "": it is an error).
// Rows with wrong results, and with a time or size that is no positive number, are left out and
// listed. Errors: no table, no row that measures, no ranks, ranks that are missing, a collective
// that nobody can tell.
Result<std::vector<NcclRun>> parse_nccl_log(const std::string& text, const std::string& file,
                                            const std::string& kind = {});

// Without the runs that stand there twice, to the last figure: a log that is given twice, or a
// copy. The first of them says where the others are.
std::vector<NcclRun> without_repeats(std::vector<NcclRun> runs);

// "all_reduce", also "all_reduce_perf", "alltoall", ...; nothing if there is none.
std::optional<Collective> collective_named(const std::string& text);

}  // namespace lockstep

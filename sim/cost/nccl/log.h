// Reads what nccl-tests prints: all_reduce_perf, all_gather_perf, reduce_scatter_perf,
// alltoall_perf, broadcast_perf, reduce_perf, sendrecv_perf.
//
// A log may hold several runs, one after another, and anything in between: lines of NCCL (also
// within rows: log_lines.h), warnings, the prefixes of job launchers (`0: `, `[1,0]<stdout>:`).
// Layouts: log_table.h. What cannot be right is refused: log_rates.h.
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
  std::vector<std::string> notes;        // what else a reader must know: "its times are in ..."
};

// A table that is not fitted, though nothing is wrong with it.
struct LeftOutRun {
  std::string file;
  int line = 0;     // of its first row
  std::string why;  // "gather_perf is not modelled"
  bool operator==(const LeftOutRun&) const = default;
};

struct NcclLog {
  std::vector<NcclRun> runs;
  std::vector<LeftOutRun> left_out;  // both in the order of the log
};

// The most ranks that a run may have.
inline constexpr int kMostNcclRanks = 16'384;

// Which collective a run is, by the first of these that says it: the name of the program in the
// log, the name of the file, `kind` ("all_reduce"; "": not given), the rates.
//
// Left out and listed: rows with wrong results, with a time or size that is no positive number, or
// broken by other lines; runs of tests that are not modelled, of the host's time (-C), that waited
// for each collective (-z) or grouped several (-m). Errors: no table, no row that measures, no
// ranks or too many, ranks that are missing, a collective that nobody can tell, rows whose algbw is
// not bytes / time or whose busbw is not that of the collective and its ranks. Times in
// milliseconds (nccl-tests of 2017) are told by algbw.
Result<NcclLog> parse_nccl_log(const std::string& text, const std::string& file,
                               const std::string& kind = {});

// Without the runs that stand there twice, to the last figure: a log that is given twice, or a
// copy. The first of them says where the others are.
std::vector<NcclRun> without_repeats(std::vector<NcclRun> runs);

}  // namespace lockstep

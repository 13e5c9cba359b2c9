// One run of a log: what its lines said, and what becomes of it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/cost/nccl/log.h"
#include "sim/cost/nccl/log_names.h"
#include "sim/cost/nccl/log_table.h"

namespace lockstep {

// What is known of a run while its lines go by.
struct NcclDraft {
  struct Rank {
    std::int64_t group = 0;  // its communicator (NCCL_TESTS_SPLIT)
    std::string host;
  };
  std::optional<NcclTestName> name;
  std::int64_t threads = 0;  // of one process; 0: not said
  std::int64_t gpus = 0;     // of one thread
  LaunchStyle launch = LaunchStyle::nccl_tests;
  bool waits = false;           // for each collective (-z)
  std::int64_t aggregated = 1;  // collectives of a group (-m)
  std::map<std::int64_t, Rank> ranks;
  std::set<std::string> hosts;
  std::set<std::string> told;  // "NCCL_PROTO": variables that decide for NCCL
  NcclColumns columns;
  std::vector<NcclRow> rows;
  std::vector<LeftOutRow> broken;

  bool has_rows() const { return !rows.empty() || !broken.empty(); }
};

// What the log does not say itself.
struct NcclOrigin {
  std::string file;
  std::optional<NcclTestName> named;  // by the file
  std::optional<NcclTestName> given;  // by the user
};

// Adds the run, or that it is left out, or what is wrong with it. A draft without rows is nothing.
void finish_run(const NcclDraft& draft, const NcclOrigin& origin, NcclLog& log,
                Diagnostics& faults);

}  // namespace lockstep

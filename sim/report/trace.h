// A run in the trace format of Chrome, which Perfetto (ui.perfetto.dev) opens: a process for each
// rank, a track for each of its streams, arrows between the members of a collective.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "sim/base/rank_set.h"
#include "sim/report/run_report.h"

namespace lockstep {

struct TraceOptions {
  RankSet ranks;  // to show; empty: from rank 0 on, as many as `most_actions` has room for
  std::size_t most_actions = 400'000;  // of all ranks together: about 100 MB of text
};

struct Trace {
  std::string text;  // JSON
  RankSet ranks;     // that it shows
};

// REQUIRES: run.ended(), and the ranks are the plan's.
Trace trace_of(const RunOfPlan& run, const TraceOptions& options = {});

}  // namespace lockstep

// One step as it runs: padding and graph decided.
#pragma once

#include <string>
#include <vector>

#include "sim/base/error.h"
#include "sim/serving/sglang/padding.h"
#include "sim/serving/sglang/settings.h"

namespace lockstep::sglang {

struct ResolvedStep {
  bool is_extend = false;  // some shard extends
  bool cuda_graph = false;
  PaddedCounts counts;
  std::vector<std::string> notes;

  // The mode of the busiest shard: all have it, unless each has its own list.
  Padding padding(const BatchSpec& batch) const;
};

// What a step is decided by, beside the batch.
struct StepQuestion {
  const Parallel& parallel;
  const Revision& revision;
  const Settings& settings;
  std::string gpu;
  bool mla = false;
};

// Faults carry `path` and the key, such as batch.tokens.
Result<ResolvedStep> resolve_step(const BatchSpec& batch, const std::string& path,
                                  const StepQuestion& step);

}  // namespace lockstep::sglang

// The `batch` and `steps` keys: what arrives on each attention-DP shard.
#pragma once

#include <optional>
#include <vector>

#include "sim/parallel/batch.h"
#include "sim/parallel/parallel.h"
#include "sim/scenario/checker.h"

namespace lockstep {

// Attention-DP shards of a layout as the scenario writes it: dp_size under DP attention, else 1.
int shard_count(const ParallelFlags& parallel);

// The steps of the scenario `root`; faults are reported. At most 64 steps, 1,000,000 tokens a
// shard, 16,777,216 requests and 268,435,456 tokens in all.
std::vector<BatchSpec> read_steps(Checker& checker, const Node& root, int shards);

}  // namespace lockstep

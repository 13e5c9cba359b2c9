// A scenario with few tokens that takes the same decisions: what `replay` runs by default.
#pragma once

#include "sim/plan/plan.h"
#include "sim/serving/input.h"

namespace lockstep {

// Shrinks every shard to at most `most` tokens, keeping which shards are idle and their order by
// size, and cached prefixes to at most 8 tokens, but for what earlier steps computed: a request
// that continues another does so still. Padding mode and graph capture are pinned to what `full`,
// the plan of the whole input, decided, so that no rule sees other inputs than before (except the
// row counts themselves). REQUIRES: full was lowered from `input`.
LoweringInput at_reduced_tokens(LoweringInput input, const Plan& full, int most = 12);

}  // namespace lockstep

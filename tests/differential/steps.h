// What arrives in a case of the differential test: one to three steps, of which the later ones
// continue the requests of those before.
#pragma once

#include <string>
#include <vector>

#include "sim/base/random.h"
#include "sim/parallel/batch.h"

namespace lockstep::test {

// The steps of one case on `shards` attention-DP shards. The first is a prefill or decodes; the
// others decode what the shards have, one token a request, while some are idle, prefill a further
// piece, or let a request end.
std::vector<BatchSpec> draw_steps(int shards, Random& random);

// Modes and token counts in short: "extend [3,0,5], decode [2,0,1] sum_len graph".
std::string text_of(const std::vector<BatchSpec>& steps);

}  // namespace lockstep::test

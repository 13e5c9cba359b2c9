// How many elements of weights a rank needs.
#pragma once

#include <cstdint>

#include "sim/plan/plan.h"

namespace lockstep::nccl {

struct WeightNeed {
  std::int64_t all = 0;        // over the whole plan, each once
  std::int64_t operation = 0;  // of the one operation that needs the most
  std::int64_t whole = 0;      // the largest single matrix of the model that the plan uses, not cut
};

// Of experts no more are counted than rows may be sent to. Rows of the embedding, norms and biases,
// which are small, are not.
WeightNeed weight_need(const Plan& plan, int rank);

}  // namespace lockstep::nccl

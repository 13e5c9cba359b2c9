// Does it fit: what a rank holds in GPU memory while it runs a plan.
//
// Weights are counted from the model's dimensions and the shares that each operation of the plan
// makes on the rank; a layer's weights count once, however many steps use them. Formats: those of
// sim/cost/timeline/number_formats.h, with the scales of four-bit groups. The cache is bf16.
#pragma once

#include <cstdint>

#include "sim/cost/gpu_constants.h"
#include "sim/plan/plan.h"

namespace lockstep {

// Bytes of one rank, and what they count.
struct MemoryUse {
  std::int64_t embedding = 0;
  std::int64_t lm_head = 0;
  std::int64_t attention = 0;
  std::int64_t dense = 0;
  std::int64_t experts = 0;  // routed and shared, and routers
  std::int64_t norms = 0;
  std::int64_t cache = 0;          // keys and values of the requests of the plan, all their tokens
  std::int64_t activations = 0;    // inputs, insides and results of the largest operation
  std::int64_t communication = 0;  // the same of the largest collective; what it overwrites once
  std::int64_t cache_of_a_token = 0;  // of all layers
  std::int64_t parameters = 0;        // a count, not bytes

  std::int64_t weights() const { return embedding + lm_head + attention + dense + experts + norms; }
  std::int64_t buffers() const { return activations + communication; }
  std::int64_t total() const { return weights() + cache + buffers(); }
  bool operator==(const MemoryUse&) const = default;
};

// REQUIRES: the plan is valid, 0 <= rank < world. Hand-written programs have no weights.
MemoryUse memory_use(const Plan& plan, int rank);

struct MemoryFit {
  bool fits = false;
  std::int64_t capacity = 0;           // gpu.memory_GB x 1e9: what a driver keeps is left to spare
  std::int64_t left = 0;               // capacity - total; negative if it does not fit
  std::int64_t most_cache_tokens = 0;  // beside weights and buffers; 0 if there is no cache
};
MemoryFit memory_fit(const MemoryUse& use, const GpuConstants& gpu);

}  // namespace lockstep

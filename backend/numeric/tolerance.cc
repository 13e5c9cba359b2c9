#include "backend/numeric/tolerance.h"

#include <algorithm>
#include <cmath>

#include "backend/numeric/program.h"
#include "backend/numeric/weight_shapes.h"

namespace lockstep::numeric {
namespace {

// How they were measured: docs/replay.md.
constexpr double kFactorOfFloat32 = 64.0;
constexpr double kFactorOfBfloat16 = 12.0;
// Not measured: the same values are rounded as often as with bfloat16, each by a unit roundoff that
// is an eighth of its.
constexpr double kFactorOfFloat16 = kFactorOfBfloat16;
// Of a plan without the model's operations: the functions of a program let errors grow less.
constexpr double kFactorOfPrograms = 6.0;
// Two values decide, and rounding may move each of them.
constexpr double kNearTieInTolerances = 2.0;
// From one obligation to the next: the product, bias, norm, turn, activation and the like.
constexpr std::int64_t kRoundingsInBlock = 8;

// The longest chain of values that are rounded one after the other: with float32 the sum in a
// product of a row and a matrix; else the steps of a block and what ranks add up, since products
// are accumulated in float32.
std::int64_t longest_accumulation(const Plan& plan, Storage storage) {
  const std::int64_t ranks = plan.world;
  if (storage != Storage::float32) return kRoundingsInBlock + ranks;
  const Model& m = plan.model;
  return std::max({std::int64_t{m.hidden_size}, std::int64_t{m.intermediate_size},
                   attention_width(m), std::int64_t{m.moe_intermediate_size}, shared_width(m),
                   std::int64_t{m.q_lora_rank}, std::int64_t{m.kv_lora_rank}, ranks});
}

double factor_of(const Plan& plan, Storage storage) {
  if (storage == Storage::float32) return kFactorOfFloat32;
  const bool has_model = std::ranges::any_of(plan.operations, [](const Operation& op) {
    return is_nonlinear(op.kind) && !is_of_program(op.kind);
  });
  if (!has_model) return kFactorOfPrograms;
  return storage == Storage::bfloat16 ? kFactorOfBfloat16 : kFactorOfFloat16;
}

}  // namespace

double tolerance_of(const Plan& plan, Storage storage) {
  const double factor = factor_of(plan, storage);
  const auto longest = static_cast<double>(longest_accumulation(plan, storage));
  return factor * unit_roundoff(storage) * std::sqrt(longest);
}

double near_tie_of(const Plan& plan, Storage storage) {
  return kNearTieInTolerances * tolerance_of(plan, storage);
}

}  // namespace lockstep::numeric

#include "backend/numeric/tolerance.h"

#include <doctest/doctest.h>

#include <cmath>

#include "backend/numeric/program.h"
#include "tests/numeric/transformer.h"

namespace lockstep::test {
namespace {

using numeric::near_tie_of;
using numeric::Storage;
using numeric::tolerance_of;

TEST_CASE("float32: 64 * 2^-24 * sqrt(longest product)") {
  Plan plan = transformer({});
  // attention_width is 8 heads * 4 = 32, more than the hidden size (16) and any width.
  CHECK(tolerance_of(plan, Storage::float32) ==
        doctest::Approx(64 * std::exp2(-24) * std::sqrt(32)));
  plan.model.intermediate_size = 18432;
  CHECK(tolerance_of(plan, Storage::float32) ==
        doctest::Approx(64 * std::exp2(-24) * std::sqrt(18432)));
}

TEST_CASE(
    "bfloat16: 12 * 2^-8 * sqrt(8 + ranks), whatever the widths: they are summed in float32") {
  Plan plan = transformer({});
  CHECK(plan.world == 2);
  CHECK(tolerance_of(plan, Storage::bfloat16) ==
        doctest::Approx(12 * std::exp2(-8) * std::sqrt(10)));
  plan.model.intermediate_size = 18432;
  CHECK(tolerance_of(plan, Storage::bfloat16) ==
        doctest::Approx(12 * std::exp2(-8) * std::sqrt(10)));
}

TEST_CASE("bfloat16: 6 * 2^-8 * sqrt(8 + ranks) where nothing of a model is computed") {
  Plan plan = transformer({});
  std::erase_if(plan.operations, [](const Operation& op) {
    return is_nonlinear(op.kind) && !numeric::is_of_program(op.kind);
  });
  CHECK(tolerance_of(plan, Storage::bfloat16) ==
        doctest::Approx(6 * std::exp2(-8) * std::sqrt(10)));
  CHECK(tolerance_of(plan, Storage::float32) == tolerance_of(transformer({}), Storage::float32));
}

TEST_CASE("float16: bfloat16's rule with the unit roundoff 2^-11, an eighth of it") {
  const Plan plan = transformer({});
  CHECK(tolerance_of(plan, Storage::float16) ==
        doctest::Approx(12 * std::exp2(-11) * std::sqrt(10)));
  CHECK(8 * tolerance_of(plan, Storage::float16) == tolerance_of(plan, Storage::bfloat16));
}

TEST_CASE("a choice is near a tie where two values may each be off by a tolerance") {
  const Plan plan = transformer({});
  for (const Storage storage : {Storage::float32, Storage::bfloat16, Storage::float16}) {
    CHECK(near_tie_of(plan, storage) == 2 * tolerance_of(plan, storage));
  }
}

}  // namespace
}  // namespace lockstep::test

// Kept in bfloat16 or float16: every result and every cache is one, near what float32 gives; right
// plans agree, and a sum taken twice shows all the same.
#include <doctest/doctest.h>

#include <algorithm>

#include "backend/numeric/replay.h"
#include "backend/numeric/tolerance.h"
#include "tests/numeric/transformer.h"
#include "tests/numeric/world.h"

namespace lockstep::test {
namespace {

using numeric::Matrix;
using numeric::Quantity;
using numeric::ReplayVerdict;
using numeric::Storage;

bool is_kept(const Matrix<float>& x, Storage storage) {
  for (std::int64_t r = 0; r < x.rows(); ++r) {
    const auto kept = [=](float v) { return v == numeric::stored(v, storage); };
    if (!std::ranges::all_of(x.row(r), kept)) return false;
  }
  return true;
}

// A few roundings of elements of a size near 1: 0.1 with bfloat16.
double few_roundings(Storage storage) { return 25.6 * numeric::unit_roundoff(storage); }

void check_blocks_are_kept(Storage storage) {
  const auto is_kept = [=](const Matrix<float>& x) { return test::is_kept(x, storage); };
  const double few = few_roundings(storage);
  for (const NamedModel& family : small_families()) {
    CAPTURE(family.name);
    World world(family.model, 11, family.norms_all_heads);
    numeric::Layers layers(numeric::HostArithmetic(world.weights, storage));
    numeric::Attention attention(numeric::HostArithmetic(world.weights, storage));
    const Matrix<float> x = world.input(Quantity::norm, 1);
    const Matrix<float> sums = world.attention.qk_statistics(x, 0, {});
    const Matrix<float>* const statistics = family.norms_all_heads ? &sums : nullptr;
    numeric::KeyValue cache = attention.synthetic_prefix(0, 2, 0, {});
    numeric::KeyValue exact_cache = cache;
    const Matrix<float> y = attention.attention(x, 0, {}, cache, statistics);
    const Matrix<float> exact = world.attention.attention(x, 0, {}, exact_cache, statistics);
    CHECK(is_kept(y));
    CHECK(is_kept(cache.keys));
    CHECK(is_kept(cache.values));
    CHECK_FALSE(is_kept(exact));
    CHECK(largest_difference(y, exact) < few);
    CHECK(is_kept(layers.dense(x, 0, {})));
    CHECK(largest_difference(layers.dense(x, 0, {}), world.layers.dense(x, 0, {})) < few);
    const Matrix<float> routing = world.layers.router(x, 0);
    CHECK(is_kept(layers.router(x, 0)));
    CHECK(is_kept(layers.experts(x, routing, 0, {0, 8}, {})));
    CHECK(largest_difference(layers.experts(x, routing, 0, {0, 8}, {}),
                             world.layers.experts(x, routing, 0, {0, 8}, {})) < few);
  }
}

TEST_CASE("what blocks compute and caches keep is of their type, a few roundings from float32") {
  check_blocks_are_kept(Storage::bfloat16);
  check_blocks_are_kept(Storage::float16);
}

numeric::ReplayResult replayed(const Plan& plan, Storage storage) {
  numeric::ReplayOptions options;
  options.storage = storage;
  options.garbage = numeric::Garbage::both;
  return numeric::replay(plan, options);
}

void check_right_plans_agree(Storage storage) {
  std::vector<TransformerSpec> specs(4);
  specs[1].tokens = {5, 0, 3, 1};
  specs[1].padding = 2;
  specs[2].attn_tp = 2;
  specs[2].moe_tp = 2;
  specs[2].experts_per_token = 2;
  specs[3].steps = 3;
  specs[3].layers = 4;
  for (const TransformerSpec& spec : specs) {
    const numeric::ReplayResult result = replayed(transformer(spec), storage);
    CHECK(to_string(result.verdict) == "agrees");
    const bool all_exact = std::ranges::all_of(
        result.comparisons, [](const numeric::Comparison& c) { return c.relative_error < 1e-5; });
    CHECK_FALSE(all_exact);  // it is not float32 that was compared
  }
}

TEST_CASE("right plans agree in bfloat16 and float16, also several steps and sums over ranks") {
  check_right_plans_agree(Storage::bfloat16);
  check_right_plans_agree(Storage::float16);
}

void check_double_sum_shows(Storage storage) {
  TransformerSpec spec;
  spec.dense_return = Return::reduce_then_scatter;
  const Plan plan = transformer(spec);
  const numeric::ReplayResult result = replayed(plan, storage);
  CHECK(to_string(result.verdict) == "diverges");
  const auto wrong = std::ranges::find(result.comparisons, false, &numeric::Comparison::met);
  REQUIRE(wrong != result.comparisons.end());
  CHECK(wrong->operation == operation_named(plan, "S0.L0.feed-forward boundary"));
  CHECK(wrong->scale == doctest::Approx(2).epsilon(0.02));
}

TEST_CASE("a sum taken twice shows in bfloat16 and float16, with its factor") {
  check_double_sum_shows(Storage::bfloat16);
  check_double_sum_shows(Storage::float16);
}

}  // namespace
}  // namespace lockstep::test

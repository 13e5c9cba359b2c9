// Attention of every family: the reference is the formula, the shares of any number of ranks add up
// to it, and decoding from a cache gives what one prefill of everything gives.
#include <doctest/doctest.h>

#include "backend/numeric/arithmetic.h"
#include "backend/numeric/rotary.h"
#include "tests/numeric/plain_formulas.h"
#include "tests/numeric/world.h"

namespace lockstep::test {
namespace {

using numeric::KeyValue;
using numeric::Matrix;
using numeric::Quantity;
using numeric::Shares;

// What all ranks' heads together have as statistics, if they are needed.
Matrix<float> statistics(World& world, const Matrix<float>& x, int layer, int shares) {
  return summed(shares, [&](Shares s) { return world.attention.qk_statistics(x, layer, s); });
}

Matrix<float> attend(World& world, const NamedModel& family, const Matrix<float>& x, int layer,
                     Shares heads, KeyValue& cache) {
  if (!family.norms_all_heads) return world.attention.attention(x, layer, heads, cache);
  const Matrix<float> sums = statistics(world, x, layer, heads.of);
  return world.attention.attention(x, layer, heads, cache, &sums);
}

TEST_CASE("the reference's attention is softmax(q k / sqrt(n)) v, as each family has it") {
  for (const NamedModel& family : small_families()) {
    CAPTURE(family.name);
    World world(family.model, 11, family.norms_all_heads);
    for (const int layer : {0, 1}) {
      const Rows x = rows_of(world.reference.value({Quantity::norm, 0, layer, 0}));
      const Rows formula = plain_attention(world.weights, layer, x, 2, family.norms_all_heads);
      CHECK(largest_difference(world.reference.value({Quantity::attention, 0, layer, 0}),
                               matrix_of(formula)) < 1e-12);
    }
  }
}

TEST_CASE("shares of heads add up to the whole attention, also of more ranks than kv heads") {
  for (const NamedModel& family : small_families()) {
    CAPTURE(family.name);
    World world(family.model, 11, family.norms_all_heads);
    for (const int layer : {0, 1}) {
      const Matrix<float> x = world.input(Quantity::norm, 0, layer);
      for (const int n : {1, 2, 3, 4, 8, 11}) {
        const Matrix<float> sum = summed(n, [&](Shares s) {
          KeyValue cache = world.attention.synthetic_prefix(0, 2, layer, s);
          return attend(world, family, x, layer, s, cache);
        });
        CHECK(largest_difference(sum, world.reference.value({Quantity::attention, 0, layer, 0})) <
              kRounding);
      }
    }
  }
}

TEST_CASE("tokens decoded one by one from the cache get what they get together, to the last bit") {
  for (const NamedModel& family : small_families()) {
    CAPTURE(family.name);
    World world(family.model, 11, family.norms_all_heads);
    const Matrix<float> x = world.input(Quantity::norm, 0);
    for (const Shares heads : {Shares{0, 1, 1}, Shares{1, 2, 4}}) {
      KeyValue together_cache = world.attention.synthetic_prefix(0, 2, 0, heads);
      const Matrix<float> together = attend(world, family, x, 0, heads, together_cache);
      KeyValue cache = world.attention.synthetic_prefix(0, 2, 0, heads);
      for (std::int64_t r = 0; r < 5; ++r) {
        const Matrix<float> one = attend(world, family, gathered(x, {r}), 0, heads, cache);
        CHECK(std::ranges::equal(one.row(0), together.row(r)));
      }
      CHECK(largest_difference(cache.keys, together_cache.keys) == 0);
      CHECK(largest_difference(cache.values, together_cache.values) == 0);
    }
  }
}

TEST_CASE("steps of the reference: a prefill and decode steps are one prefill of everything") {
  for (const NamedModel& family : small_families()) {
    CAPTURE(family.name);
    numeric::Weights weights(family.model, 11);
    const auto norms = World::contents(family.norms_all_heads)[0];
    // Tokens 0-3 in step 0, 4 in step 1, 5 in step 2; or all six at once.
    const numeric::TokenTable apart(
        {{0, 0, 4, 2, 0, -1, true}, {1, 4, 1, 6, 0, 0, true}, {2, 5, 1, 7, 0, 1, false}}, 3);
    const numeric::TokenTable at_once({{0, 0, 6, 2}}, 1);
    numeric::Reference steps(weights, apart, {norms, norms, norms});
    numeric::Reference whole(weights, at_once, {norms});
    for (const auto& [step, row] : {std::pair{1, 4}, std::pair{2, 5}}) {
      const auto decoded = steps.value({Quantity::stream, step, 1, 1}).row(0);
      CHECK(std::ranges::equal(decoded, whole.value({Quantity::stream, 0, 1, 1}).row(row)));
    }
  }
}

TEST_CASE("attention is causal: an earlier token does not see a later one, a later one does") {
  for (const NamedModel& family : small_families()) {
    CAPTURE(family.name);
    World world(family.model, 11, family.norms_all_heads);
    Matrix<float> x = world.input(Quantity::norm, 0);
    const auto all = [&] {
      KeyValue cache = world.attention.synthetic_prefix(0, 2, 0, {});
      return attend(world, family, x, 0, {}, cache);
    };
    const Matrix<float> before = all();
    x(3, 0) += 1.0F;
    const Matrix<float> after = all();
    CHECK(std::ranges::equal(before.row(2), after.row(2)));
    CHECK_FALSE(std::ranges::equal(before.row(4), after.row(4)));
  }
}

TEST_CASE("a window of three: a token sees itself and two before it, in sliding layers only") {
  for (const NamedModel& family : small_families()) {
    if (family.name != "gpt_oss") continue;
    World world(family.model);
    Matrix<float> x = world.input(Quantity::norm, 0);
    for (const int layer : {0, 1}) {
      const auto all = [&] {
        KeyValue cache = world.attention.synthetic_prefix(0, 2, layer, {});
        return world.attention.attention(x, layer, {}, cache);
      };
      const Matrix<float> before = all();
      x(1, 0) += 1.0F;
      const Matrix<float> after = all();
      CHECK_FALSE(std::ranges::equal(before.row(3), after.row(3)));
      CHECK(std::ranges::equal(before.row(4), after.row(4)) == (layer == 0));
    }
  }
}

TEST_CASE("shares of QK statistics add up to the sums of squares of all queries and all keys") {
  for (const NamedModel& family : small_families()) {
    if (!family.norms_all_heads) continue;
    World world(family.model, 11, true);
    const Matrix<float> x = world.input(Quantity::norm, 0);
    for (const int n : {1, 2, 4, 8}) {
      CHECK(largest_difference(statistics(world, x, 0, n),
                               world.reference.value({Quantity::statistics})) < 1e-4);
    }
  }
}

TEST_CASE("turning by two positions more turns a product of query and key by nothing") {
  // (R_p q) . (R_s k) depends on p - s alone.
  const numeric::Rotary rotary(4, 10000, {0, 16});
  const auto product = [&](std::int64_t p, std::int64_t s) {
    std::vector<double> q{1, -2, 0.5, 3};
    std::vector<double> k{0.25, 1, -1, 2};
    rotary.turn(std::span(q), p);
    rotary.turn(std::span(k), s);
    return q[0] * k[0] + q[1] * k[1] + q[2] * k[2] + q[3] * k[3];
  };
  CHECK(product(7, 3) == doctest::Approx(product(9, 5)).epsilon(1e-12));
  CHECK(product(7, 3) != doctest::Approx(product(9, 3)).epsilon(1e-3));
}

TEST_CASE("position 0 turns nothing, and only the rotary part ever turns") {
  const numeric::Rotary rotary(2, 100, {0, 4});
  std::vector<double> head{1, 2, 3, 4};
  rotary.turn(std::span(head), 0);
  CHECK(head == std::vector<double>{1, 2, 3, 4});
  rotary.turn(std::span(head), 3);
  CHECK(head[0] == doctest::Approx(std::cos(3.0) - 2 * std::sin(3.0)));  // 3 * 100^0 = 3
  CHECK(head[1] == doctest::Approx(2 * std::cos(3.0) + std::sin(3.0)));
  CHECK(head[2] == 3);
  CHECK(head[3] == 4);
}

TEST_CASE("a cache keeps kv heads, or the latent and one rotary key, whatever the share") {
  for (const NamedModel& family : small_families()) {
    CAPTURE(family.name);
    World world(family.model);
    const KeyValue eighth = world.attention.synthetic_prefix(0, 2, 0, {3, 4, 8});
    const bool latent = family.model.kv_lora_rank > 0;
    CHECK(eighth.keys.columns() == 4);                   // one head, or the rotary key
    CHECK(eighth.values.columns() == (latent ? 6 : 4));  // one head, or the latent
    const KeyValue empty = world.attention.undefined_prefix(3, {3, 4, 8});
    CHECK(empty.keys.columns() == eighth.keys.columns());
    CHECK(std::isnan(empty.values(2, 0)));
  }
}

TEST_CASE("ranks of one kv head have the same keys, which are the whole's") {
  World world(small_families()[1].model);  // eight heads, two kv heads
  const KeyValue whole = world.attention.synthetic_prefix(0, 2, 0, {});
  for (int rank = 0; rank < 8; ++rank) {
    const KeyValue own = world.attention.synthetic_prefix(0, 2, 0, {rank, rank + 1, 8});
    const std::int64_t first = rank < 4 ? 0 : 4;
    CHECK(largest_difference(own.keys, sliced(whole.keys, {first, first + 4})) == 0);
  }
}

}  // namespace
}  // namespace lockstep::test

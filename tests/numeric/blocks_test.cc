// A block cut into any number of shares adds up to the whole block of the reference.
#include <doctest/doctest.h>

#include "tests/numeric/plain_formulas.h"
#include "tests/numeric/transformer.h"
#include "tests/numeric/world.h"

namespace lockstep::test {
namespace {

using numeric::Matrix;
using numeric::Quantity;
using numeric::Shares;

TEST_CASE("shares of the embedding add up to the table's row, exactly") {
  World world(transformer({}).model);
  std::vector<std::int64_t> ids;
  for (std::int64_t token = 0; token < 5; ++token) {
    ids.push_back(numeric::vocabulary_id(token, 64, 11));
  }
  for (const int n : {1, 2, 4, 8}) {
    const Matrix<float> sum = summed(n, [&](Shares s) { return world.layers.embedding(ids, s); });
    CHECK(largest_difference(sum, world.reference.value({Quantity::embedding})) == 0);
  }
}

TEST_CASE("shares of columns add up to the whole dense feed-forward and shared expert") {
  for (const NamedModel& family : small_families()) {
    CAPTURE(family.name);
    World world(family.model);
    const Matrix<float> x = world.input(Quantity::norm, 1);
    for (const int n : {1, 2, 4, 8}) {
      const Matrix<float> dense = summed(n, [&](Shares s) { return world.layers.dense(x, 0, s); });
      CHECK(largest_difference(dense, world.reference.value({Quantity::dense})) < kRounding);
      const Matrix<float> shared =
          summed(n, [&](Shares s) { return world.layers.shared_expert(x, 0, s); });
      CHECK(largest_difference(shared, world.reference.value({Quantity::shared})) < kRounding);
    }
  }
}

TEST_CASE("shares of experts and of their columns add up to all routed experts, biases once") {
  for (const NamedModel& family : small_families()) {
    CAPTURE(family.name);
    World world(family.model);
    const Matrix<float> x = world.input(Quantity::norm, 1);
    const Matrix<float> routing = world.layers.router(x, 0);
    CHECK(largest_difference(routing, world.reference.value({Quantity::router})) < kRounding);
    for (const int ep : {1, 2, 8}) {
      for (const int moe_tp : {1, 2, 4}) {
        Matrix<float> sum(5, 16);
        for (int e = 0; e < ep; ++e) {
          for (int slice = 0; slice < moe_tp; ++slice) {
            const numeric::Interval own = numeric::cut(8, {e, e + 1, ep});
            add_scaled(sum, world.layers.experts(x, routing, 0, own, {slice, slice + 1, moe_tp}),
                       1.0F);
          }
        }
        CHECK(largest_difference(sum, world.reference.value({Quantity::routed})) < kRounding);
      }
    }
  }
}

TEST_CASE("the reference's experts are down(act(gate(x), up(x))) of each family, times weights") {
  for (const NamedModel& family : small_families()) {
    CAPTURE(family.name);
    World world(family.model);
    const Rows x = rows_of(world.reference.value({Quantity::norm, 0, 0, 1}));
    const Matrix<double>& routing = world.reference.value({Quantity::router});
    Rows routed;
    Rows shared;
    for (std::size_t t = 0; t < x.size(); ++t) {
      Row& sum = routed.emplace_back(16, 0.0);
      for (int e = 0; e < 8; ++e) {
        const Row y = plain_expert(world.weights, 0, e, x[t]);
        const double weight = routing(static_cast<std::int64_t>(t), e);
        for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += weight * y[c];
      }
      shared.push_back(plain_shared(world.weights, 0, x[t]));
    }
    CHECK(largest_difference(matrix_of(routed), world.reference.value({Quantity::routed})) < 1e-12);
    CHECK(largest_difference(matrix_of(shared), world.reference.value({Quantity::shared})) < 1e-12);
  }
}

TEST_CASE("slices of the vocabulary are slices of the logits") {
  World world(transformer({}).model);
  const Matrix<float> x = world.input(Quantity::norm, 2);
  const Matrix<float> all = world.layers.lm_head(x, {0, 64});
  CHECK(largest_difference(all, world.reference.value({Quantity::logits})) < kRounding);
  const Matrix<float> slice = world.layers.lm_head(x, {16, 48});
  for (std::int64_t c = 0; c < 32; ++c) CHECK(slice(4, c) == all(4, c + 16));
}

TEST_CASE("RMS norm: x * gain / sqrt(mean(x^2) + epsilon)") {
  World world(transformer({}).model);
  Matrix<float> x(1, 16, 3.0F);
  const std::vector<float> gain = world.weights.at({numeric::WeightKind::norm, 0, 1}).row();
  const Matrix<float> y = world.layers.norm(x, 0, 1, {});
  // mean(x^2) = 9, so that x / sqrt(9 + 1e-6) is 1 within 1e-6.
  for (std::int64_t c = 0; c < 16; ++c)
    CHECK(y(0, c) == doctest::Approx(gain[static_cast<std::size_t>(c)]));
}

TEST_CASE("a row of a product depends on that row alone, to the last bit") {
  World world(transformer({}).model);
  const Matrix<float> x = world.input(Quantity::norm, 1);
  const Matrix<float> all = world.layers.dense(x, 0, {});
  for (std::int64_t r = 0; r < 5; ++r) {
    CHECK(std::ranges::equal(world.layers.dense(gathered(x, {r}), 0, {}).row(0), all.row(r)));
  }
}

TEST_CASE("a recorded choice decides near a tie, and only there") {
  TransformerSpec spec;
  spec.experts = 64;
  spec.experts_per_token = 2;
  const std::vector<int> recorded{62, 63};
  int rows = 0;
  int taken = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    World world(transformer(spec).model, seed);
    for (std::int64_t row = 0; row < 5; ++row) world.reference.record_choice({0, 0, row, recorded});
    World alone(transformer(spec).model, seed);
    const Matrix<double>& with = world.reference.value({Quantity::router});
    const Matrix<double>& without = alone.reference.value({Quantity::router});
    for (std::int64_t row = 0; row < 5; ++row, ++rows) {
      if (std::ranges::equal(with.row(row), without.row(row))) continue;
      ++taken;
      CHECK(with(row, 62) != 0);
      CHECK(with(row, 63) != 0);
    }
  }
  CHECK(taken > 0);
  CHECK(taken * 20 < rows);
}

TEST_CASE("the stream is the embedding, then what each half layer adds, or really added") {
  World world(transformer({}).model);
  const Matrix<double> embedding = world.reference.value({Quantity::embedding});
  const std::vector<double> added(16, 0.25);
  world.reference.replace_contribution(0, 0, numeric::HalfLayer::attention, 3, added);
  const Matrix<double>& stream = world.reference.value({Quantity::stream, 0, 0, 1});
  const Matrix<double>& attention = world.reference.value({Quantity::attention});
  for (std::int64_t c = 0; c < 16; ++c) {
    CHECK(stream(2, c) == embedding(2, c) + attention(2, c));
    CHECK(stream(3, c) == embedding(3, c) + 0.25);
  }
}

}  // namespace
}  // namespace lockstep::test

// A block cut into any number of shares adds up to the whole block of the reference.
#include <doctest/doctest.h>

#include <cmath>

#include "backend/numeric/layers.h"
#include "backend/numeric/reference.h"
#include "tests/numeric/transformer.h"

namespace lockstep::test {
namespace {

using numeric::KeyValue;
using numeric::Layers;
using numeric::Matrix;
using numeric::Quantity;
using numeric::Shares;

// One request of five tokens behind two cached ones, in a model of one sparse layer.
struct World {
  numeric::Weights weights;
  numeric::TokenTable tokens;
  numeric::Reference reference;
  Layers layers;

  explicit World(const TransformerSpec& spec = {}, std::uint64_t seed = 11)
      : weights(transformer(spec).model, seed),
        tokens({{0, 0, 5, 2}}, 1),
        reference(weights, tokens, {{{{Quantity::attention}, {Quantity::routed}}}}),
        layers(weights) {}

  Matrix<float> input(Quantity quantity, int index) {
    const Matrix<double>& exact = reference.value({quantity, 0, 0, index});
    Matrix<float> rounded(exact.rows(), exact.columns());
    for (std::int64_t r = 0; r < exact.rows(); ++r) {
      std::ranges::transform(exact.row(r), rounded.row(r).begin(),
                             [](double v) { return static_cast<float>(v); });
    }
    return rounded;
  }
};

double largest_difference(const Matrix<float>& actual, const Matrix<double>& reference) {
  REQUIRE(actual.rows() == reference.rows());
  REQUIRE(actual.columns() == reference.columns());
  double largest = 0;
  for (std::int64_t r = 0; r < actual.rows(); ++r) {
    for (std::int64_t c = 0; c < actual.columns(); ++c) {
      largest = std::max(largest, std::abs(static_cast<double>(actual(r, c)) - reference(r, c)));
    }
  }
  return largest;
}

// The sum over the shares of what `share` computes.
template <class Share>
Matrix<float> summed(int shares, Share share) {
  Matrix<float> total = share(Shares{0, 1, shares});
  for (int i = 1; i < shares; ++i) add_scaled(total, share(Shares{i, i + 1, shares}), 1.0F);
  return total;
}

constexpr double kRounding = 2e-5;

TEST_CASE("shares of the embedding add up to the table's row, exactly") {
  World world;
  std::vector<std::int64_t> ids;
  for (std::int64_t token = 0; token < 5; ++token) {
    ids.push_back(numeric::vocabulary_id(token, 64, 11));
  }
  for (const int n : {1, 2, 4, 8}) {
    const Matrix<float> sum = summed(n, [&](Shares s) { return world.layers.embedding(ids, s); });
    CHECK(largest_difference(sum, world.reference.value({Quantity::embedding})) == 0);
  }
}

TEST_CASE("shares of heads add up to the whole attention, cached prefix included") {
  World world;
  const Matrix<float> x = world.input(Quantity::norm, 0);
  for (const int n : {1, 2, 4, 8}) {
    const Matrix<float> sum = summed(n, [&](Shares s) {
      KeyValue cache = world.layers.synthetic_prefix(0, 2, 0, s);
      return world.layers.attention(x, 0, s, cache);
    });
    CHECK(largest_difference(sum, world.reference.value({Quantity::attention})) < kRounding);
  }
}

TEST_CASE("attention is causal: an earlier token does not see a later one, a later one does") {
  World world;
  Matrix<float> x = world.input(Quantity::norm, 0);
  const auto attend = [&] {
    KeyValue cache = world.layers.synthetic_prefix(0, 2, 0, {});
    return world.layers.attention(x, 0, {}, cache);
  };
  const Matrix<float> before = attend();
  x(3, 0) += 1.0F;
  const Matrix<float> after = attend();
  CHECK(std::ranges::equal(before.row(2), after.row(2)));
  CHECK_FALSE(std::ranges::equal(before.row(4), after.row(4)));
}

TEST_CASE("tokens decoded one by one from the cache get what they get together") {
  World world;
  const Matrix<float> x = world.input(Quantity::norm, 0);
  KeyValue together_cache = world.layers.synthetic_prefix(0, 2, 0, {});
  const Matrix<float> together = world.layers.attention(x, 0, {}, together_cache);
  KeyValue cache = world.layers.synthetic_prefix(0, 2, 0, {});
  for (std::int64_t r = 0; r < 5; ++r) {
    const Matrix<float> one = world.layers.attention(gathered(x, {r}), 0, {}, cache);
    CHECK(std::ranges::equal(one.row(0), together.row(r)));
  }
}

TEST_CASE("shares of columns add up to the whole dense feed-forward and shared expert") {
  World world;
  const Matrix<float> x = world.input(Quantity::norm, 1);
  for (const int n : {1, 2, 4, 8}) {
    const Matrix<float> dense = summed(n, [&](Shares s) { return world.layers.dense(x, 0, s); });
    CHECK(largest_difference(dense, world.reference.value({Quantity::dense})) < kRounding);
    const Matrix<float> shared =
        summed(n, [&](Shares s) { return world.layers.shared_expert(x, 0, s); });
    CHECK(largest_difference(shared, world.reference.value({Quantity::shared})) < kRounding);
  }
}

TEST_CASE("shares of experts and of their columns add up to all routed experts") {
  TransformerSpec spec;
  spec.experts_per_token = 3;
  World world(spec);
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

TEST_CASE("slices of the vocabulary are slices of the logits") {
  World world;
  const Matrix<float> x = world.input(Quantity::norm, 2);
  const Matrix<float> all = world.layers.lm_head(x, {0, 64});
  CHECK(largest_difference(all, world.reference.value({Quantity::logits})) < kRounding);
  const Matrix<float> slice = world.layers.lm_head(x, {16, 48});
  for (std::int64_t c = 0; c < 32; ++c) CHECK(slice(4, c) == all(4, c + 16));
}

TEST_CASE("RMS norm: x * gain / sqrt(mean(x^2) + epsilon)") {
  World world;
  Matrix<float> x(1, 16, 3.0F);
  const numeric::SharedMatrix gain = world.weights.get({numeric::WeightKind::norm, 0, 1});
  const Matrix<float> y = world.layers.norm(x, 0, 1, {});
  // mean(x^2) = 9, so that x / sqrt(9 + 1e-6) is 1 within 1e-6.
  for (std::int64_t c = 0; c < 16; ++c) CHECK(y(0, c) == doctest::Approx((*gain)(0, c)));
}

TEST_CASE("a row of a product depends on that row alone, to the last bit") {
  World world;
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
    World world(spec, seed);
    for (std::int64_t row = 0; row < 5; ++row) world.reference.record_choice({0, 0, row, recorded});
    World alone(spec, seed);
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
  World world;
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

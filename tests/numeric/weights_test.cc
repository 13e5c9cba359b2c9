#include "backend/numeric/weights.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "tests/numeric/transformer.h"

namespace lockstep::test {
namespace {

using numeric::WeightKind;
using numeric::Weights;

// bfloat16 is the upper half of a float32.
bool is_bfloat16(float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return (bits & 0xFFFFU) == 0;
}

TEST_CASE("every weight is a bfloat16, none is zero, and products keep their size") {
  Weights weights(transformer({}).model, 7);
  for (const WeightKind kind : {WeightKind::embedding, WeightKind::norm, WeightKind::query,
                                WeightKind::dense_down, WeightKind::router, WeightKind::lm_head}) {
    const numeric::Matrix<float> w = weights.at({kind}).drawn();
    double squares = 0;
    for (std::int64_t r = 0; r < w.rows(); ++r) {
      for (const float v : w.row(r)) {
        CHECK(is_bfloat16(v));
        CHECK(v != 0.0F);
        squares += static_cast<double>(v) * static_cast<double>(v);
      }
    }
    // E[(x W)_c^2] = sum_r W_rc^2 for unit x: between 1/2 and 3 for a product, 1/3 for an
    // embedding.
    const bool multiplies = kind != WeightKind::embedding && kind != WeightKind::norm;
    const double per =
        squares / static_cast<double>(multiplies ? w.columns() : w.rows() * w.columns());
    CHECK(per > 0.25);
    CHECK(per < 3.0);
  }
}

TEST_CASE("weights depend on seed, kind, layer, expert and place, and on nothing else") {
  const Model model = transformer({}).model;
  Weights one(model, 7);
  Weights again(model, 7);
  Weights other(model, 8);
  const auto first = [](Weights& w, numeric::WeightName name) { return w.at(name).row()[0]; };
  const auto row = [](Weights& w, numeric::WeightName name) { return w.at(name).row(); };
  again.at({WeightKind::query, 3}).drawn();
  CHECK(first(one, {WeightKind::query, 0}) == first(again, {WeightKind::query, 0}));
  CHECK(row(one, {WeightKind::query, 0}) != row(other, {WeightKind::query, 0}));
  CHECK(row(one, {WeightKind::query, 0}) != row(one, {WeightKind::key, 0}));
  CHECK(row(one, {WeightKind::query, 0}) != row(one, {WeightKind::query, 1}));
  CHECK(row(one, {WeightKind::expert_up, 0, 0}) != row(one, {WeightKind::expert_up, 0, 1}));
}

TEST_CASE(
    "a wider model's weights begin with the narrower one's: an element knows its place only") {
  Model narrow = transformer({}).model;
  Model wide = narrow;
  wide.vocab_size = 128;
  Weights a(narrow, 7);
  Weights b(wide, 7);
  const numeric::Matrix<float> small = a.at({WeightKind::lm_head}).drawn();
  const numeric::Matrix<float> large = b.at({WeightKind::lm_head}).drawn();
  REQUIRE(small.columns() == 64);
  REQUIRE(large.columns() == 128);
  for (std::int64_t c = 0; c < 64; ++c) CHECK(small(5, c) == large(5, c));
}

TEST_CASE("any block of a matrix has the whole's elements, wherever it begins") {
  Weights weights(transformer({}).model, 7);
  for (const WeightKind kind : {WeightKind::lm_head, WeightKind::dense_gate, WeightKind::norm}) {
    const numeric::WeightBlock at = weights.at({kind});
    const numeric::Matrix<float> whole = at.drawn();
    for (std::int64_t first = 0; first < 12; ++first) {
      const numeric::Matrix<float> part = at.columns({first, first + 3}).drawn();
      for (std::int64_t c = 0; c < 3; ++c) CHECK(part(0, c) == whole(0, first + c));
    }
  }
}

}  // namespace
}  // namespace lockstep::test

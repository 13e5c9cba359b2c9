// The product in tiles has the bits of the plain loop.
#include "backend/numeric/matrix.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "backend/numeric/weights.h"
#include "sim/base/random.h"
#include "tests/numeric/transformer.h"

namespace lockstep::test {
namespace {

using numeric::Block;
using numeric::Matrix;

template <class T>
Matrix<T> drawn(Random& random, std::int64_t rows, std::int64_t columns) {
  Matrix<T> x(rows, columns);
  for (T& v : x.elements()) {
    v = static_cast<T>(random.below(2'000'001) - 1'000'000) / static_cast<T>(777);
  }
  return x;
}

// for r, k, c: out(r, c) += x(r, k) * w(k, c)
template <class T>
Matrix<T> plain_product(const Matrix<T>& x, const Block& w) {
  Matrix<T> out(x.rows(), w.column_count());
  for (std::int64_t r = 0; r < x.rows(); ++r) {
    for (std::int64_t k = 0; k < w.row_count(); ++k) {
      for (std::int64_t c = 0; c < w.column_count(); ++c) {
        out(r, c) += x(r, k) * static_cast<T>(w.row(k)[static_cast<std::size_t>(c)]);
      }
    }
  }
  return out;
}

template <class T>
bool same_bits(const Matrix<T>& a, const Matrix<T>& b) {
  if (a.rows() != b.rows() || a.columns() != b.columns()) return false;
  for (std::int64_t r = 0; r < a.rows(); ++r) {
    if (!std::ranges::equal(a.row(r), b.row(r))) return false;
  }
  return true;
}

template <class T>
void check_bits(std::uint64_t seed) {
  Random random(seed);
  const auto size = [&](std::int64_t most) { return random.below(most + 1); };
  const std::int64_t k = size(200);
  const Matrix<T> x = drawn<T>(random, size(12), k);
  const Matrix<float> w = drawn<float>(random, k, size(seed % 5 == 0 ? 1200 : 90));
  const Matrix<T> y = product(x, Block(w));
  CHECK(same_bits(y, plain_product(x, Block(w))));
  for (std::int64_t r = 0; r < x.rows(); ++r) {
    CHECK(std::ranges::equal(product(gathered(x, {r}), Block(w)).row(0), y.row(r)));
  }
}

TEST_CASE("a product has the bits of the plain loop over k, and a row depends on itself alone") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    check_bits<float>(seed);
    check_bits<double>(seed);
  }
}

TEST_CASE("a block of a product is the product with the block, to the last bit") {
  Random random(5);
  const Matrix<float> x = drawn<float>(random, 3, 150);
  const Matrix<float> w = drawn<float>(random, 150, 700);
  const Matrix<float> whole = product(x, Block(w));
  CHECK(same_bits(sliced(whole, {33, 650}), product(x, Block(w).columns({33, 650}))));
  Matrix<float> in_pieces(3, 700);
  for (const auto& [first, last] : {std::pair{0, 7}, std::pair{7, 100}, std::pair{100, 150}}) {
    add_product(in_pieces, x, {first, last}, Block(w).rows({first, last}));
  }
  CHECK(same_bits(in_pieces, whole));
}

TEST_CASE("a matrix too large to be kept is drawn in tiles, and its product has the same bits") {
  Model model = transformer({}).model;
  model.hidden_size = 512;
  model.vocab_size = 1 << 14;  // 512 x 16384: twice what is kept
  numeric::Weights weights(model, 3);
  const numeric::WeightBlock head = weights.at({numeric::WeightKind::lm_head});
  int tiles = 0;
  head.for_each_tile([&](numeric::Interval, const Block&) { ++tiles; });
  CHECK(tiles > 1);
  Random random(9);
  const Matrix<float> x = drawn<float>(random, 2, 512);
  const Matrix<float> whole = product(x, head);
  CHECK(same_bits(whole, product(x, Block(head.drawn()))));
  CHECK(same_bits(sliced(whole, {1003, 9001}), product(x, head.columns({1003, 9001}))));
}

TEST_CASE("what is not a number stays so in a product") {
  Matrix<float> x(1, 4, 1.0F);
  x(0, 2) = NAN;
  const Matrix<float> w(4, 3, 0.5F);
  const Matrix<float> y = product(x, Block(w));
  for (const float v : y.row(0)) CHECK(std::isnan(v));
}

}  // namespace
}  // namespace lockstep::test

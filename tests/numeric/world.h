// One request in a model of one layer or two, as a rank computes it and as the reference does.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "backend/numeric/attention.h"
#include "backend/numeric/layers.h"
#include "backend/numeric/reference.h"

namespace lockstep::test {

// Five tokens behind two cached ones.
struct World {
  numeric::Weights weights;
  numeric::TokenTable tokens;
  numeric::Reference reference;
  numeric::Layers layers;
  numeric::Attention attention;

  explicit World(const Model& model, std::uint64_t seed = 11, bool norms_all_heads = false)
      : weights(model, seed),
        tokens({{0, 0, 5, 2}}, 1),
        reference(weights, tokens, contents(norms_all_heads)),
        layers(numeric::HostArithmetic(weights)),
        attention(numeric::HostArithmetic(weights)) {}

  static std::vector<std::vector<numeric::LayerContents>> contents(bool norms_all_heads) {
    using numeric::Quantity;
    const numeric::LayerContents layer{{Quantity::attention}, {Quantity::routed}, norms_all_heads};
    return {{layer, layer}};
  }

  // What the reference has before a block, as a rank would hold it.
  numeric::Matrix<float> input(numeric::Quantity quantity, int index, int layer = 0) {
    const numeric::Matrix<double>& exact = reference.value({quantity, 0, layer, index});
    numeric::Matrix<float> rounded(exact.rows(), exact.columns());
    for (std::int64_t r = 0; r < exact.rows(); ++r) {
      std::ranges::transform(exact.row(r), rounded.row(r).begin(),
                             [](double v) { return static_cast<float>(v); });
    }
    return rounded;
  }
};

// The largest difference of two elements; infinite if the shapes differ.
template <class A, class B>
double largest_difference(const numeric::Matrix<A>& a, const numeric::Matrix<B>& b) {
  if (a.rows() != b.rows() || a.columns() != b.columns()) return INFINITY;
  double largest = 0;
  for (std::int64_t r = 0; r < a.rows(); ++r) {
    for (std::int64_t c = 0; c < a.columns(); ++c) {
      const double difference = static_cast<double>(a(r, c)) - static_cast<double>(b(r, c));
      largest = std::isnan(difference) ? INFINITY : std::max(largest, std::abs(difference));
    }
  }
  return largest;
}

// The sum over the shares of what `share` computes.
template <class Share>
numeric::Matrix<float> summed(int shares, Share share) {
  numeric::Matrix<float> total = share(numeric::Shares{0, 1, shares});
  for (int i = 1; i < shares; ++i) {
    add_scaled(total, share(numeric::Shares{i, i + 1, shares}), 1.0F);
  }
  return total;
}

constexpr double kRounding = 2e-5;

// The models of the families, small: eight heads, hidden size 16, experts 8, of which 3 per token.
struct NamedModel {
  std::string name;
  Model model;
  bool norms_all_heads = false;
};
std::vector<NamedModel> small_families();

}  // namespace lockstep::test

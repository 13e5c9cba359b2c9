#include "tests/nccl/both.h"

#include <cmath>
#include <limits>

namespace lockstep::test {

using numeric::Matrix;
using numeric::Storage;

nccl::Device& gpu() {
  static nccl::Device device(0);
  return device;
}

Model odd_model() {
  Model m;
  m.num_hidden_layers = 1;
  m.hidden_size = 37;
  m.intermediate_size = 43;
  m.moe_intermediate_size = 19;
  m.n_routed_experts = 6;
  m.num_experts_per_tok = 2;
  m.num_attention_heads = 4;
  m.num_key_value_heads = 2;
  m.head_dim = 6;
  m.vocab_size = 100;
  m.rms_norm_eps = 1e-5;
  return m;
}

Model aligned_model() {
  Model m = odd_model();
  m.hidden_size = 64;
  m.moe_intermediate_size = 24;
  return m;
}

Matrix<float> drawn(Random& random, std::int64_t rows, std::int64_t columns, Storage storage,
                    float size) {
  Matrix<float> x(rows, columns);
  for (float& v : x.elements()) {
    const auto number = static_cast<float>(random.below(1 << 20) - (1 << 19));
    v = numeric::stored(size * number / static_cast<float>(1 << 19), storage);
  }
  return x;
}

Matrix<float> drawn_with_nan(Random& random, std::int64_t rows, std::int64_t columns,
                             Storage storage) {
  Matrix<float> x = drawn(random, rows, columns, storage);
  for (std::int64_t r = 2; r < rows; r += 3) {
    for (float& v : x.row(r)) v = std::numeric_limits<float>::quiet_NaN();
  }
  return x;
}

Matrix<float> magnitude(Matrix<float> x) {
  for (float& v : x.elements()) v = std::abs(v);
  return x;
}

float largest(const Matrix<float>& x) {
  float most = 0;
  for (std::int64_t r = 0; r < x.rows(); ++r) {
    for (const float v : x.row(r)) most = std::abs(v) > most ? std::abs(v) : most;
  }
  return most;
}

std::string named(const std::string& function, Storage storage) {
  return function + " in " + numeric::to_string(storage);
}

}  // namespace lockstep::test

// Host and device beside each other: the same model, the same weights, one storage.
#pragma once

#include <string>
#include <vector>

#include "backend/nccl/device_arithmetic.h"
#include "backend/numeric/host_arithmetic.h"
#include "sim/base/random.h"

namespace lockstep::test {

// The first CUDA device; made when it is first asked for.
nccl::Device& gpu();

inline constexpr std::int64_t kPlenty = std::int64_t{1} << 30;  // bytes of weights to keep

struct Both {
  numeric::Weights weights;
  nccl::DeviceWeights device_weights;
  numeric::HostArithmetic host;
  nccl::DeviceArithmetic device;

  explicit Both(const Model& model, numeric::Storage storage, std::int64_t budget = kPlenty,
                nccl::Grouping grouping = nccl::Grouping::grouped,
                nccl::RoutedRows* routed = nullptr)
      : weights(model, 7),
        device_weights(gpu(), weights, storage, budget),
        host(weights, storage),
        device(device_weights, routed, grouping) {}
};

inline const std::vector<numeric::Storage> kStorages = {
    numeric::Storage::float32, numeric::Storage::bfloat16, numeric::Storage::float16};

// Of one layer, with odd sizes: hidden 37, four query heads of six columns that read two of
// keys and values, six experts of width 19.
Model odd_model();
// The same with hidden 64 and a width of 24.
Model aligned_model();

// Elements in (-size, size), as `storage` keeps them.
numeric::Matrix<float> drawn(Random& random, std::int64_t rows, std::int64_t columns,
                             numeric::Storage storage, float size = 1.0F);
// The same, and every third row is NaN.
numeric::Matrix<float> drawn_with_nan(Random& random, std::int64_t rows, std::int64_t columns,
                                      numeric::Storage storage);
numeric::Matrix<float> magnitude(numeric::Matrix<float> x);
float largest(const numeric::Matrix<float>& x);  // magnitude; NaN counts nothing

// Row counts that tests go through: none, one, a few, more than a block of threads has warps.
inline const std::vector<std::int64_t> kRowCounts = {0, 1, 2, 5, 17, 67};

// "gated in bfloat16".
std::string named(const std::string& function, numeric::Storage storage);

}  // namespace lockstep::test

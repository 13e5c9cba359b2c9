#include "backend/nccl/device_tables.h"

#include <span>

#include "backend/numeric/rotary.h"

namespace lockstep::nccl {

using numeric::Matrix;

const std::int64_t* DeviceTables::list(const std::vector<std::int64_t>& list) {
  if (list.empty()) return nullptr;
  Block& block = lists_[list];
  if (!block) {
    const auto bytes = std::as_bytes(std::span(list));
    block = device_.memory().allocate(std::ssize(bytes));
    device_.upload(bytes, block.get());
  }
  return static_cast<const std::int64_t*>(block.get());
}

const RotaryTable& DeviceTables::rotary(std::int64_t width, double theta, std::int64_t first,
                                        std::int64_t count) {
  const RotaryKey key{width, theta, first, count};
  const auto found = rotary_.find(key);
  if (found != rotary_.end()) return found->second;
  const numeric::Rotary angles(width, theta, {first, first + count});
  const std::int64_t half = width / 2;
  Matrix<float> cosine(count, half);
  Matrix<float> sine(count, half);
  for (std::int64_t p = 0; p < count; ++p) {
    for (std::int64_t i = 0; i < half; ++i) {
      cosine(p, i) = static_cast<float>(angles.cosine(first + p, i));
      sine(p, i) = static_cast<float>(angles.sine(first + p, i));
    }
  }
  RotaryTable table{uploaded(device_, cosine, ElementType::float32),
                    uploaded(device_, sine, ElementType::float32)};
  return rotary_.emplace(key, std::move(table)).first->second;
}

}  // namespace lockstep::nccl

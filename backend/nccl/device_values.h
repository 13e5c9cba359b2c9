// Matrices and tensors in the memory of a GPU.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "backend/nccl/device.h"
#include "backend/numeric/matrix.h"
#include "backend/numeric/storage.h"

namespace lockstep::nccl {

enum class ElementType : std::uint8_t { float32, bfloat16, float16 };

ElementType element_type(numeric::Storage storage);
const char* to_string(ElementType type);
constexpr std::int64_t bytes_per_element(ElementType type) {
  return type == ElementType::float32 ? 4 : 2;
}

// rows x columns, row-major, contiguous. A copy shares the memory: whoever writes into values that
// others may hold makes them its own first (own()).
class DeviceValues {
 public:
  DeviceValues() = default;  // 0 x 0
  // Elements are undefined. Throws OutOfMemory.
  DeviceValues(Device& device, std::int64_t rows, std::int64_t columns, ElementType type);

  std::int64_t rows() const { return rows_; }
  std::int64_t columns() const { return columns_; }
  std::int64_t element_count() const { return rows_ * columns_; }
  std::int64_t bytes() const { return element_count() * bytes_per_element(type_); }
  ElementType type() const { return type_; }
  // Null where there are no elements.
  void* data() { return block_.get(); }
  const void* data() const { return block_.get(); }

  // Enqueued. REQUIRES: nobody else holds this memory.
  void set_to_zero(Device& device);
  void set_to_nan(Device& device);
  // Afterwards nobody else holds this memory: copies it if somebody does.
  void own(Device& device);

 private:
  void fill_bytes(Device& device, int byte);

  Block block_;
  std::int64_t rows_ = 0;
  std::int64_t columns_ = 0;
  ElementType type_ = ElementType::float32;
};

// As numeric::LocalTensor: rows of some columns of a tensor.
struct DeviceTensor {
  std::vector<numeric::Interval> columns;
  DeviceValues values;
};
// Immutable and shared. Null: never written.
using DeviceHeld = std::shared_ptr<const DeviceTensor>;

// Rounds to `type`, to nearest, ties to even.
DeviceValues uploaded(Device& device, const numeric::Matrix<float>& x, ElementType type);
// Waits for the device.
numeric::Matrix<float> downloaded(Device& device, const DeviceValues& x);

}  // namespace lockstep::nccl

#include "backend/nccl/device_values.h"

#include <span>

#include "backend/nccl/cuda_error.h"

namespace lockstep::nccl {

using numeric::Matrix;
using numeric::Storage;

namespace {

Storage storage_of(ElementType type) {
  return type == ElementType::bfloat16 ? Storage::bfloat16 : Storage::float16;
}

}  // namespace

ElementType element_type(Storage storage) {
  switch (storage) {
    case Storage::float32:
      return ElementType::float32;
    case Storage::bfloat16:
      return ElementType::bfloat16;
    case Storage::float16:
      break;
  }
  return ElementType::float16;
}

const char* to_string(ElementType type) {
  switch (type) {
    case ElementType::float32:
      return "float32";
    case ElementType::bfloat16:
      return "bfloat16";
    case ElementType::float16:
      break;
  }
  return "float16";
}

DeviceValues::DeviceValues(Device& device, std::int64_t rows, std::int64_t columns,
                           ElementType type)
    : block_(device.memory().allocate(rows * columns * bytes_per_element(type))),
      rows_(rows),
      columns_(columns),
      type_(type) {}

void DeviceValues::set_to_zero(Device& device) { fill_bytes(device, 0x00); }

// All bits set are a NaN in each of the types.
void DeviceValues::set_to_nan(Device& device) { fill_bytes(device, 0xFF); }

void DeviceValues::fill_bytes(Device& device, int byte) {
  if (element_count() == 0) return;
  check(cudaMemsetAsync(data(), byte, static_cast<std::size_t>(bytes()), device.stream()),
        "filling values");
}

void DeviceValues::own(Device& device) {
  if (!block_ || block_.use_count() == 1) return;
  DeviceValues copy(device, rows_, columns_, type_);
  check(cudaMemcpyAsync(copy.data(), data(), static_cast<std::size_t>(bytes()),
                        cudaMemcpyDeviceToDevice, device.stream()),
        "copying values");
  *this = std::move(copy);
}

DeviceValues uploaded(Device& device, const Matrix<float>& x, ElementType type) {
  DeviceValues values(device, x.rows(), x.columns(), type);
  std::vector<float> all;
  all.reserve(static_cast<std::size_t>(values.element_count()));
  for (std::int64_t r = 0; r < x.rows(); ++r) {
    all.insert(all.end(), x.row(r).begin(), x.row(r).end());
  }
  if (type == ElementType::float32) {
    device.upload(std::as_bytes(std::span(all)), values.data());
    return values;
  }
  std::vector<std::uint16_t> halves(all.size());
  numeric::bits_of(all, storage_of(type), halves);
  device.upload(std::as_bytes(std::span(halves)), values.data());
  return values;
}

Matrix<float> downloaded(Device& device, const DeviceValues& x) {
  const auto count = static_cast<std::size_t>(x.element_count());
  if (x.type() == ElementType::float32) {
    std::vector<float> all(count);
    device.download(x.data(), std::as_writable_bytes(std::span(all)));
    return {x.rows(), x.columns(), std::move(all)};
  }
  std::vector<std::uint16_t> halves(count);
  device.download(x.data(), std::as_writable_bytes(std::span(halves)));
  std::vector<float> all(count);
  numeric::values_of(halves, storage_of(x.type()), all);
  return {x.rows(), x.columns(), std::move(all)};
}

}  // namespace lockstep::nccl

// Small tables on a GPU that the host computes: lists of rows and columns, and rotary angles. Each
// is uploaded once and kept, so that a step that ran before uploads nothing.
#pragma once

#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "backend/nccl/device_values.h"

namespace lockstep::nccl {

// Cosines and sines, a row per position and a column per pair: rotary.h, rounded to float32.
struct RotaryTable {
  DeviceValues cosine;
  DeviceValues sine;
};

class DeviceTables {
 public:
  // The device must outlive it.
  explicit DeviceTables(Device& device) : device_(device) {}
  DeviceTables(const DeviceTables&) = delete;
  DeviceTables& operator=(const DeviceTables&) = delete;

  // The list on the device, valid as long as the tables. Null if it is empty.
  const std::int64_t* list(const std::vector<std::int64_t>& list);
  // `width` columns of a head that turn, for the positions first .. first + count - 1.
  // REQUIRES: theta > 0.
  const RotaryTable& rotary(std::int64_t width, double theta, std::int64_t first,
                            std::int64_t count);

 private:
  using RotaryKey = std::tuple<std::int64_t, double, std::int64_t, std::int64_t>;

  Device& device_;
  std::map<std::vector<std::int64_t>, Block> lists_;
  std::map<RotaryKey, RotaryTable> rotary_;
};

}  // namespace lockstep::nccl

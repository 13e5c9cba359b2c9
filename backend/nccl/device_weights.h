// The weights of a model on a GPU, drawn there by the same hash as on the host (weights.h), so that
// nothing is uploaded. What was drawn is kept while a budget lasts, and drawn anew otherwise.
#pragma once

#include <cstdint>
#include <map>
#include <tuple>

#include "backend/nccl/device_tables.h"
#include "backend/nccl/device_values.h"
#include "backend/numeric/weights.h"

namespace lockstep::nccl {

class DeviceWeights {
 public:
  // Device and `weights` must outlive it. `budget`: bytes of blocks that may be kept.
  DeviceWeights(Device& device, numeric::Weights& weights, numeric::Storage storage,
                std::int64_t budget)
      : device_(device), weights_(weights), storage_(storage), budget_(budget), tables_(device) {}
  DeviceWeights(const DeviceWeights&) = delete;
  DeviceWeights& operator=(const DeviceWeights&) = delete;

  Device& device() const { return device_; }
  numeric::Weights& host() const { return weights_; }
  numeric::Storage storage() const { return storage_; }
  DeviceTables& tables() { return tables_; }

  // The block, in the type of `storage`, which has every weight exactly.
  DeviceValues block(const numeric::WeightBlock& block);
  // Its first row, in float32. Kept, whatever the budget: it is small.
  DeviceValues row(const numeric::WeightBlock& block);
  // Row ids[i] of a table in row i, in the type of `storage`; never kept.
  DeviceValues rows_of(const numeric::WeightBlock& table, const std::vector<std::int64_t>& ids);

  std::int64_t kept_bytes() const { return kept_bytes_; }

 private:
  using Key = std::tuple<numeric::WeightName, numeric::WeightShape, std::int64_t, std::int64_t,
                         std::int64_t, std::int64_t, ElementType>;
  static Key key_of(const numeric::WeightBlock& block, ElementType type);
  DeviceValues kept_or_drawn(const numeric::WeightBlock& block, ElementType type, bool is_small);

  Device& device_;
  numeric::Weights& weights_;
  numeric::Storage storage_;
  std::int64_t budget_;
  std::int64_t kept_bytes_ = 0;
  DeviceTables tables_;
  std::map<Key, DeviceValues> kept_;
};

}  // namespace lockstep::nccl

#include "backend/nccl/device_weights.h"

#include "backend/nccl/kernels.h"

namespace lockstep::nccl {

using numeric::Interval;
using numeric::WeightBlock;

namespace {

// All rows of the block, or those that the list `ids` on the device names, `count` of them.
DeviceValues drawn(Device& device, const WeightBlock& block, std::uint64_t seed, ElementType type,
                   const std::int64_t* ids, std::int64_t count) {
  DeviceValues out(device, count, block.column_count(), type);
  const DrawnRows rows{numeric::matrix_key(seed, block.name()), block.row_interval().first, ids,
                       block.column_interval().first};
  draw_weights(device, numeric::values_of_bytes(block.name().kind, block.whole().rows), rows, out);
  return out;
}

}  // namespace

DeviceValues drawn_block(Device& device, const WeightBlock& block, std::uint64_t seed,
                         ElementType type) {
  return drawn(device, block, seed, type, nullptr, block.row_count());
}

DeviceWeights::Key DeviceWeights::key_of(const WeightBlock& block, ElementType type) {
  const Interval rows = block.row_interval();
  const Interval columns = block.column_interval();
  return {block.name(), block.whole(), rows.first, rows.last, columns.first, columns.last, type};
}

DeviceValues DeviceWeights::kept_or_drawn(const WeightBlock& block, ElementType type,
                                          bool is_small) {
  const Key key = key_of(block, type);
  const auto found = kept_.find(key);
  if (found != kept_.end()) return found->second;
  DeviceValues values = drawn(device_, block, weights_.seed(), type, nullptr, block.row_count());
  const std::int64_t taken = values.bytes() > 0 ? block_size(values.bytes()) : 0;
  if (is_small || kept_bytes_ + taken <= budget_) {
    kept_bytes_ += taken;
    kept_.emplace(key, values);
  }
  return values;
}

DeviceValues DeviceWeights::block(const WeightBlock& block) {
  return kept_or_drawn(block, element_type(storage_), false);
}

DeviceValues DeviceWeights::row(const WeightBlock& block) {
  const std::int64_t first = block.row_interval().first;
  return kept_or_drawn(block.rows({first, first + 1}), ElementType::float32, true);
}

DeviceValues DeviceWeights::rows_of(const WeightBlock& table,
                                    const std::vector<std::int64_t>& ids) {
  return drawn(device_, table, weights_.seed(), element_type(storage_), tables_.list(ids),
               std::ssize(ids));
}

}  // namespace lockstep::nccl

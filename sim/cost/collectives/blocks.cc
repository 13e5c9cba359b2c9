#include "sim/cost/collectives/blocks.h"

#include "sim/base/require.h"

namespace lockstep {
namespace {

// In elements.
std::vector<std::int64_t> sizes_of(const CollectiveCall& call) {
  std::vector<std::int64_t> sizes = call.sizes;
  for (std::int64_t& size : sizes) size /= call.element_bytes;
  return sizes;
}

int ranks_of(const CollectiveCall& call) { return static_cast<int>(call.ranks.size()); }

Blocks blocks_of_a_rank(const CollectiveCall& call) {
  if (call.sizes.empty()) return {elements_of(call), ranks_of(call)};
  return Blocks(sizes_of(call));
}

}  // namespace

Blocks::Blocks(std::span<const std::int64_t> sizes)
    : parts_(static_cast<std::int64_t>(sizes.size())), ends_{0} {
  for (const std::int64_t size : sizes) {
    LOCKSTEP_ASSERT(size >= 0);
    ends_.push_back(ends_.back() + size);
  }
}

std::int64_t Blocks::largest() const {
  if (ends_.empty()) return size(0);
  std::int64_t largest = 0;
  for (std::int64_t i = 0; i < parts_; ++i) largest = std::max(largest, size(i));
  return largest;
}

std::int64_t Blocks::filled() const {
  if (ends_.empty()) return each_ > 0 ? parts_ : larger_;
  std::int64_t filled = 0;
  for (std::int64_t i = 0; i < parts_; ++i) filled += size(i) > 0 ? 1 : 0;
  return filled;
}

bool Blocks::equal() const {
  if (ends_.empty()) return larger_ == 0;
  for (std::int64_t i = 1; i < parts_; ++i) {
    if (size(i) != size(0)) return false;
  }
  return true;
}

std::int64_t elements_of(const CollectiveCall& call) { return call.bytes / call.element_bytes; }

Blocks rank_blocks(const CollectiveCall& call) {
  LOCKSTEP_ASSERT(call.sizes.empty() || call.sizes.size() == call.ranks.size());
  return blocks_of_a_rank(call);
}

PairBlocks::PairBlocks(const CollectiveCall& call)
    : ranks_(ranks_of(call)), given_(!call.sizes.empty()), blocks_(blocks_of_a_rank(call)) {
  LOCKSTEP_ASSERT(!given_ || blocks_.parts() == std::int64_t{ranks_} * ranks_);
}

bool PairBlocks::equal() const {
  if (!given_) return blocks_.equal();
  for (int from = 0; from < ranks_; ++from) {
    for (int to = 0; to < ranks_; ++to) {
      if (from != to && size(from, to) != size(0, ranks_ - 1)) return false;
    }
  }
  return true;
}

}  // namespace lockstep

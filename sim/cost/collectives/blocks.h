// A buffer cut into blocks, in elements.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "sim/cost/collective_call.h"

namespace lockstep {

// Blocks one after the other. Either even: their sizes differ by one element at most, the larger
// ones first; or of given sizes, zero allowed.
class Blocks {
 public:
  // REQUIRES: total >= 0, parts > 0.
  Blocks(std::int64_t total, std::int64_t parts)
      : parts_(parts), each_(total / parts), larger_(total % parts) {}
  explicit Blocks(std::span<const std::int64_t> sizes);

  std::int64_t parts() const { return parts_; }
  // Of the elements before block i. REQUIRES: 0 <= i <= parts.
  std::int64_t first(std::int64_t i) const {
    return ends_.empty() ? i * each_ + std::min(i, larger_) : ends_[static_cast<std::size_t>(i)];
  }
  std::int64_t size(std::int64_t i) const {
    return ends_.empty() ? each_ + (i < larger_ ? 1 : 0) : first(i + 1) - first(i);
  }
  std::int64_t total() const { return first(parts_); }
  std::int64_t largest() const;
  std::int64_t filled() const;  // how many are not empty
  bool equal() const;           // all of one size

 private:
  std::int64_t parts_;
  std::int64_t each_ = 0;
  std::int64_t larger_ = 0;         // so many have an element more
  std::vector<std::int64_t> ends_;  // of given sizes: 0, then where each ends
};

// Whole elements of call.bytes; what is left of an element is not sent (as in nccl-tests).
std::int64_t elements_of(const CollectiveCall& call);

// One block a rank: what each brings (gathers), receives (scatters), or a cut into as many chunks
// (all-reduce). Of the calls with `sizes`, those.
Blocks rank_blocks(const CollectiveCall& call);

// What each sends to each: block i * ranks + j from i to j. Without `sizes` each rank's buffer is
// elements_of(call), cut evenly.
class PairBlocks {
 public:
  explicit PairBlocks(const CollectiveCall& call);
  int ranks() const { return ranks_; }
  std::int64_t first(int from, int to) const {
    return given_ ? blocks_.first(entry(from, to)) : from * blocks_.total() + blocks_.first(to);
  }
  std::int64_t size(int from, int to) const { return blocks_.size(given_ ? entry(from, to) : to); }
  // All that one rank sends to another have one size.
  bool equal() const;

 private:
  std::int64_t entry(int from, int to) const { return std::int64_t{from} * ranks_ + to; }

  int ranks_;
  bool given_;
  Blocks blocks_;  // of one rank; given: of all pairs
};

}  // namespace lockstep

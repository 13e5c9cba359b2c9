// Hash-consing: equal sequences are stored once and compared by their index.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sim/base/random.h"

namespace lockstep::contract {

// Stores sequences of T in one arena. Indices are dense, from 0, in order of first appearance; they
// depend on the order of calls only. REQUIRES of T: operator== and a function `fold(seed, const
// T&)` that mixes an item into a hash, found by argument-dependent lookup.
template <class T>
class SequenceInterner {
 public:
  // `expected`: about how many sequences will come; memory is set aside for them.
  explicit SequenceInterner(std::size_t expected = 0)
      : slots_(std::bit_ceil(std::max(kFewestSlots, 2 * expected)), kFree) {
    arena_.reserve(expected);
    entries_.reserve(expected);
  }

  // The index of `items` (stored if new). `tag` is part of the identity. `items` may lie in the
  // arena itself only if the sequence is known already.
  std::int32_t intern(std::span<const T> items, std::uint64_t tag = 0) {
    const std::uint64_t hash = hash_of(items, tag);
    std::size_t slot = static_cast<std::size_t>(hash) & (slots_.size() - 1);
    while (slots_[slot] != kFree) {
      const Entry& entry = entries_[static_cast<std::size_t>(slots_[slot])];
      if (entry.hash == hash && entry.tag == tag && std::ranges::equal(view(entry), items)) {
        return slots_[slot];
      }
      slot = (slot + 1) & (slots_.size() - 1);
    }
    const auto index = static_cast<std::int32_t>(entries_.size());
    entries_.push_back({hash, tag, static_cast<std::uint32_t>(arena_.size()),
                        static_cast<std::uint32_t>(items.size())});
    arena_.insert(arena_.end(), items.begin(), items.end());
    slots_[slot] = index;
    if (entries_.size() * 2 > slots_.size()) grow();
    return index;
  }

  // Valid until the next call of intern().
  std::span<const T> at(std::int32_t index) const {
    return view(entries_[static_cast<std::size_t>(index)]);
  }
  std::uint64_t tag(std::int32_t index) const {
    return entries_[static_cast<std::size_t>(index)].tag;
  }
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::uint64_t hash;
    std::uint64_t tag;
    std::uint32_t begin;
    std::uint32_t count;
  };
  static constexpr std::int32_t kFree = -1;
  static constexpr std::size_t kFewestSlots = 64;

  std::span<const T> view(const Entry& entry) const {
    return std::span<const T>(arena_).subspan(entry.begin, entry.count);
  }
  static std::uint64_t hash_of(std::span<const T> items, std::uint64_t tag) {
    std::uint64_t hash = mix64(tag ^ items.size());
    for (const T& item : items) hash = fold(hash, item);
    return hash;
  }
  void grow() {
    slots_.assign(slots_.size() * 2, kFree);
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      std::size_t slot = static_cast<std::size_t>(entries_[i].hash) & (slots_.size() - 1);
      while (slots_[slot] != kFree) slot = (slot + 1) & (slots_.size() - 1);
      slots_[slot] = static_cast<std::int32_t>(i);
    }
  }

  std::vector<T> arena_;
  std::vector<Entry> entries_;
  std::vector<std::int32_t> slots_;
};

}  // namespace lockstep::contract

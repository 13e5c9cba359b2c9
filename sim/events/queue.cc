#include "sim/events/queue.h"

#include <algorithm>
#include <bit>

#include "sim/base/require.h"

namespace lockstep {

namespace {

std::uint64_t key(const Event& event) { return static_cast<std::uint64_t>(event.time.count()); }

}  // namespace

void EventQueue::push(const Event& event) {
  LOCKSTEP_ASSERT(event.time >= now());
  std::uint32_t node = free_;
  if (node == kNone) {
    node = static_cast<std::uint32_t>(nodes_.size());
    nodes_.emplace_back();
  } else {
    free_ = nodes_[node].next;
  }
  nodes_[node].event = event;
  append(node);
  ++size_;
}

Event EventQueue::pop() {
  LOCKSTEP_ASSERT(size_ > 0);
  std::size_t level = 0;
  while (occupied_[level] == 0) ++level;
  const auto index = static_cast<std::size_t>(std::countr_zero(occupied_[level]));
  Slot& slot = slots_[level][index];
  const std::uint32_t first = slot.first;
  if (first == slot.last) {
    occupied_[level] &= ~(std::uint64_t{1} << index);
  } else if (level == 0) {
    slot.first = nodes_[first].next;
  } else {
    occupied_[level] &= ~(std::uint64_t{1} << index);
    spread(slot);
    return pop();
  }
  return take(first);
}

Event EventQueue::take(std::uint32_t node) {
  const Event event = nodes_[node].event;
  nodes_[node].next = free_;
  free_ = node;
  --size_;
  now_ = key(event);
  return event;
}

void EventQueue::append(std::uint32_t node) {
  const std::uint64_t time = key(nodes_[node].event);
  const std::uint64_t differing = (time ^ now_) | 1;  // equal: the lowest level, too
  const unsigned level = (63U - static_cast<unsigned>(std::countl_zero(differing))) / kDigitBits;
  const std::size_t index = (time >> (level * kDigitBits)) % kSlots;
  const std::uint64_t bit = std::uint64_t{1} << index;
  Slot& slot = slots_[level][index];
  if ((occupied_[level] & bit) != 0) {
    nodes_[slot.last].next = node;
  } else {
    occupied_[level] |= bit;
    slot.first = node;
  }
  slot.last = node;
}

// Time goes on to the earliest event of the slot, and all its events come to lower levels.
void EventQueue::spread(Slot slot) {
  std::uint64_t earliest = key(nodes_[slot.last].event);
  for (std::uint32_t node = slot.first; node != slot.last; node = nodes_[node].next) {
    earliest = std::min(earliest, key(nodes_[node].event));
  }
  now_ = earliest;
  for (std::uint32_t node = slot.first;;) {
    const std::uint32_t next = nodes_[node].next;
    append(node);
    if (node == slot.last) break;
    node = next;
  }
}

}  // namespace lockstep

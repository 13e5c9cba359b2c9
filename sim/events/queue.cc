#include "sim/events/queue.h"

#include <algorithm>
#include <bit>

#include "sim/base/require.h"

namespace lockstep {

namespace {

std::uint64_t key(const Event& event) { return static_cast<std::uint64_t>(event.time.count()); }

}  // namespace

std::size_t EventQueue::SlotSet::first() const {
  std::size_t word = 0;
  while (words[word] == 0) ++word;
  return word * 64 + static_cast<std::size_t>(std::countr_zero(words[word]));
}

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
  while (occupied_[level].empty()) ++level;
  const std::size_t index = occupied_[level].first();
  Slot& slot = slots_[level][index];
  const std::uint32_t first = slot.first;
  if (first == slot.last) {
    occupied_[level].erase(index);
  } else if (level == 0) {
    slot.first = nodes_[first].next;
  } else {
    occupied_[level].erase(index);
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
  Slot& slot = slots_[level][index];
  if (occupied_[level].has(index)) {
    nodes_[slot.last].next = node;
    slot.earliest = std::min(slot.earliest, time);
  } else {
    occupied_[level].insert(index);
    slot.first = node;
    slot.earliest = time;
  }
  slot.last = node;
}

// Time goes on to the earliest event of the slot, and all its events come to lower levels.
void EventQueue::spread(Slot slot) {
  now_ = slot.earliest;
  for (std::uint32_t node = slot.first;;) {
    const std::uint32_t next = nodes_[node].next;
    append(node);
    if (node == slot.last) break;
    node = next;
  }
}

}  // namespace lockstep

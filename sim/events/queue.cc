#include "sim/events/queue.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "sim/base/require.h"

namespace lockstep {

namespace {

constexpr std::size_t kSpareChunks = 64;  // kept even if no event is there

std::uint64_t key(const Event& event) { return static_cast<std::uint64_t>(event.time.count()); }

}  // namespace

// Chains are taken apart one by one: letting them destroy each other would recurse.
EventQueue::~EventQueue() {
  const auto dismantle = [](std::unique_ptr<Chunk> chain) {
    while (chain) chain = std::move(chain->next);
  };
  for (auto& level : slots_) {
    for (Slot& slot : level) dismantle(std::move(slot.head));
  }
  dismantle(std::move(free_));
}

void EventQueue::push(const Event& event) {
  LOCKSTEP_ASSERT(event.time >= now());
  append(event);
  ++size_;
}

Event EventQueue::pop() {
  LOCKSTEP_ASSERT(size_ > 0);
  if (occupied_[0] == 0) refill();
  const auto index = static_cast<std::size_t>(std::countr_zero(occupied_[0]));
  Slot& slot = slots_[0][index];
  Chunk& chunk = *slot.head;
  const Event event = chunk.events[chunk.begin++];
  if (chunk.begin == chunk.end) {
    std::unique_ptr<Chunk> used = std::exchange(slot.head, std::move(chunk.next));
    recycle(std::move(used));
    if (!slot.head) occupied_[0] &= ~(std::uint64_t{1} << index);
  }
  --size_;
  now_ = key(event);
  return event;
}

void EventQueue::append(const Event& event) {
  const std::uint64_t time = key(event);
  const std::uint64_t differing = (time ^ now_) | 1;  // equal: the lowest level, too
  const unsigned level = (63U - static_cast<unsigned>(std::countl_zero(differing))) / kDigitBits;
  const std::size_t index = (time >> (level * kDigitBits)) % kSlots;
  Slot& slot = slots_[level][index];
  if (!slot.head || slot.tail->end == kChunkEvents) add_chunk(slot);
  slot.tail->events[slot.tail->end++] = event;
  occupied_[level] |= std::uint64_t{1} << index;
}

void EventQueue::add_chunk(Slot& slot) {
  std::unique_ptr<Chunk> chunk;
  if (free_) {
    chunk = std::move(free_);
    free_ = std::move(chunk->next);
    --free_count_;
  } else {
    chunk = std::make_unique<Chunk>();
  }
  ++used_count_;
  chunk->begin = chunk->end = 0;
  Chunk* const added = chunk.get();
  (slot.head ? slot.tail->next : slot.head) = std::move(chunk);
  slot.tail = added;
}

void EventQueue::recycle(std::unique_ptr<Chunk> chunk) {
  --used_count_;
  if (free_count_ > used_count_ + kSpareChunks) return;  // and its memory goes back
  ++free_count_;
  chunk->next = std::move(free_);
  free_ = std::move(chunk);
}

// Time goes on to the earliest event, which comes to the lowest level with all of its time.
void EventQueue::refill() {
  unsigned level = 1;
  while (occupied_[level] == 0) ++level;
  const auto index = static_cast<std::size_t>(std::countr_zero(occupied_[level]));
  occupied_[level] &= ~(std::uint64_t{1} << index);
  std::unique_ptr<Chunk> chain = std::move(slots_[level][index].head);
  std::uint64_t earliest = key(chain->events[chain->begin]);
  for (const Chunk* chunk = chain.get(); chunk != nullptr; chunk = chunk->next.get()) {
    for (auto i = chunk->begin; i < chunk->end; ++i) {
      earliest = std::min(earliest, key(chunk->events[i]));
    }
  }
  now_ = earliest;
  while (chain) {
    for (auto i = chain->begin; i < chain->end; ++i) append(chain->events[i]);
    std::unique_ptr<Chunk> next = std::move(chain->next);
    recycle(std::exchange(chain, std::move(next)));
  }
}

}  // namespace lockstep

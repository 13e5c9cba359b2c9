// What happens next: events in order of (time, sequence), the sequence being the order of pushing.
//
// Simulated time never goes back, and such a queue needs no heap. An event lies in a slot that
// follows from its time and from now: its level is the highest 8-bit digit in which the two
// differ, its slot there is its own digit. A slot of the lowest level holds events of one time,
// first in, first out. If that level is empty, the first slot of the next one that is not is
// spread over the levels below it, in order; so events of equal times keep their order, and no
// sequence number is stored. An event moves at most once a level: for 1 us, 10^6 ps, that is 3.
// (A multi-level bucket queue: Denardo and Fox 1979; with two slots a level it is the radix heap
// of Ahuja, Mehlhorn, Orlin and Tarjan, 1990.)
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/base/time.h"

namespace lockstep {

// The queue reads only `time`. `kind` and `subject` belong to whoever takes the event.
struct Event {
  Time time{};
  std::uint32_t kind = 0;
  std::uint32_t subject = 0;
  bool operator==(const Event&) const = default;
};

// Memory: 24 bytes for each of the most events that were ever in it at once.
class EventQueue {
 public:
  // REQUIRES: event.time >= now().
  void push(const Event& event);
  // The earliest; of equal ones the first pushed. now() becomes its time. REQUIRES: !empty().
  Event pop();

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  // The time of the last event taken.
  Time now() const { return Time(static_cast<std::int64_t>(now_)); }
  // Is there another event of this very time?
  bool more_now() const { return occupied_[0].has(now_ % kSlots); }

 private:
  static constexpr unsigned kDigitBits = 8;
  static constexpr unsigned kSlots = 1U << kDigitBits;
  static constexpr unsigned kLevels = 8;
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;

  // A set of slots.
  struct SlotSet {
    std::array<std::uint64_t, kSlots / 64> words{};
    bool has(std::size_t slot) const { return (words[slot / 64] >> (slot % 64) & 1) != 0; }
    void insert(std::size_t slot) { words[slot / 64] |= std::uint64_t{1} << (slot % 64); }
    void erase(std::size_t slot) { words[slot / 64] &= ~(std::uint64_t{1} << (slot % 64)); }
    bool empty() const { return (words[0] | words[1] | words[2] | words[3]) == 0; }
    std::size_t first() const;  // REQUIRES: not empty
  };
  struct Node {
    Event event;
    std::uint32_t next = kNone;
  };
  struct Slot {  // a list, first in, first out; meaningless if it is not occupied
    std::uint32_t first = kNone;
    std::uint32_t last = kNone;
    std::uint64_t earliest = 0;  // time in it
  };

  void append(std::uint32_t node);
  Event take(std::uint32_t node);
  void spread(Slot slot);

  std::array<std::array<Slot, kSlots>, kLevels> slots_;
  std::array<SlotSet, kLevels> occupied_;
  std::vector<Node> nodes_;
  std::uint32_t free_ = kNone;  // a list of nodes
  std::uint64_t now_ = 0;
  std::size_t size_ = 0;
};

}  // namespace lockstep

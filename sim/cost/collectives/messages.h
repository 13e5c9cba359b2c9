// Schedules that also know what is in a message, so that a test can follow every element.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/events/schedule.h"

namespace lockstep {

// Elements of the buffer that the collective works on. All parties number them alike:
//   all_reduce, broadcast, reduce   each rank's buffer
//   gathers, scatters               the whole buffer, block after block in group order
//   all_to_all, dispatch, combine   block i * ranks + j is what i sends to j
//   send_recv                       the buffers of all ranks, one after the other
struct Piece {
  std::int64_t first = 0;
  std::int64_t count = 0;
  bool adds = false;  // is added to what the receiver has there; else it takes its place
};

// A message as its sender's elements stood when its round began; the receiver takes it in at the
// end of its own round `round`.
struct Message {
  int to = 0;
  int round = 0;
  Piece piece;
  Piece second;  // most messages have one piece

  std::int64_t count() const { return piece.count + second.count; }
};

class CollectiveSchedule : public Schedule {
 public:
  // As `sends`, message for message.
  virtual void messages(int party, int round, std::vector<Message>& out) const = 0;
};

// What an algorithm derives from, giving itself as Self. It says its messages once, in
//   template <class Take> void each(int party, int round, Take take) const
// which calls take(Message) for each; empty ones may be among them and are left out here.
template <class Self>
class MessageSchedule : public CollectiveSchedule {
 public:
  explicit MessageSchedule(int element_bytes) : element_bytes_(element_bytes) {}

  void sends(int party, int round, std::vector<Send>& out) const final {
    self().each(party, round, [&](const Message& message) {
      if (message.count() == 0) return;
      out.push_back({message.to, message.count() * element_bytes_, message.round});
    });
  }
  void messages(int party, int round, std::vector<Message>& out) const final {
    self().each(party, round, [&](const Message& message) {
      if (message.count() > 0) out.push_back(message);
    });
  }

 private:
  const Self& self() const { return static_cast<const Self&>(*this); }

  std::int64_t element_bytes_;
};

}  // namespace lockstep

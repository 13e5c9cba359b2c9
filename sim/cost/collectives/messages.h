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

// A message, or a part of one: elements as they stand at the sender when its round begins. The
// receiver takes them in at the end of its own round `round`.
struct MessagePart {
  int to = 0;
  int round = 0;
  Piece piece;
  bool joins = false;  // a part of the message before it, which has the same receiver and round
};

class CollectiveSchedule : public Schedule {
 public:
  // As `sends`, message for message, those of several parts part by part.
  virtual void messages(int party, int round, std::vector<MessagePart>& out) const = 0;
};

// What an algorithm derives from, giving itself as Self. It says its messages once, in
//   template <class Take> void each(int party, int round, Take take) const
// which calls take(MessagePart) for each part; empty ones may be among them and are left out here.
template <class Self>
class MessageSchedule : public CollectiveSchedule {
 public:
  explicit MessageSchedule(int element_bytes) : element_bytes_(element_bytes) {}

  void sends(int party, int round, std::vector<Send>& out) const final {
    const std::size_t before = out.size();
    self().each(party, round, [&](const MessagePart& part) {
      if (part.piece.count == 0) return;
      const std::int64_t bytes = part.piece.count * element_bytes_;
      if (part.joins && joins(before, out, part)) {
        out.back().bytes += bytes;
      } else {
        out.push_back({part.to, bytes, part.round});
      }
    });
  }
  void messages(int party, int round, std::vector<MessagePart>& out) const final {
    const std::size_t before = out.size();
    self().each(party, round, [&](MessagePart part) {
      if (part.piece.count == 0) return;
      part.joins = part.joins && joins(before, out, part);
      out.push_back(part);
    });
  }

 private:
  // The part that it joins may have been empty.
  template <class List>
  static bool joins(std::size_t before, const List& out, const MessagePart& part) {
    return out.size() > before && out.back().to == part.to && out.back().round == part.round;
  }
  const Self& self() const { return static_cast<const Self&>(*this); }

  std::int64_t element_bytes_;
};

}  // namespace lockstep

// Flows that contend: how fast each is, and when it ends.
//
// Rates are max-min fair by progressive filling. The share of a link is what is left of its
// capacity over the number of its flows that have no rate yet, rounded down to a whole
// micro-byte/s. The link with the smallest (share, number) gives all of these flows its share, and
// limits them; the other links on their ways have so much less left; and so on. (Bertsekas and
// Gallager, Data Networks, 1992, section 6.5.2; the rounding is ours and keeps it exact.) A share
// never shrinks while this goes on, so a heap whose entries may be too low finds the next link.
//
// A link serves all flows that it limits at one rate. So it keeps one number for all of them: what
// it has given to each since ever. A flow ends when this number reaches its target. A change of
// rates then costs a step a link, not a step a flow, and flows that end together cost one event.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "sim/events/fabric.h"
#include "sim/events/queue.h"

namespace lockstep {

// What is left of a flow, exactly: micro-bytes/s times ps.
__extension__ using Work = unsigned __int128;
inline constexpr std::uint64_t kWorkOfByte = 1'000'000'000'000'000'000;  // 1e6 * 1e12

class FairShares {
 public:
  // `due` is the kind of the events that it pushes; their subject is a link.
  FairShares(std::vector<Rate> capacity, std::uint32_t due)
      : capacity_(std::move(capacity)), due_(due) {}

  // From now on `flow`, a small number of the caller's, crosses `links`, all different. Its rate
  // is known after the next settle(), in the same picosecond. REQUIRES: 1 to 4 links; work > 0.
  void add(std::uint32_t flow, std::span<const LinkId> links, Work work);
  bool carries(LinkId link) const { return !links_[link.index()].flows.empty(); }
  // Takes an event of the kind `due`; appends the flows that have ended and are gone.
  void handle(const Event& event, EventQueue& queue, std::vector<std::uint32_t>& ended);
  // Rates anew, for all links that a change reaches. REQUIRES: nothing else happens now.
  void settle(EventQueue& queue);

 private:
  static constexpr std::int32_t kNone = -1;
  static constexpr Time kNever = Time(-1);

  struct Flow {
    std::array<LinkId, 4> links{};
    std::array<std::uint32_t, 4> position{};  // in Link::flows of each
    Work target = 0;           // ends when the limiting link has given this; no link: the work
    std::uint32_t place = 0;   // in Link::limited
    std::uint32_t filled = 0;  // the filling that gave it a rate
    std::int32_t limited_by = kNone;
    std::int32_t count = 0;
  };
  struct Link {
    std::vector<std::uint32_t> flows;
    std::vector<std::uint32_t> limited;  // of those, a heap: the smallest target in front
    Work given = 0;
    Time since{};               // until when `given` counts
    Time due = kNever;          // its next event
    WideInteger rate = 0;       // of what it limits
    WideInteger rest = 0;       // while filling: of the capacity
    std::int64_t unfilled = 0;  // while filling: flows
    std::uint32_t reached = 0;  // the filling that last reached it
    WideInteger share() const { return rest / unfilled; }
  };
  using Entry = std::pair<WideInteger, std::int32_t>;  // share, link

  void remove(std::uint32_t flow);
  void bring_up_to(Time now, Link& link);
  void schedule(std::int32_t index, EventQueue& queue);
  void reach(LinkId id);
  void collect();
  void fill(Time now);
  void limit(std::int32_t index);
  void assign(std::uint32_t flow, std::int32_t index);
  void push_limited(std::int32_t index, std::uint32_t flow);
  void erase_limited(Link& link, std::uint32_t place);
  void sift_up(Link& link, std::uint32_t place);
  void sift_down(Link& link, std::uint32_t place);

  std::vector<Rate> capacity_;
  std::uint32_t due_;
  std::vector<Link> links_;  // made when first needed
  std::vector<Flow> flows_;
  std::vector<LinkId> changed_;
  std::size_t busy_ = 0;  // links with flows
  std::uint32_t filling_ = 0;
  std::vector<std::int32_t> component_;
  std::vector<Entry> next_;
};

}  // namespace lockstep

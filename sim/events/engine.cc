#include "sim/events/engine.h"

#include <algorithm>
#include <utility>

#include "sim/base/random.h"
#include "sim/base/require.h"
#include "sim/events/matching.h"
#include "sim/events/queue.h"
#include "sim/events/stuck.h"
#include "sim/events/traffic.h"

namespace lockstep {
namespace {

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

// A stream of one rank, and the action that it stands at.
struct Stream {
  std::int32_t rank = 0;
  std::int32_t head = -1;         // position of the action; -1: all are over
  std::int32_t previous = -1;     // the one before it on this stream
  std::int32_t next_waiter = -1;  // the stream that waits for the same event
  Time time{};                    // when `previous` is over
};

// A meeting as far as its members are there.
struct Gathering {
  std::int32_t call = -1;  // of the first
  std::int32_t arrived = 0;
  std::int32_t collective = -1;  // of the traffic, if the call has a schedule
  Time last{};                   // when the last came, if all have
  std::int32_t last_rank = -1;   // and why not before
  std::int32_t last_action = -1;
};

// A send, receive or exchange under way.
struct Transfer {
  std::int32_t missing = 0;  // transfers that have not begun
  Time end{};                // of those that have
};

class Engine {
 public:
  explicit Engine(const Program& program)
      : program_(program), matching_(match(program)), traffic_(program.fabric, queue_, kTraffic) {
    start_hosts();
    start_streams();
    gatherings_.resize(matching_.meetings.size());
    for (const Partners& partners : matching_.partners) {
      transfers_.push_back({partners.sends + partners.receives, {}});
    }
  }

  Timeline run() {
    for (std::size_t s = 0; s < streams_.size(); ++s) go_on(static_cast<std::int32_t>(s));
    while (!queue_.empty() && !timeline_.stuck) {
      take(queue_.pop());
      ++timeline_.events;
    }
    if (!timeline_.stuck) look_for_deadlock();
    sum_up();
    return std::move(timeline_);
  }

 private:
  enum Kind : std::uint32_t {
    kGoOn = Network::kEventKinds,  // a stream: what it waited for is known
    kArrive,                       // a stream, at somebody to meet
    kParty,                        // an entry of Matching::calls begins to send
    kTraffic,                      // and above: not ours
  };

  const Action& action(ActionRef place) const {
    return program_.of_rank[at(place.rank)][at(place.action)];
  }
  Moment& moment(ActionRef place) { return timeline_.of_rank[at(place.rank)][at(place.action)]; }
  std::int32_t stream_of(ActionRef place) const {
    return matching_.stream(place.rank, action(place).stream);
  }
  void push(Time time, Kind kind, std::int32_t subject) {
    queue_.push({time, kind, static_cast<std::uint32_t>(subject)});
  }

  // Hosts wait for nobody: when they issue what is known at once.
  void start_hosts() {
    timeline_.of_rank.reserve(program_.of_rank.size());
    for (const std::vector<Action>& list : program_.of_rank) {
      std::vector<Moment>& moments = timeline_.of_rank.emplace_back(list.size());
      Time host{};
      for (std::size_t i = 0; i < list.size(); ++i) moments[i].issued = host += list[i].issue;
    }
  }

  void start_streams() {
    streams_.resize(matching_.first_on.size());
    for (std::size_t rank = 0; rank < program_.of_rank.size(); ++rank) {
      const auto end = matching_.first_stream[rank + 1];
      for (auto s = matching_.first_stream[rank]; s < end; ++s) {
        streams_[at(s)] = {static_cast<std::int32_t>(rank), matching_.first_on[at(s)], -1, -1, {}};
      }
    }
    waiters_.resize(matching_.links.size(), -1);
  }

  void take(const Event& event) {
    const auto subject = static_cast<std::int32_t>(event.subject);
    switch (event.kind) {
      case kGoOn:
        return go_on(subject);
      case kArrive:
        return arrive({streams_[at(subject)].rank, streams_[at(subject)].head});
      case kParty:
        return begin_party(subject);
      default:
        traffic_.handle(event);
        return end_parties();
    }
  }

  // Goes to where the stream meets somebody. Nobody has a say in what comes before, so that needs
  // no events, and may be ahead of now.
  void go_on(std::int32_t stream) {
    Stream& s = streams_[at(stream)];
    while (s.head >= 0) {
      const ActionRef place{s.rank, s.head};
      Moment& m = moment(place);
      const Time ready = std::max(m.issued, s.time);
      const bool host_was_late = s.previous < 0 || s.time < m.issued;
      m.last_rank = s.rank;
      m.last_action = host_was_late ? -1 : s.previous;
      if (!pass(place, m, ready, stream)) return;
      step(s, m.end);
    }
  }
  void step(Stream& s, Time end) {
    s.time = end;
    s.previous = s.head;
    s.head = matching_.of({s.rank, s.head}).next;
  }
  // The action that the stream stands at ends then.
  void release(ActionRef place, Time end) {
    moment(place).end = end;
    const std::int32_t stream = stream_of(place);
    step(streams_[at(stream)], end);
    go_on(stream);
  }

  // True if the end of the action is known.
  bool pass(ActionRef place, Moment& m, Time ready, std::int32_t stream) {
    switch (action(place).kind) {
      case ActionKind::busy:
        m.ready = m.begin = ready;
        m.end = ready + action(place).duration;
        return true;
      case ActionKind::record:
        return record(place, m, ready);
      case ActionKind::wait:
        return wait(place, m, ready, stream);
      default:
        push(ready, kArrive, stream);
        return false;
    }
  }

  bool record(ActionRef place, Moment& m, Time ready) {
    m.ready = m.begin = m.end = ready;
    for (auto s = waiters_of(place); s >= 0; s = streams_[at(s)].next_waiter) {
      push(queue_.now(), kGoOn, s);
    }
    return true;
  }

  bool wait(ActionRef place, Moment& m, Time ready, std::int32_t stream) {
    m.ready = m.begin = m.end = ready;
    const ActionRef recorded{place.rank, matching_.of(place).other};
    if (!recorded.exists()) return true;
    const Time event = moment(recorded).end;
    if (event == kNever) {
      m.begin = m.end = kNever;
      streams_[at(stream)].next_waiter = std::exchange(waiters_of(recorded), stream);
      return false;
    }
    if (event <= ready) return true;
    m.begin = m.end = event;
    m.last_action = recorded.action;
    return true;
  }
  // The first stream that waits for a record.
  std::int32_t& waiters_of(ActionRef record) {
    return waiters_[at(matching_.first_action[at(record.rank)] + record.action)];
  }

  void arrive(ActionRef place) {
    moment(place).ready = queue_.now();
    if (action(place).kind == ActionKind::meet) {
      arrive_at_meeting(place);
    } else {
      post(place);
    }
  }

  void arrive_at_meeting(ActionRef place) {
    const std::int32_t index = matching_.meeting_of[at(matching_.of(place).other)];
    const Meeting& meeting = matching_.meetings[at(index)];
    Gathering& gathering = gatherings_[at(index)];
    const std::int32_t call = action(place).call;
    if (gathering.arrived++ == 0) gathering.call = call;
    if (gathering.call != call) {
      timeline_.stuck = tell_mismatch(program_, matching_, meeting);
      return;
    }
    const Call& described = program_.calls[at(call)];
    if (described.schedule) come(place, index, described);
    if (gathering.arrived < meeting.members) return;
    gathering.last = queue_.now();
    gathering.last_rank = moment(place).last_rank;
    gathering.last_action = moment(place).last_action;
    if (described.schedule) return;
    for (const ActionRef member : matching_.members(meeting)) {
      begin_with_last(moment(member), gathering);
      release(member, queue_.now() + described.duration);
    }
  }
  static void begin_with_last(Moment& m, const Gathering& gathering) {
    m.begin = gathering.last;
    m.last_rank = gathering.last_rank;
    m.last_action = gathering.last_action;
  }

  // A member of a collective that goes message by message; the first brings the switches.
  void come(ActionRef place, std::int32_t index, const Call& call) {
    const Meeting& meeting = matching_.meetings[at(index)];
    Gathering& gathering = gatherings_[at(index)];
    if (gathering.arrived == 1) {
      std::vector<int> places = program_.communicators[at(action(place).communicator)];
      places.insert(places.end(), call.switches.begin(), call.switches.end());
      LOCKSTEP_ASSERT(call.schedule->parties() == static_cast<int>(places.size()));
      const auto parties = static_cast<std::int32_t>(places.size());
      gathering.collective = traffic_.add(*call.schedule, std::move(places));
      const std::size_t needed = at(gathering.collective) + 1;
      if (meeting_of_collective_.size() < needed) meeting_of_collective_.resize(needed);
      meeting_of_collective_[at(gathering.collective)] = index;
      for (auto p = meeting.members; p < parties; ++p) traffic_.begin(gathering.collective, p);
    }
    push(queue_.now() + call.duration, kParty, matching_.of(place).other);
  }

  void begin_party(std::int32_t entry) {
    const std::int32_t index = matching_.meeting_of[at(entry)];
    traffic_.begin(gatherings_[at(index)].collective, entry - matching_.meetings[at(index)].first);
    end_parties();
  }

  void end_parties() {
    for (const Traffic::Ended& ended : traffic_.ended()) {
      const std::int32_t index = meeting_of_collective_[at(ended.collective)];
      const Meeting& meeting = matching_.meetings[at(index)];
      if (ended.party >= meeting.members) continue;  // a switch
      const ActionRef place = matching_.calls[at(meeting.first + ended.party)];
      const Gathering& gathering = gatherings_[at(index)];
      Moment& m = moment(place);
      m.begin = queue_.now();
      if (gathering.arrived == meeting.members) begin_with_last(m, gathering);
      release(place, queue_.now());
    }
    traffic_.ended().clear();
  }

  bool is_ready(ActionRef place) { return moment(place).ready != kNever; }

  // One side of messages is there.
  void post(ActionRef place) {
    const Partners& partners = matching_.partners[at(matching_.of(place).other)];
    const Moment cause = moment(place);
    if (!partners.sends && !partners.receives) {
      moment(place).begin = queue_.now();
      return release(place, queue_.now() + action(place).duration);
    }
    if (partners.receiver.exists() && is_ready(partners.receiver)) {
      transfer(place, partners.receiver, cause);
    }
    const bool other_way = partners.sender.exists() && partners.sender != place;
    if (other_way && is_ready(partners.sender)) transfer(partners.sender, place, cause);
  }

  // Both sides are there: the second of them now, for the reason in `cause`.
  void transfer(ActionRef sender, ActionRef receiver, const Moment& cause) {
    const Duration duration = std::max(action(sender).duration, action(receiver).duration);
    for (const ActionRef side : {sender, receiver}) {
      Transfer& t = transfers_[at(matching_.of(side).other)];
      t.end = std::max(t.end, queue_.now() + duration);
      if (--t.missing > 0) continue;
      Moment& m = moment(side);
      m.begin = queue_.now();
      m.last_rank = cause.last_rank;
      m.last_action = cause.last_action;
      release(side, t.end);
    }
  }

  void look_for_deadlock() {
    std::vector<std::int32_t> stands;
    for (const Stream& stream : streams_) stands.push_back(stream.head);
    const bool all_ended = std::ranges::all_of(stands, [](std::int32_t head) { return head < 0; });
    if (!all_ended) timeline_.stuck = find_deadlock(program_, matching_, stands, timeline_);
  }

  void sum_up() {
    if (timeline_.stuck && timeline_.stuck->cause == Stuck::Cause::mismatch) stop_now();
    timeline_.messages = traffic_.messages();
    for (std::size_t rank = 0; rank < timeline_.of_rank.size(); ++rank) {
      const std::vector<Moment>& moments = timeline_.of_rank[rank];
      for (std::size_t i = 0; i < moments.size(); ++i) {
        if (!moments[i].is_over()) continue;
        timeline_.end = std::max(timeline_.end, moments[i].end);
        timeline_.trace_hash += hash_of(static_cast<std::uint64_t>(rank) << 32 | i, moments[i]);
      }
    }
  }
  // A sum of them says the same whatever the order in which things at one time were done.
  static std::uint64_t hash_of(std::uint64_t place, const Moment& m) {
    const auto word = [](Time time) { return static_cast<std::uint64_t>(time.count()); };
    return mix64(mix64(mix64(place) ^ word(m.begin)) ^ word(m.end));
  }

  // Streams that were ahead of now have not come so far.
  void stop_now() {
    for (std::vector<Moment>& moments : timeline_.of_rank) {
      for (Moment& m : moments) {
        for (Time* time : {&m.issued, &m.ready, &m.begin, &m.end}) {
          if (*time > queue_.now()) *time = kNever;
        }
      }
    }
  }

  const Program& program_;
  const Matching matching_;
  EventQueue queue_;
  std::vector<Stream> streams_;
  std::vector<std::int32_t> waiters_;  // by action: of a record, the first stream that waits
  std::vector<Gathering> gatherings_;  // by meeting
  std::vector<Transfer> transfers_;    // as Matching::partners
  Traffic traffic_;
  std::vector<std::int32_t> meeting_of_collective_;  // by number of the traffic
  Timeline timeline_;
};

}  // namespace

Timeline run(const Program& program) { return Engine(program).run(); }

}  // namespace lockstep

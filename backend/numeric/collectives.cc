#include "backend/numeric/collectives.h"

#include <algorithm>

#include "sim/base/require.h"

namespace lockstep::numeric {
namespace {

bool overlap(Interval a, Interval b) { return a.first < b.last && b.first < a.last; }

// The least interval that has both.
Interval hull(Interval a, Interval b) {
  if (a.size() == 0) return b;
  return b.size() == 0 ? a : Interval{std::min(a.first, b.first), std::max(a.last, b.last)};
}

// The turns of all members, with their working buffers. Messages on which nothing depends that is
// `wanted` (of each member's buffer, after the last turn) are left out, and so are members that
// have no part in the rest.
class Rounds {
 public:
  Rounds(const Exchange& exchange, std::vector<Interval> wanted)
      : exchange_(exchange), needed_(std::move(wanted)), working_(needed_.size()) {
    for (int member = 0; member < exchange.members(); ++member) {
      turns_.push_back(exchange.turns(member));
    }
    for (std::size_t round = turns_.front().size(); round-- > 0;) leave_out(round);
  }

  void run(std::span<const Held> passed) {
    for (std::size_t m = 0; m < working_.size(); ++m) {
      if (needed_[m].size() > 0) working_[m] = exchange_.load(static_cast<int>(m), passed[m]);
    }
    for (std::size_t round = 0; round < turns_.front().size(); ++round) play(round);
  }

  std::vector<float>&& working(std::size_t member) { return std::move(working_[member]); }

 private:
  // From what is needed after the round to what is needed before it.
  void leave_out(std::size_t round) {
    const std::vector<Interval> after = needed_;
    for (std::size_t m = 0; m < after.size(); ++m) {
      Turn& turn = turns_[m][round];
      if (turn.from < 0) continue;
      if (!overlap(turn.receive, after[m])) {
        turn.from = -1;
        continue;
      }
      const auto sender = static_cast<std::size_t>(turn.from);
      needed_[sender] = hull(needed_[sender], turns_[sender][round].send);
    }
  }

  // Messages are read where they stand: of what is left nobody sends in a round what the same round
  // changes.
  void play(std::size_t round) {
    for (std::size_t m = 0; m < turns_.size(); ++m) {
      const Turn& turn = turns_[m][round];
      if (turn.from < 0) continue;
      const auto sender = static_cast<std::size_t>(turn.from);
      const Turn& sent = turns_[sender][round];
      LOCKSTEP_ASSERT(sent.from < 0 || !overlap(sent.send, sent.receive));
      const auto first = static_cast<std::size_t>(sent.send.first);
      const auto size = static_cast<std::size_t>(sent.send.size());
      exchange_.take(turn, std::span(working_[sender]).subspan(first, size), working_[m]);
    }
  }

  const Exchange& exchange_;
  std::vector<Interval> needed_;  // by member
  std::vector<std::vector<float>> working_;
  std::vector<std::vector<Turn>> turns_;
};

// What only moves arrives as it was, whichever way it went: no turns are needed.
Held gathered(const Exchange& exchange, std::span<const Held> passed) {
  std::vector<float> working = exchange.load(0, passed[0]);
  for (std::size_t m = 1; m < passed.size(); ++m) {
    exchange.load_into(static_cast<int>(m), passed[m], working);
  }
  return exchange.unload(0, std::move(working), passed[0]);
}

// The sum, as member 0 comes to have it.
Held summed(const Exchange& exchange, std::span<const Held> passed) {
  std::vector<Interval> wanted(passed.size());
  wanted.front() = exchange.result(0);
  Rounds rounds(exchange, std::move(wanted));
  rounds.run(passed);
  return exchange.unload(0, rounds.working(0), passed[0]);
}

std::vector<Held> each(const Exchange& exchange, std::span<const Held> passed) {
  std::vector<Interval> wanted;
  for (int m = 0; m < exchange.members(); ++m) wanted.push_back(exchange.result(m));
  Rounds rounds(exchange, std::move(wanted));
  rounds.run(passed);
  std::vector<Held> received;
  for (std::size_t m = 0; m < passed.size(); ++m) {
    received.push_back(exchange.unload(static_cast<int>(m), rounds.working(m), passed[m]));
  }
  return received;
}

}  // namespace

std::vector<Held> run(const Exchange& exchange, std::span<const Held> passed) {
  if (!exchange.all_receive_the_same()) return each(exchange, passed);
  const Pattern& pattern = exchange.pattern();
  Held received;
  if (passed.size() == 1 || pattern.kind == OpKind::broadcast) {
    received = passed[static_cast<std::size_t>(pattern.root)];
  } else if (pattern.kind == OpKind::all_reduce) {
    received = summed(exchange, passed);
  } else {
    received = gathered(exchange, passed);
  }
  return std::vector<Held>(passed.size(), received);
}

std::vector<Held> exchange(const Plan& plan, std::span<const Call> calls, std::size_t output,
                           std::span<const Held> passed, std::span<const std::int64_t> home_rows,
                           Storage storage) {
  std::vector<Shape> shapes;
  for (const Held& held : passed) shapes.push_back(shape_of(held));
  return run(Exchange(plan, calls, output, shapes, home_rows, storage), passed);
}

}  // namespace lockstep::numeric

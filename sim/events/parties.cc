#include "sim/events/parties.h"

#include <utility>

#include "sim/base/require.h"

namespace lockstep {

void EarlyMessages::add(std::int32_t round) {
  std::size_t at = entries_.size();
  while (at > first_ && entries_[at - 1].round > round) --at;
  if (at > first_ && entries_[at - 1].round == round) {
    ++entries_[at - 1].count;
    return;
  }
  if (first_ > 0 && entries_.size() == entries_.capacity()) {  // make room where none is needed
    entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(first_));
    at -= first_;
    first_ = 0;
  }
  entries_.insert(entries_.begin() + static_cast<std::ptrdiff_t>(at), {round, 1});
}

std::int32_t EarlyMessages::take(std::int32_t round) {
  if (first_ == entries_.size() || entries_[first_].round != round) return 0;
  const std::int32_t count = entries_[first_++].count;
  if (first_ == entries_.size()) {
    entries_.clear();
    first_ = 0;
  }
  return count;
}

Parties::Parties(const Schedule& schedule, const World& world, std::uint32_t kind,
                 std::vector<int> places)
    : schedule_(schedule),
      world_(world),
      kind_(kind),
      places_(std::move(places)),
      parties_(static_cast<std::size_t>(schedule.parties())),
      early_(parties_.size()) {
  LOCKSTEP_ASSERT(kind >= Network::kEventKinds);
  LOCKSTEP_ASSERT(places_.empty() || places_.size() == parties_.size());
}

void Parties::begin(int party) {
  of(party).rounds = schedule_.rounds(party);
  next_round(party);
}

void Parties::handle(const Event& event) { next_round(static_cast<int>(event.subject)); }

void Parties::arrive(const Message& message) {
  ++messages_;
  Party& receiver = of(message.to);
  if (receiver.round == message.round) {
    one_less(message.to);
  } else {
    LOCKSTEP_ASSERT(receiver.round < message.round);
    ++receiver.early;
    early_[static_cast<std::size_t>(message.to)].add(message.round);
  }
  one_less(message.from);
}

void Parties::next_round(int index) {
  Party& party = of(index);
  do {
    if (++party.round == party.rounds) {
      ended_.push_back(index);
      return;
    }
    post(index);
  } while (party.missing == 0 && !works(index));
}

void Parties::post(int index) {
  Party& party = of(index);
  sends_.clear();
  schedule_.sends(index, party.round, sends_);
  party.missing = schedule_.receives(index, party.round) + static_cast<std::int32_t>(sends_.size());
  if (party.early > 0) {
    const std::int32_t came = early_[static_cast<std::size_t>(index)].take(party.round);
    party.early -= came;
    party.missing -= came;
  }
  LOCKSTEP_ASSERT(party.missing >= 0);
  const auto place = [this](int p) {
    return places_.empty() ? p : places_[static_cast<std::size_t>(p)];
  };
  for (const Send& send : sends_) {
    world_.network.start({kind_, index, send.to, send.round, send.bytes},
                         world_.fabric.route(place(index), place(send.to)));
  }
}

void Parties::one_less(int index) {
  Party& party = of(index);
  LOCKSTEP_ASSERT(party.missing > 0);  // every receive has its send
  if (--party.missing == 0 && !works(index)) next_round(index);
}

// True if the round has work, which goes on from now.
bool Parties::works(int index) {
  const Duration work = schedule_.work(index, of(index).round);
  if (work == Duration::zero()) return false;
  world_.queue.push({world_.queue.now() + work, kind_, static_cast<std::uint32_t>(index)});
  return true;
}

}  // namespace lockstep

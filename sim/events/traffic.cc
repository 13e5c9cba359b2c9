#include "sim/events/traffic.h"

#include <utility>

namespace lockstep {

std::int32_t Traffic::add(const Schedule& schedule, std::vector<int> places) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::int32_t>(collectives_.size()));
    collectives_.emplace_back();
  }
  const std::int32_t number = free_.back();
  free_.pop_back();
  const std::uint32_t kind = first_kind_ + static_cast<std::uint32_t>(number);
  Collective& added = collectives_[static_cast<std::size_t>(number)];
  added.parties = std::make_unique<Parties>(schedule, World{queue_, network_, fabric_}, kind,
                                            std::move(places));
  added.left = schedule.parties();
  return number;
}

void Traffic::begin(std::int32_t collective, std::int32_t party) {
  collectives_[static_cast<std::size_t>(collective)].parties->begin(party);
  collect(collective);
}

void Traffic::handle(const Event& event) {
  if (event.kind >= first_kind_) {
    const std::uint32_t number = event.kind - first_kind_;
    collectives_[number].parties->handle(event);
    return collect(static_cast<std::int32_t>(number));
  }
  network_.handle(event, arrived_);
  messages_ += static_cast<std::int64_t>(arrived_.size());
  for (const Message& message : arrived_) {
    const std::uint32_t number = message.owner - first_kind_;
    collectives_[number].parties->arrive(message);
    collect(static_cast<std::int32_t>(number));
  }
  arrived_.clear();
}

void Traffic::collect(std::int32_t number) {
  Collective& collective = collectives_[static_cast<std::size_t>(number)];
  for (const int party : collective.parties->ended()) {
    ended_.push_back({number, party});
    --collective.left;
  }
  collective.parties->ended().clear();
  if (collective.left > 0) return;
  collective.parties.reset();
  free_.push_back(number);
}

}  // namespace lockstep

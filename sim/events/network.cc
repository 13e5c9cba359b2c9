#include "sim/events/network.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "sim/base/require.h"

namespace lockstep {

Network::Network(std::span<const Rate> capacity, EventQueue& queue)
    : queue_(queue),
      rates_(capacity.begin(), capacity.end()),
      links_(capacity.size()),
      shares_(rates_, kDue) {
  std::ranges::sort(rates_);
  rates_.erase(std::unique(rates_.begin(), rates_.end()), rates_.end());
  for (std::size_t i = 0; i < capacity.size(); ++i) {
    const auto place = std::ranges::lower_bound(rates_, capacity[i]) - rates_.begin();
    links_[i].rate = static_cast<std::uint32_t>(place);
  }
}

void Network::start(const Message& message, const Route& route) {
  LOCKSTEP_ASSERT(message.bytes > 0 && route.count > 0);
  const std::uint32_t flow = allocate(message, route);
  const Time begin = queue_.now() + route.latency;
  if (is_free(flows_[flow])) {
    plan(flow, begin);
  } else {
    wait(flow, begin);
  }
}

void Network::handle(const Event& event, std::vector<Message>& arrived) {
  switch (event.kind) {
    case kPlannedEnd: {
      const Flow& flow = flows_[event.subject];  // may have changed its plan, or be another
      if (flow.state == State::planned && flow.time == event.time) finish(event.subject, arrived);
      break;
    }
    case kBegin:
      begin_all(event.subject);
      break;
    case kDue:
      ended_.clear();
      shares_.handle(event, queue_, ended_);
      for (const std::uint32_t flow : ended_) finish(flow, arrived);
      if (!ended_.empty()) settle_later();
      break;
    default:
      settle_pending_ = false;
      if (queue_.more_now()) {
        settle_later();
      } else {
        shares_.settle(queue_);
      }
  }
}

std::vector<std::int64_t> Network::link_bytes() const {
  std::vector<std::int64_t> bytes;
  for (const Link& link : links_) bytes.push_back(link.bytes);
  return bytes;
}

std::uint32_t Network::allocate(const Message& message, const Route& route) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(flows_.size()));
    flows_.emplace_back();
  }
  const std::uint32_t index = free_.back();
  free_.pop_back();
  Flow& flow = flows_[index];
  flow.message = message;
  flow.count = 0;
  for (const LinkId link : route.used()) {
    const auto way = flow.way();
    if (std::find(way.begin(), way.end(), link) == way.end()) flow.links[flow.count++] = link;
  }
  return index;
}

// No flow on its way, but such as end in this very picosecond.
bool Network::is_free(const Flow& flow) const {
  return std::all_of(flow.way().begin(), flow.way().end(), [this](LinkId id) {
    const Link& link = links_[id.index()];
    return link.flow == kNone || (link.flow != kShared && flows_[link.flow].time == queue_.now());
  });
}

Duration Network::time_alone(const Flow& flow) {
  Link* narrowest = &links_[flow.links[0].index()];
  for (const LinkId id : flow.way().subspan(1)) {
    if (links_[id.index()].rate < narrowest->rate) narrowest = &links_[id.index()];
  }
  const std::int64_t bytes = flow.message.bytes;
  if (narrowest->last_bytes == bytes) return narrowest->last_time;
  const Duration time = transfer_time(bytes, rates_[narrowest->rate]);
  if (bytes <= std::numeric_limits<std::uint32_t>::max()) {
    narrowest->last_bytes = static_cast<std::uint32_t>(bytes);
    narrowest->last_time = time;
  }
  return time;
}

void Network::plan(std::uint32_t index, Time begin) {
  Flow& flow = flows_[index];
  flow.state = State::planned;
  flow.time = begin + time_alone(flow);
  for (const LinkId link : flow.way()) links_[link.index()].flow = index;
  queue_.push({flow.time, kPlannedEnd, index});
}

void Network::wait(std::uint32_t index, Time begin) {
  Flow& flow = flows_[index];
  flow.state = State::waiting;
  flow.time = begin;
  flow.next = kNone;
  // Many begin together, and one event is enough for them.
  const std::uint32_t last = std::exchange(last_waiting_, index);
  if (last != kNone && flows_[last].state == State::waiting && flows_[last].time == begin &&
      last != index) {
    flows_[last].next = index;
  } else {
    queue_.push({begin, kBegin, index});
  }
}

void Network::begin_all(std::uint32_t first) {
  for (std::uint32_t flow = first; flow != kNone;) {
    const std::uint32_t next = flows_[flow].next;
    begin(flow);
    flow = next;
  }
}

void Network::begin(std::uint32_t index) {
  const Flow& flow = flows_[index];
  for (const LinkId id : flow.way()) {
    const std::uint32_t other = links_[id.index()].flow;
    if (other < kShared && flows_[other].time != queue_.now()) give_up_plan(other);
  }
  if (is_free(flow)) {
    plan(index, queue_.now());
  } else {
    share(index, static_cast<Work>(flow.message.bytes) * kWorkOfByte);
  }
}

void Network::give_up_plan(std::uint32_t index) {
  const Flow& flow = flows_[index];
  std::uint32_t rate = links_[flow.links[0].index()].rate;
  for (const LinkId id : flow.way()) {
    Link& link = links_[id.index()];
    if (link.flow == index) link.flow = kNone;
    rate = std::min(rate, link.rate);
  }
  const Time begin = flow.time - time_alone(flow);
  if (begin > queue_.now()) {
    wait(index, begin);
  } else {
    const auto gone = static_cast<Work>(rates_[rate].micro_bytes_per_s) *
                      static_cast<Work>((queue_.now() - begin).count());
    share(index, static_cast<Work>(flow.message.bytes) * kWorkOfByte - gone);
  }
}

void Network::share(std::uint32_t index, Work work) {
  Flow& flow = flows_[index];
  flow.state = State::sharing;
  for (const LinkId link : flow.way()) links_[link.index()].flow = kShared;
  shares_.add(index, flow.way(), work);
  settle_later();
}

// Once, after all that happens in this picosecond.
void Network::settle_later() {
  if (settle_pending_) return;
  settle_pending_ = true;
  queue_.push({queue_.now(), kSettle, 0});
}

void Network::finish(std::uint32_t index, std::vector<Message>& arrived) {
  Flow& flow = flows_[index];
  for (const LinkId id : flow.way()) {
    Link& link = links_[id.index()];
    link.bytes += flow.message.bytes;
    const bool last = flow.state == State::sharing && !shares_.carries(id);
    if (link.flow == index || last) link.flow = kNone;
  }
  flow.state = State::free;
  arrived.push_back(flow.message);
  free_.push_back(index);
}

}  // namespace lockstep

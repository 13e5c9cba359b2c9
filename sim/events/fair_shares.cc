#include "sim/events/fair_shares.h"

#include <algorithm>
#include <functional>

#include "sim/base/require.h"

namespace lockstep {

void FairShares::add(std::uint32_t flow, std::span<const LinkId> links, Work work) {
  if (links_.empty()) links_.resize(capacity_.size());
  if (flow >= flows_.size()) flows_.resize(flow + 1);
  Flow& added = flows_[flow];
  added = {};
  added.target = work;
  for (const LinkId link : links) {
    auto& flows = links_[link.index()].flows;
    const auto k = static_cast<std::size_t>(added.count++);
    if (flows.empty()) ++busy_;
    added.links[k] = link;
    added.position[k] = static_cast<std::uint32_t>(flows.size());
    flows.push_back(flow);
    changed_.push_back(link);
  }
}

void FairShares::remove(std::uint32_t flow) {
  const Flow& removed = flows_[flow];
  for (std::size_t k = 0; k < static_cast<std::size_t>(removed.count); ++k) {
    const LinkId link = removed.links[k];
    auto& flows = links_[link.index()].flows;
    const std::uint32_t moved = flows.back();
    flows[removed.position[k]] = moved;
    flows.pop_back();
    Flow& other = flows_[moved];
    const auto at = std::find(other.links.begin(), other.links.end(), link);
    other.position[static_cast<std::size_t>(at - other.links.begin())] = removed.position[k];
    if (flows.empty()) --busy_;
    changed_.push_back(link);
  }
}

void FairShares::handle(const Event& event, EventQueue& queue, std::vector<std::uint32_t>& ended) {
  Link& link = links_[event.subject];
  if (link.due != event.time) return;  // it was put off, or came earlier
  link.due = kNever;
  bring_up_to(event.time, link);
  bool any = false;
  while (!link.limited.empty() && flows_[link.limited.front()].target <= link.given) {
    const std::uint32_t flow = link.limited.front();
    erase_limited(link, 0);
    remove(flow);
    ended.push_back(flow);
    any = true;
  }
  if (!any) schedule(static_cast<std::int32_t>(event.subject), queue);
}

void FairShares::bring_up_to(Time now, Link& link) {
  const auto gone = static_cast<Work>((now - link.since).count());
  // Without flows it begins anew, so that it stays small.
  link.given = link.limited.empty() ? 0 : link.given + static_cast<Work>(link.rate) * gone;
  link.since = now;
}

// An event that is too early does no harm: it is put off when it comes.
void FairShares::schedule(std::int32_t index, EventQueue& queue) {
  Link& link = links_[static_cast<std::size_t>(index)];
  if (link.limited.empty()) return;
  const Work left = flows_[link.limited.front()].target - link.given;
  const Work rate = static_cast<Work>(link.rate);
  const Time end = link.since + Duration::of(static_cast<WideInteger>((left + rate - 1) / rate));
  if (link.due != kNever && link.due <= end) return;
  link.due = end;
  queue.push({end, due_, static_cast<std::uint32_t>(index)});
}

void FairShares::settle(EventQueue& queue) {
  collect();
  fill(queue.now());
  for (const std::int32_t link : component_) schedule(link, queue);
}

void FairShares::reach(LinkId id) {
  Link& link = links_[id.index()];
  if (link.reached == filling_ || link.flows.empty()) return;
  link.reached = filling_;
  component_.push_back(id.value);
}

// All links that have flows and hang together with a changed one through flows.
void FairShares::collect() {
  ++filling_;
  component_.clear();
  for (const LinkId link : changed_) reach(link);
  changed_.clear();
  for (std::size_t i = 0; i < component_.size() && component_.size() < busy_; ++i) {
    for (const std::uint32_t flow : links_[static_cast<std::size_t>(component_[i])].flows) {
      const Flow& crossing = flows_[flow];
      for (std::int32_t k = 0; k < crossing.count; ++k) {
        reach(crossing.links[static_cast<std::size_t>(k)]);
      }
    }
  }
}

void FairShares::fill(Time now) {
  next_.clear();
  for (const std::int32_t index : component_) {
    Link& link = links_[static_cast<std::size_t>(index)];
    bring_up_to(now, link);
    link.rate = 0;
    link.rest = capacity_[static_cast<std::size_t>(index)].micro_bytes_per_s;
    link.unfilled = static_cast<std::int64_t>(link.flows.size());
    next_.emplace_back(link.share(), index);
  }
  std::make_heap(next_.begin(), next_.end(), std::greater<>());
  while (!next_.empty()) {
    std::pop_heap(next_.begin(), next_.end(), std::greater<>());
    Entry& entry = next_.back();
    const Link& link = links_[static_cast<std::size_t>(entry.second)];
    if (link.unfilled == 0) {
      next_.pop_back();
    } else if (const WideInteger share = link.share(); share > entry.first) {
      entry.first = share;
      std::push_heap(next_.begin(), next_.end(), std::greater<>());
    } else {
      const std::int32_t limiting = entry.second;
      next_.pop_back();
      limit(limiting);
    }
  }
}

// All flows of the link that have no rate yet get its share.
void FairShares::limit(std::int32_t index) {
  Link& limiting = links_[static_cast<std::size_t>(index)];
  limiting.rate = limiting.share();
  LOCKSTEP_ASSERT(limiting.rate > 0);
  for (const std::uint32_t flow : limiting.flows) {
    Flow& filled = flows_[flow];
    if (filled.filled == filling_) continue;
    filled.filled = filling_;
    for (std::int32_t k = 0; k < filled.count; ++k) {
      Link& link = links_[filled.links[static_cast<std::size_t>(k)].index()];
      link.rest -= limiting.rate;
      --link.unfilled;
    }
    if (filled.limited_by != index) assign(flow, index);
  }
}

void FairShares::assign(std::uint32_t flow, std::int32_t index) {
  Flow& assigned = flows_[flow];
  if (assigned.limited_by != kNone) {
    Link& before = links_[static_cast<std::size_t>(assigned.limited_by)];
    erase_limited(before, assigned.place);
    assigned.target -= before.given;
  }
  assigned.limited_by = index;
  assigned.target += links_[static_cast<std::size_t>(index)].given;
  push_limited(index, flow);
}

void FairShares::push_limited(std::int32_t index, std::uint32_t flow) {
  Link& link = links_[static_cast<std::size_t>(index)];
  const auto place = static_cast<std::uint32_t>(link.limited.size());
  link.limited.push_back(flow);
  flows_[flow].place = place;
  sift_up(link, place);
}

void FairShares::erase_limited(Link& link, std::uint32_t place) {
  const std::uint32_t last = link.limited.back();
  link.limited.pop_back();
  if (place == link.limited.size()) return;
  link.limited[place] = last;
  flows_[last].place = place;
  sift_up(link, place);
  sift_down(link, flows_[last].place);
}

void FairShares::sift_up(Link& link, std::uint32_t place) {
  const std::uint32_t flow = link.limited[place];
  const Work target = flows_[flow].target;
  while (place > 0) {
    const std::uint32_t parent = (place - 1) / 2;
    const std::uint32_t above = link.limited[parent];
    if (flows_[above].target <= target) break;
    link.limited[place] = above;
    flows_[above].place = place;
    place = parent;
  }
  link.limited[place] = flow;
  flows_[flow].place = place;
}

void FairShares::sift_down(Link& link, std::uint32_t place) {
  const std::uint32_t flow = link.limited[place];
  const Work target = flows_[flow].target;
  const auto size = static_cast<std::uint32_t>(link.limited.size());
  for (std::uint32_t child = 2 * place + 1; child < size; child = 2 * place + 1) {
    if (child + 1 < size &&
        flows_[link.limited[child + 1]].target < flows_[link.limited[child]].target) {
      ++child;
    }
    const std::uint32_t below = link.limited[child];
    if (target <= flows_[below].target) break;
    link.limited[place] = below;
    flows_[below].place = place;
    place = child;
  }
  link.limited[place] = flow;
  flows_[flow].place = place;
}

}  // namespace lockstep

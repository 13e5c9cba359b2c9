#include "tests/events/naive_exchange.h"

#include <algorithm>
#include <limits>
#include <map>

#include "sim/base/random.h"
#include "sim/base/require.h"

namespace lockstep {

namespace {

__extension__ using Wide = unsigned __int128;  // micro-bytes/s times ps
constexpr std::uint64_t kByte = 1'000'000'000'000'000'000;

struct Flow {
  int from = 0;
  Send send;
  std::vector<std::size_t> links;  // all different
  Time begin{};                    // of its bytes
  Wide left = 0;
  WideInteger rate = 0;
};

struct Member {
  int round = -1;
  Time goes_on{};         // while it has not started, or works: when it begins the next round
  bool in_round = false;  // waits for messages
  int undelivered = 0;
  std::map<int, int> arrived;  // by round
};

class Naive {
 public:
  Naive(const Schedule& schedule, const Fabric& fabric, std::span<const Time> starts)
      : schedule_(schedule),
        fabric_(fabric),
        members_(static_cast<std::size_t>(schedule.parties())) {
    for (std::size_t p = 0; p < starts.size(); ++p) members_[p].goes_on = starts[p];
    result_.ends.resize(members_.size(), Time(-1));
    result_.link_bytes.resize(fabric.capacity.size());
  }

  ExchangeResult run() {
    while (true) {
      while (deliver() || go_on()) {
      }
      give_rates();
      const Time next = next_change();
      if (next == kNever) break;
      for (Flow& flow : flows_) {
        const Wide moved = static_cast<Wide>(flow.rate) * static_cast<Wide>((next - now_).count());
        flow.left -= std::min(flow.left, moved);
      }
      now_ = next;
    }
    result_.end = *std::max_element(result_.ends.begin(), result_.ends.end());
    return result_;
  }

 private:
  static constexpr Time kNever = Time::max();

  bool deliver() {
    const auto over = [](const Flow& flow) { return flow.left == 0; };
    for (const Flow& flow : flows_) {
      if (!over(flow)) continue;
      ++members_[static_cast<std::size_t>(flow.send.to)].arrived[flow.send.round];
      --members_[static_cast<std::size_t>(flow.from)].undelivered;
      ++result_.messages;
      for (const std::size_t link : flow.links) result_.link_bytes[link] += flow.send.bytes;
      const auto ends =
          static_cast<std::uint64_t>(flow.from) << 32 | static_cast<std::uint64_t>(flow.send.to);
      result_.trace_hash += mix64(mix64(mix64(static_cast<std::uint64_t>(now_.count())) ^ ends) ^
                                  static_cast<std::uint64_t>(flow.send.bytes));
    }
    return std::erase_if(flows_, over) > 0;
  }

  // Every party as far as it can at this time.
  bool go_on() {
    bool any = false;
    for (std::size_t p = 0; p < members_.size(); ++p) {
      Member& member = members_[p];
      const int party = static_cast<int>(p);
      if (result_.ends[p] != Time(-1)) continue;
      if (member.in_round && member.undelivered == 0 &&
          member.arrived[member.round] == schedule_.receives(party, member.round)) {
        member.in_round = false;
        member.goes_on = now_ + schedule_.work(party, member.round);
        any = true;
      }
      if (!member.in_round && member.goes_on == now_) {
        begin_round(party, member);
        any = true;
      }
    }
    return any;
  }

  void begin_round(int party, Member& member) {
    if (++member.round == schedule_.rounds(party)) {
      result_.ends[static_cast<std::size_t>(party)] = now_;
      return;
    }
    member.in_round = true;
    std::vector<Send> sends;
    schedule_.sends(party, member.round, sends);
    member.undelivered = static_cast<int>(sends.size());
    for (const Send& send : sends) {
      const Route route = fabric_.route(party, send.to);
      Flow flow{party, send, {}, now_ + route.latency, static_cast<Wide>(send.bytes) * kByte, 0};
      for (const LinkId link : route.used()) {
        if (std::find(flow.links.begin(), flow.links.end(), link.index()) == flow.links.end()) {
          flow.links.push_back(link.index());
        }
      }
      flows_.push_back(flow);
    }
  }

  // Progressive filling over everything that flows now.
  void give_rates() {
    const std::size_t links = fabric_.capacity.size();
    std::vector<std::vector<Flow*>> crossing(links);
    std::vector<WideInteger> rest(links);
    std::vector<std::int64_t> unfilled(links);  // flows
    for (std::size_t i = 0; i < links; ++i) rest[i] = fabric_.capacity[i].micro_bytes_per_s;
    for (Flow& flow : flows_) {
      flow.rate = 0;
      if (flow.begin > now_) continue;
      for (const std::size_t link : flow.links) {
        crossing[link].push_back(&flow);
        ++unfilled[link];
      }
    }
    while (true) {
      WideInteger rate = 0;
      std::size_t least = links;
      for (std::size_t i = 0; i < links; ++i) {
        if (unfilled[i] == 0 || (least != links && rest[i] / unfilled[i] >= rate)) continue;
        rate = rest[i] / unfilled[i];
        least = i;
      }
      if (least == links) break;
      for (Flow* flow : crossing[least]) {
        if (flow->rate > 0) continue;
        flow->rate = rate;
        for (const std::size_t link : flow->links) {
          rest[link] -= rate;
          --unfilled[link];
        }
      }
    }
  }

  Time next_change() const {
    Time next = kNever;
    for (std::size_t p = 0; p < members_.size(); ++p) {
      const Member& member = members_[p];
      const bool ended = result_.ends[p] != Time(-1);
      if (!ended && !member.in_round) next = std::min(next, member.goes_on);
    }
    for (const Flow& flow : flows_) {
      if (flow.begin > now_) {
        next = std::min(next, flow.begin);
      } else {
        const Wide rate = static_cast<Wide>(flow.rate);
        next = std::min(
            next, now_ + Duration::of(static_cast<WideInteger>((flow.left + rate - 1) / rate)));
      }
    }
    return next;
  }

  const Schedule& schedule_;
  const Fabric& fabric_;
  std::vector<Member> members_;
  std::vector<Flow> flows_;
  Time now_{};
  ExchangeResult result_;
};

}  // namespace

ExchangeResult naive_exchange(const Schedule& schedule, const Fabric& fabric,
                              std::span<const Time> starts) {
  return Naive(schedule, fabric, starts).run();
}

}  // namespace lockstep

#include "tests/cost/collectives/naive_exchange.h"

#include <algorithm>
#include <limits>
#include <map>

namespace lockstep::test {
namespace {

__extension__ using Wide = unsigned __int128;
constexpr Wide kByte = 1'000'000'000'000'000'000ULL;  // micro-bytes per second times picoseconds

struct Flow {
  int from = 0;
  int to = 0;
  int round = 0;  // of the receiver
  std::int64_t bytes = 0;
  Route route;
  Time begin{};  // latency is over
  Wide rest = 0;
  std::int64_t rate = 0;
};

struct Party {
  int round = -1;
  int undelivered = 0;
  std::map<int, int> arrived;  // by round
};

class Naive {
 public:
  Naive(const Schedule& schedule, const Fabric& fabric)
      : schedule_(schedule),
        fabric_(fabric),
        parties_(static_cast<std::size_t>(schedule.parties())) {
    result_.ends.resize(parties_.size());
    result_.link_bytes.resize(fabric.capacity.size());
  }

  ExchangeResult run() {
    for (int p = 0; p < schedule_.parties(); ++p) begin_round(p, 0);
    while (!flows_.empty()) step();
    result_.end = *std::ranges::max_element(result_.ends);
    return result_;
  }

 private:
  Party& party(int p) { return parties_[static_cast<std::size_t>(p)]; }

  void begin_round(int p, int round) {
    party(p).round = round;
    if (round == schedule_.rounds(p)) {
      result_.ends[static_cast<std::size_t>(p)] = now_;
      return;
    }
    std::vector<Send> sends;
    schedule_.sends(p, round, sends);
    for (const Send& send : sends) {
      const Route route = fabric_.route(p, send.to);
      flows_.push_back({p, send.to, send.round, send.bytes, route, now_ + route.latency,
                        static_cast<Wide>(send.bytes) * kByte, 0});
      for (const LinkId link : route.used()) result_.link_bytes[link.index()] += send.bytes;
    }
    party(p).undelivered = static_cast<int>(sends.size());
    result_.messages += static_cast<std::int64_t>(sends.size());
    go_on(p);
  }

  void go_on(int p) {
    Party& it = party(p);
    if (it.round >= schedule_.rounds(p) || it.undelivered > 0) return;
    if (it.arrived[it.round] < schedule_.receives(p, it.round)) return;
    begin_round(p, it.round + 1);
  }

  void share() {
    std::vector<Flow*> open;
    for (Flow& flow : flows_) {
      flow.rate = 0;
      if (flow.begin <= now_) open.push_back(&flow);
    }
    std::vector<std::int64_t> rest;
    for (const Rate rate : fabric_.capacity) rest.push_back(rate.micro_bytes_per_s);
    while (!open.empty()) fill(open, rest);
  }

  // Fixes the flows of the link with the smallest share.
  static void fill(std::vector<Flow*>& open, std::vector<std::int64_t>& rest) {
    std::vector<std::int64_t> count(rest.size());
    for (const Flow* flow : open) {
      for (const LinkId link : flow->route.used()) ++count[link.index()];
    }
    std::size_t tightest = rest.size();
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    for (std::size_t link = 0; link < rest.size(); ++link) {
      if (count[link] == 0 || rest[link] / count[link] >= least) continue;
      least = rest[link] / count[link];
      tightest = link;
    }
    std::erase_if(open, [&](Flow* flow) {
      const auto used = flow->route.used();
      const bool fixed =
          std::ranges::any_of(used, [&](LinkId link) { return link.index() == tightest; });
      if (!fixed) return false;
      flow->rate = least;
      for (const LinkId link : used) rest[link.index()] -= least;
      return true;
    });
  }

  Time next_change() const {
    Time next = Time::max();
    for (const Flow& flow : flows_) {
      if (flow.begin > now_) {
        next = std::min(next, flow.begin);
      } else {
        const auto rate = static_cast<Wide>(flow.rate);
        next =
            std::min(next, now_ + Time(static_cast<std::int64_t>((flow.rest + rate - 1) / rate)));
      }
    }
    return next;
  }

  void step() {
    share();
    const Time next = next_change();
    std::vector<Flow> over;
    std::erase_if(flows_, [&](Flow& flow) {
      if (flow.begin > now_) return false;
      const Wide gone = static_cast<Wide>(flow.rate) * static_cast<Wide>((next - now_).count());
      flow.rest = gone >= flow.rest ? 0 : flow.rest - gone;
      if (flow.rest == 0) over.push_back(flow);
      return flow.rest == 0;
    });
    now_ = next;
    for (const Flow& flow : over) {
      --party(flow.from).undelivered;
      ++party(flow.to).arrived[flow.round];
    }
    for (const Flow& flow : over) {
      go_on(flow.from);
      go_on(flow.to);
    }
  }

  const Schedule& schedule_;
  const Fabric& fabric_;
  std::vector<Party> parties_;
  std::vector<Flow> flows_;
  Time now_{};
  ExchangeResult result_;
};

}  // namespace

ExchangeResult naive_exchange(const Schedule& schedule, const Fabric& fabric) {
  return Naive(schedule, fabric).run();
}

}  // namespace lockstep::test

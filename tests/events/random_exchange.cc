#include "tests/events/random_exchange.h"

namespace lockstep {

namespace {

// Few distinct ones, so that ties happen, and some that divide badly.
Rate random_rate(Random& random) {
  if (random.chance(1, 2)) return Rate::gigabytes_per_s(static_cast<double>(1 + random.below(3)));
  return Rate{1'000'000'000'000'000 + random.below(1'000'000'000'000'007)};
}

Port random_port(Random& random, Fabric& fabric) {
  const LinkId out = fabric.add_link(random_rate(random));
  if (random.chance(1, 8)) return {out, out};
  return {out, fabric.add_link(random_rate(random))};
}

Duration random_latency(Random& random) {
  return Duration(random.chance(1, 4) ? 0 : random.below(5) * 250'000);
}

}  // namespace

Fabric random_fabric(Random& random, int parties) {
  Fabric fabric;
  const auto nodes = 1 + random.below(3);
  const bool nic_of_node = random.chance(1, 3);
  fabric.local_latency = random_latency(random);
  fabric.network_latency = random_latency(random);
  std::vector<Port> nics;
  for (std::int64_t i = 0; i < nodes; ++i) nics.push_back(random_port(random, fabric));
  for (int p = 0; p < parties; ++p) {
    const auto node = static_cast<int>(random.below(nodes));
    fabric.node.push_back(node);
    fabric.local.push_back(random_port(random, fabric));
    fabric.network.push_back(nic_of_node ? nics[static_cast<std::size_t>(node)]
                                         : random_port(random, fabric));
  }
  if (random.chance(1, 2)) {
    for (std::int64_t i = 0; i < nodes; ++i) fabric.uplink.push_back(random_port(random, fabric));
  }
  return fabric;
}

WrittenSchedule random_schedule(Random& random, int parties) {
  std::vector<std::vector<Round>> rounds(static_cast<std::size_t>(parties));
  for (auto& of_party : rounds) {
    of_party.resize(static_cast<std::size_t>(random.below(6)));
    for (Round& round : of_party) {
      if (random.chance(1, 4)) round.work = Duration(random.below(3) * 400'000);
    }
  }
  for (int from = 0; from < parties; ++from) {
    auto& own = rounds[static_cast<std::size_t>(from)];
    for (std::size_t r = 0; r < own.size(); ++r) {
      for (auto left = random.below(5); left > 0; --left) {
        const auto to = random.below(parties);
        auto& other = rounds[static_cast<std::size_t>(to)];
        if (to == from || other.size() <= r) continue;
        // A later round, never an earlier one: so nobody waits in a circle.
        const auto later = static_cast<std::int64_t>(other.size() - r);
        const auto round = r + static_cast<std::size_t>(random.below(later));
        const std::int64_t bytes =
            random.chance(1, 2) ? 1 + random.below(4096) : 1024 * (1 + random.below(3));
        own[r].sends.push_back({static_cast<int>(to), bytes, static_cast<int>(round)});
        ++other[round].receives;
      }
    }
  }
  return WrittenSchedule(std::move(rounds));
}

std::vector<Time> random_starts(Random& random, int parties, std::int64_t most_ps) {
  std::vector<Time> starts;
  for (int p = 0; p < parties; ++p) starts.emplace_back(random.below(most_ps + 1));
  return starts;
}

}  // namespace lockstep

// The two fidelities: messages one by one, and the closed form.
#include <doctest/doctest.h>

#include <fmt/format.h>

#include <map>

#include "tests/cost/collectives/cases.h"
#include "tests/events/naive_exchange.h"

namespace lockstep::test {
namespace {

constexpr int kMostRanks = 17;

Fabric fabric_for(const Schedule& schedule, int ranks) {
  Fabric fabric = uniform_fabric(ranks, kRate, kLatency);
  for (int s = ranks; s < schedule.parties(); ++s) {  // a switch takes from all at once
    fabric.node.push_back(0);
    const Rate all{kRate.micro_bytes_per_s * ranks};
    const LinkId out = fabric.add_link(all);
    fabric.local.push_back({out, fabric.add_link(all)});
  }
  return fabric;
}

TEST_CASE("messages one by one take what the closed form says, to the picosecond") {
  for_each_case(kMostRanks, [](const Algorithm& algorithm, const CollectiveCall& call,
                               const Topology& topology) {
    CAPTURE(name_of(algorithm, call));
    const auto schedule = algorithm.schedule(call, topology);
    const ClosedForm form = algorithm.closed_form(call, topology);
    const Fabric fabric = fabric_for(*schedule, topology.ranks);
    const ExchangeResult run = run_exchange(*schedule, fabric);
    CHECK(run.end == naive_exchange(*schedule, fabric).end);
    CHECK(run.messages == form.messages);
    if (form.holds == ClosedForm::Holds::exactly) CHECK(run.end == form.time);
    if (form.holds == ClosedForm::Holds::at_most) CHECK(run.end <= form.time);
    if (form.holds == ClosedForm::Holds::at_least) CHECK(run.end >= form.time);
  });
}

TEST_CASE("every formula is exact for some larger groups, and bounds are near where they are not") {
  std::map<std::string, int> exact;
  std::map<std::string, int> all;
  for_each_case(kMostRanks, [&](const Algorithm& algorithm, const CollectiveCall& call,
                                const Topology& topology) {
    if (topology.ranks < 4 || call.bytes < 30'000) return;
    const std::string name = fmt::format("{} {}", algorithm.name, to_string(call.kind));
    const ClosedForm form = algorithm.closed_form(call, topology);
    ++all[name];
    if (form.holds == ClosedForm::Holds::exactly) {
      ++exact[name];
    } else if (form.holds == ClosedForm::Holds::at_most) {
      // No bound is more than 40 % above.
      const auto schedule = algorithm.schedule(call, topology);
      CAPTURE(name_of(algorithm, call));
      CHECK(run_exchange(*schedule, fabric_for(*schedule, topology.ranks)).end * 7 >=
            form.time * 5);
    }
  });
  for (const auto& [name, count] : all) {
    CAPTURE(name);
    CHECK(count > 0);
    if (name != "barrier") CHECK(exact[name] > 0);
  }
}

// Ring: every out-link carries every chunk but one in a pass, 2 (n - 1) / n S of an all-reduce.
TEST_CASE("each link of a ring all-reduce carries 2 (n - 1) / n of the buffer") {
  for (const int n : {2, 3, 8, 17}) {
    const std::int64_t bytes = std::int64_t{n} * 6'400;
    const CollectiveCall call = call_of(Collective::all_reduce, n, bytes);
    const Topology topology = uniform_topology(n, kRate, kLatency);
    const auto schedule = find_algorithm("ring")->schedule(call, topology);
    const ExchangeResult run = run_exchange(*schedule, fabric_for(*schedule, n));
    for (const std::int64_t carried : run.link_bytes) CHECK(carried == 2 * (n - 1) * bytes / n);
  }
}

// The sends of every round, asked for again, add up to what flowed through each link.
TEST_CASE("every byte that leaves by a link was sent, and arrives") {
  for_each_case(
      9, [](const Algorithm& algorithm, const CollectiveCall& call, const Topology& topology) {
        CAPTURE(name_of(algorithm, call));
        const auto schedule = algorithm.schedule(call, topology);
        const Fabric fabric = fabric_for(*schedule, topology.ranks);
        std::vector<std::int64_t> expected(fabric.capacity.size());
        for (int p = 0; p < schedule->parties(); ++p) {
          for (int round = 0; round < schedule->rounds(p); ++round) {
            std::vector<Send> sends;
            schedule->sends(p, round, sends);
            for (const Send& send : sends) {
              expected[fabric.local[static_cast<std::size_t>(p)].out.index()] += send.bytes;
              expected[fabric.local[static_cast<std::size_t>(send.to)].in.index()] += send.bytes;
            }
          }
        }
        CHECK(run_exchange(*schedule, fabric).link_bytes == expected);
      });
}

}  // namespace
}  // namespace lockstep::test

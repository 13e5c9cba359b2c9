// The two fidelities: messages one by one, and the closed form.
#include <doctest/doctest.h>

#include "tests/cost/collectives/cases.h"
#include "tests/cost/collectives/naive_exchange.h"

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
    const ExchangeResult run = naive_exchange(*schedule, fabric_for(*schedule, topology.ranks));
    CHECK(run.messages == form.messages);
    if (form.holds == ClosedForm::Holds::exactly) CHECK(run.end == form.time);
    if (form.holds == ClosedForm::Holds::at_most) CHECK(run.end <= form.time);
    if (form.holds == ClosedForm::Holds::at_least) CHECK(run.end >= form.time);
  });
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
        CHECK(naive_exchange(*schedule, fabric).link_bytes == expected);
      });
}

}  // namespace
}  // namespace lockstep::test

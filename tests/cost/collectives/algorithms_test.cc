// The list of algorithms, what they refuse, and how they compare.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "sim/cost/collectives/blocks.h"
#include "sim/cost/collectives/predict.h"
#include "tests/cost/collectives/cases.h"

namespace lockstep::test {
namespace {

Duration time_of(std::string_view name, const CollectiveCall& call) {
  const int n = static_cast<int>(call.ranks.size());
  return find_algorithm(name)->closed_form(call, uniform_topology(n, kRate, kLatency)).time;
}

TEST_CASE("every algorithm is found by its own name") {
  std::set<std::string_view> names;
  for (const Algorithm* algorithm : algorithms()) {
    CHECK(find_algorithm(algorithm->name) == algorithm);
    names.insert(algorithm->name);
  }
  CHECK(names.size() == algorithms().size());
  CHECK(find_algorithm("rign") == nullptr);
}

TEST_CASE("every kind of collective has an algorithm for any group on one node") {
  for (int i = 0; i <= static_cast<int>(Collective::barrier); ++i) {
    const auto kind = static_cast<Collective>(i);
    CAPTURE(to_string(kind));
    for (const int n : {1, 2, 7, 72}) {
      const Topology topology = uniform_topology(n, kRate, kLatency);
      const CollectiveCall call = calls_of(kind, n).front();
      CHECK(std::ranges::any_of(algorithms(), [&](const Algorithm* algorithm) {
        return refusal(*algorithm, call, topology).empty();
      }));
    }
  }
}

TEST_CASE("a refusal says what the algorithm needs") {
  const Topology six = uniform_topology(6, kRate, kLatency);
  const auto refused = [&](std::string_view name, const CollectiveCall& call) {
    return refusal(*find_algorithm(name), call, six);
  };
  CHECK(refused("halving-doubling", call_of(Collective::all_reduce, 6, 8)) ==
        "a group of 6: ranks are paired by one bit of their number, so only powers of two are "
        "served");
  CHECK(refused("ring", call_of(Collective::all_to_all, 6, 8)) == "ring does not serve all_to_all");
  CollectiveCall dispatch = call_of(Collective::dispatch, 6, 600);
  CHECK(refused("normal", dispatch).empty());
  dispatch.experts = 20;
  CHECK(refused("normal", dispatch) ==
        "experts must be a multiple of the ranks, and no fewer than a token chooses");
  dispatch.tokens = 0;
  CHECK(refused("normal", dispatch).starts_with("its bytes follow from tokens"));
  Topology plain = six;
  plain.multicast = false;
  CHECK(refusal(*find_algorithm("nvls"), call_of(Collective::all_reduce, 6, 8), plain) ==
        "the switch of this hardware does not sum (node.multicast is 0)");
}

// (n - 1) (n - 2) / n S / C < L: of 8 ranks, S < 8 / 42 x 0.5 us x 50 GB/s = 4,762 bytes.
TEST_CASE("one-shot is faster than two-shot up to the size where bytes outweigh a latency") {
  const CollectiveCall small = call_of(Collective::all_reduce, 8, 4'700);
  const CollectiveCall large = call_of(Collective::all_reduce, 8, 4'900);
  CHECK(time_of("one-shot", small) < time_of("two-shot", small));
  CHECK(time_of("one-shot", large) > time_of("two-shot", large));
}

// The ring's 2 (n - 1) / n S / C against (n + 1) / n S / C of the switch: 14 to 9 of 8 ranks.
TEST_CASE("the switch that sums beats every ring for large buffers") {
  const CollectiveCall call = call_of(Collective::all_reduce, 8, std::int64_t{1} << 34);
  const double gain =
      in_microseconds(time_of("ring", call)) / in_microseconds(time_of("nvls", call));
  CHECK(gain == doctest::Approx(14.0 / 9).epsilon(0.01));
}

// n equal grouped reduces: the bytes of the ring, n fills of the pipeline instead of one.
TEST_CASE("grouped rooted reduces cost more than a ring reduce-scatter of the same sizes") {
  CollectiveCall call = call_of(Collective::reduce_scatterv, 8, 8 << 20);
  call.sizes.assign(8, 1 << 20);
  CHECK(time_of("grouped", call) > time_of("ring", call));
  CHECK(time_of("grouped", call) < 2 * time_of("ring", call));
}

TEST_CASE("blocks differ by one element at most, the larger first") {
  const Blocks blocks(11, 4);  // 3 3 3 2
  CHECK(blocks.size(2) == 3);
  CHECK(blocks.size(3) == 2);
  CHECK(blocks.first(3) == 9);
  CHECK(blocks.total() == 11);
  CHECK(blocks.filled() == 4);
  CHECK(Blocks(2, 4).filled() == 2);
  CHECK_FALSE(blocks.equal());
  CHECK(Blocks(std::vector<std::int64_t>{5, 0, 7}).first(2) == 5);
}

TEST_CASE("a misspelt algorithm is told the nearest, and what there is") {
  CollectiveCall call = call_of(Collective::broadcast, 4, 8);
  call.algorithm = "binomail";
  const auto answer = predict(call, Hardware{}, Fidelity::messages);
  REQUIRE_FALSE(answer);
  CHECK(answer.faults().front().message == "unknown algorithm 'binomail'");
  CHECK(answer.faults().front().hint ==
        "did you mean binomial? of broadcast there are ring, tree, binomial, direct");
}

TEST_CASE("nodes without a NIC reach nobody") {
  Hardware hardware;
  hardware.node.nics = 0;
  CollectiveCall call = call_of(Collective::all_reduce, 16, 64);
  call.algorithm = "ring";
  const auto answer = predict(call, hardware, Fidelity::messages);
  REQUIRE_FALSE(answer);
  CHECK(answer.faults().front().message ==
        "the ranks are on several nodes, and the nodes of this hardware have no NIC");
  call.ranks.resize(8);
  CHECK(predict(call, hardware, Fidelity::messages));
}

}  // namespace
}  // namespace lockstep::test

// How the communicators of a plan come of splits of one.
#include "backend/nccl/launch/splits.h"

#include <doctest/doctest.h>

#include <map>
#include <set>

#include "backend/numeric/rendezvous.h"
#include "tests/brute_force/random_program.h"

namespace lockstep::test {
namespace {

using nccl::Split;

void add_group(Plan& plan, const std::string& object, std::vector<std::vector<int>> parts,
               bool is_called = true) {
  Group group;
  group.role = object;
  group.object = object;
  group.parts = std::move(parts);
  plan.groups.push_back(group);
  if (!is_called) return;
  Operation op;
  op.kind = OpKind::all_reduce;
  op.group = GroupId{static_cast<int>(plan.groups.size()) - 1};
  plan.operations.push_back(op);
}

TEST_CASE(
    "parts of one group come of one split, what overlaps of another; who is alone needs none") {
  Plan plan;
  plan.world = 4;
  add_group(plan, "tp", {{0, 1, 2, 3}});
  add_group(plan, "attn_tp", {{0, 2}, {1, 3}});
  add_group(plan, "alone", {{0}, {1}, {2}, {3}});
  const std::vector<Split> splits = nccl::splits_of(plan);
  REQUIRE(splits.size() == 2);
  CHECK(splits[0].parts == std::vector<Split::Part>{{0, {0, 1, 2, 3}}});
  CHECK(splits[1].parts == std::vector<Split::Part>{{1, {0, 2}}, {2, {1, 3}}});
  const nccl::SplitArguments own = nccl::arguments_of(splits[1], 3);
  CHECK(own.colour == 1);
  CHECK(own.key == 1);
  CHECK(own.part->communicator == 2);
}

TEST_CASE("a communicator on which nobody calls is not made") {
  Plan plan;
  plan.world = 2;
  add_group(plan, "tp", {{0, 1}}, false);
  CHECK(nccl::splits_of(plan).empty());
}

TEST_CASE("a rank in no part says so") {
  Plan plan;
  plan.world = 3;
  add_group(plan, "pair", {{2, 0}});
  const Split split = nccl::splits_of(plan).front();
  CHECK(nccl::arguments_of(split, 1).part == nullptr);
  CHECK(nccl::arguments_of(split, 1).colour == -1);
  CHECK(nccl::arguments_of(split, 2).key == 0);  // in group order, not in that of ranks
  CHECK(nccl::arguments_of(split, 0).key == 1);
}

TEST_CASE("every communicator that is called on comes of exactly one split, disjoint from others") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    const Plan plan = random_program(seed).plan;
    const numeric::Rendezvous numbers(plan);
    std::map<int, std::vector<int>> made;
    for (const Split& split : nccl::splits_of(plan)) {
      std::set<int> ranks;
      for (const Split::Part& part : split.parts) {
        CHECK(made.emplace(part.communicator, part.members).second);
        for (const int rank : part.members) CHECK(ranks.insert(rank).second);
      }
    }
    for (const Operation& op : plan.operations) {
      if (!communicates(op.kind)) continue;
      for (int rank = 0; rank < plan.world; ++rank) {
        const Membership m = membership(plan, op.group, rank);
        if (!executes(op, rank) || m.members->size() < 2) continue;
        CHECK(made.at(numbers.communicator(op.group, rank)) == *m.members);
      }
    }
  }
}

}  // namespace
}  // namespace lockstep::test

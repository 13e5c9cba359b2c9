#include "tests/program/programs.h"

using namespace lockstep;
using namespace lockstep::test;

namespace {

using Parts = std::vector<std::vector<int>>;

Parts parts_of(const std::string& head, const std::string& group) {
  const Plan plan = plan_of(head + "\ntokens: 1\nprogram: [{input: x}]\n");
  for (const Group& g : plan.groups) {
    if (g.role == group) return g.parts;
  }
  return {};
}

}  // namespace

TEST_CASE("the last axis of a mesh varies fastest") {
  const std::string mesh = "mesh: {pp: 2, dp: 2, tp: 2}\n";
  CHECK(parts_of(mesh, "tp") == Parts{{0, 1}, {2, 3}, {4, 5}, {6, 7}});
  CHECK(parts_of(mesh, "dp") == Parts{{0, 2}, {1, 3}, {4, 6}, {5, 7}});
  CHECK(parts_of(mesh, "pp") == Parts{{0, 4}, {1, 5}, {2, 6}, {3, 7}});
  CHECK(parts_of(mesh, "world") == Parts{{0, 1, 2, 3, 4, 5, 6, 7}});
  CHECK(parts_of(mesh + "groups: {moe: {axes: [dp, tp]}}", "moe") ==
        Parts{{0, 1, 2, 3}, {4, 5, 6, 7}});
}

TEST_CASE("members stand in the order in which they are named") {
  CHECK(parts_of("world: 4\ngroups: {g: \"0,2,1,3\"}", "g") == Parts{{0, 2, 1, 3}});
  const std::string mesh = "mesh: {cp: 2, tp: 2}\n";
  CHECK(parts_of(mesh + "groups: {g: {axes: [cp, tp]}}", "g") == Parts{{0, 1, 2, 3}});
  CHECK(parts_of(mesh + "groups: {g: {axes: [tp, cp]}}", "g") == Parts{{0, 2, 1, 3}});
  // So the same gather gives the rows in another order.
  const std::string gather =
      "mesh: {cp: 2, tp: 2}\ntokens: [1, 1, 1, 1]\ngroups: {a: {axes: [cp, tp]}, b: {axes: [tp, "
      "cp]}}\n"
      "program:\n  - {input: x}\n  - {all_gather: x, rows: all, group: ";
  CHECK(verdict(gather + "a}\n  - {require: x}\n") == "holds");
  CHECK(verdict(gather + "b}\n  - {require: x}\n") == "wrong-rows");
}

TEST_CASE("groups are lists, strides and aliases") {
  CHECK(parts_of("world: 4\ngroups: {g: 1-2}", "g") == Parts{{1, 2}});
  CHECK(parts_of("world: 4\ngroups: {g: [0-1, 2-3]}", "g") == Parts{{0, 1}, {2, 3}});
  CHECK(parts_of("world: 4\ngroups: {g: {size: 2}}", "g") == Parts{{0, 1}, {2, 3}});
  CHECK(parts_of("world: 8\ngroups: {g: {size: 2, stride: 2}}", "g") ==
        Parts{{0, 2}, {1, 3}, {4, 6}, {5, 7}});
  const Plan plan =
      plan_of("world: 2\ngroups: {tp: 0-1, attn: {alias: tp}}\ntokens: 1\nprogram: [{input: x}]\n");
  CHECK(plan.groups[1].role == "attn");
  CHECK(plan.groups[1].object == "tp");
}

TEST_CASE("tokens are numbered through shards and steps, and graphs pad") {
  const Plan plan = plan_of(
      "world: 2\nsteps: [{tokens: [3, 1]}, {tokens: [[1, 1], 0], graph: 4}]\n"
      "program: [{input: x}]\n");
  REQUIRE(plan.steps.size() == 2);
  CHECK(plan.steps[0].requests == std::vector<Request>{{0, 0, 0, 3, 0}, {1, 0, 3, 1, 0}});
  CHECK(plan.steps[1].requests == std::vector<Request>{{0, 0, 4, 1, 0}, {0, 1, 5, 1, 0}});
  CHECK(plan.steps[1].cuda_graph);
  const RowLayout& captured = plan.layout(plan.spec(plan.operations[1].out[0].declared).rows);
  CHECK(captured.rows.at(0) == RowMap{{4, 2}, {kPadding, 2}});
  CHECK(captured.rows.at(1) == RowMap{{kPadding, 4}});
}

TEST_CASE("what does not fit is told at its place") {
  const std::string rest = "\ntokens: 1\nprogram: [{input: x}]\n";
  CHECK(faults("world: 4\ngroups: {g: 2-4}" + rest)
            .find("p.yaml:2:13: error: expected ranks below 4") == 0);
  CHECK(faults("world: 4\ngroups: {g: {size: 3}}" + rest).find("do not divide") !=
        std::string::npos);
  CHECK(faults("world: 4\ngroups: {g: [0-1, 1-2]}" + rest).find("in two parts") !=
        std::string::npos);
  CHECK(faults("mesh: {a: 2}\nworld: 3" + rest).find("the mesh has 2 ranks") != std::string::npos);
  CHECK(faults("mesh: {a: 2}\ngroups: {g: {axes: [b]}}" + rest).find("unknown axis 'b'") !=
        std::string::npos);
  CHECK(faults("world: 4\ntokens: [1, 1]\nprogram: [{input: x}]\n").find("shards: GROUP") !=
        std::string::npos);
  CHECK(faults("world: 1\nsteps: [{tokens: 5, graph: 4}]\nprogram: [{input: x}]\n")
            .find("do not fit in a graph captured with 4 rows") != std::string::npos);
  CHECK(faults("world: 1\nprogram: [{input: x}]\n").find("'tokens' is missing") !=
        std::string::npos);
}

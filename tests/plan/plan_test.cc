#include "sim/plan/plan.h"

#include <doctest/doctest.h>

#include "sim/plan/builder.h"
#include "sim/plan/shares.h"
#include "tests/plan/sample_plans.h"

namespace lockstep::test {
namespace {

TEST_CASE("shares are cut over major first, and shifted by the units for each minor place") {
  // Four experts over ep 2 x moe_tp 2: rank = 2 * ep_rank + moe_tp_rank, share = j * 4 + expert.
  Plan plan;
  plan.world = 4;
  plan.groups = {{"moe_ep", "moe_ep", {{0, 2}, {1, 3}}}, {"moe_tp", "moe_tp", {{0, 1}, {2, 3}}}};
  plan.terms = {{"experts", TermKind::routed, 0, 0, 0, 8}};
  const Production p{TermId{0}, GroupId{0}, GroupId{1}, 4, 1};
  CHECK(shares_of(plan, p, 0) == ShareRange{0, 2});
  CHECK(shares_of(plan, p, 1) == ShareRange{4, 6});
  CHECK(shares_of(plan, p, 2) == ShareRange{2, 4});
  CHECK(shares_of(plan, p, 3) == ShareRange{6, 8});
}

TEST_CASE("a replicated production has all its units on every rank") {
  const Plan plan = sample_plan();
  CHECK(shares_of(plan, {TermId{0}, {}, {}, 1, 1}, 1) == ShareRange{0, 1});
}

TEST_CASE("a placement counts each share as often as it stands there") {
  // "4,0-2,1-4": 0 once, 1 and 2 twice, 3 once, 4 twice
  Plan plan = sample_plan();
  plan.placements = {{"p", {{{{4, 5}, {0, 3}, {1, 5}}, {}}, {0, 1}}}};
  const Production p{TermId{2}, {}, {}, 1, 1, PlacementId{0}};
  CHECK(counted_shares(plan, p, 0) ==
        std::vector<CountedShares>{{0, 1, 1}, {1, 3, 2}, {3, 4, 1}, {4, 5, 2}});
  CHECK(counted_shares(plan, p, 1).empty());
  CHECK(share_key(plan, p, 0) != share_key(plan, p, 1));
  CHECK(share_units(plan, p) == 4);  // experts
  const Production formula = plan.operations[3].produces[0];
  CHECK(counted_shares(plan, formula, 1) == std::vector<CountedShares>{{1, 2, 1}});
}

TEST_CASE("columns are cut evenly, the remainder to the later slices") {
  // floor(10 * i / 4): 0, 2, 5, 7, 10.
  CHECK(column_slice(10, 0, 4) == ShareRange{0, 2});
  CHECK(column_slice(10, 1, 4) == ShareRange{2, 5});
  CHECK(column_slice(10, 2, 4) == ShareRange{5, 7});
  CHECK(column_slice(10, 3, 4) == ShareRange{7, 10});
}

TEST_CASE("the vocabulary is padded to a multiple of 64") {
  CHECK(sample_plan().column_count("vocab") == 128);  // of 100
  CHECK(sample_plan().column_count("hidden") == 8);
  CHECK(sample_plan().column_count("experts") == 4);
  CHECK(sample_plan().column_count("qk_statistics") == 2);  // of queries, of keys
}

TEST_CASE("a rank's place in a group is its position in its part") {
  Plan plan;
  plan.groups = {{"g", "g", {{5, 1}, {2, 0}}}};
  CHECK(membership(plan, GroupId{0}, 1).index == 1);
  CHECK(*membership(plan, GroupId{0}, 2).members == std::vector<int>{2, 0});
  CHECK(membership(plan, GroupId{0}, 3).members == nullptr);
}

TEST_CASE("equal layouts, specs and reasons are stored once") {
  PlanBuilder b{Plan{}};
  b.layout("all", {{{0, 4}}, {{0, 4}}, {{0, 2}}});
  CHECK(b.plan().layouts[0].rows.distinct.size() == 2);
  CHECK(b.plan().layouts[0].rows.at(1) == RowMap{{0, 4}});
  const StateSpec spec{LayoutId{0}, {TermId{1}}, {}, {}};
  CHECK(b.spec(spec) == b.spec(spec));
  CHECK(b.spec({LayoutId{0}, {TermId{2}}, {}, {}}) != b.spec(spec));
  const Reason reason{"rule", "true", {{"tp", "8"}}, "", "", {}};
  CHECK(b.reason(reason) == b.reason(reason));
}

TEST_CASE("plans that differ only in why they were chosen hash equally") {
  const Plan plan = sample_plan();
  Plan renamed = plan;
  renamed.name = "other";
  renamed.origin.epoch = "E9";
  renamed.notes = {"a note"};
  renamed.reasons[0].value = "true";
  renamed.operations[4].name = "all_reduce";
  renamed.operations[4].because.clear();
  CHECK(hash(renamed) == hash(plan));
  CHECK_FALSE(renamed == plan);
}

TEST_CASE("every change of what is computed changes the hash") {
  const Plan plan = sample_plan();
  const auto changed = [&plan](auto change) {
    Plan other = plan;
    change(other);
    return hash(other) != hash(plan);
  };
  CHECK(changed([](Plan& p) { p.seed = 2; }));
  CHECK(changed([](Plan& p) { p.model.rope_theta = 1; }));
  CHECK(changed([](Plan& p) { p.layouts[0].rows.distinct[0][0].count = 2; }));
  CHECK(changed([](Plan& p) { p.sizes[0].sizes[1] = 2; }));
  CHECK(changed([](Plan& p) { p.steps[0].requests[0].prefix = 1; }));
  CHECK(changed([](Plan& p) { p.terms[2].shares = 4; }));
  CHECK(changed([](Plan& p) { p.operations.pop_back(); }));
  CHECK(changed([](Plan& p) { std::swap(p.operations[0], p.operations[1]); }));
  CHECK(changed([](Plan& p) { p.operations[4].ranks = RankSet::of({0}); }));
  CHECK(changed([](Plan& p) { p.operations[3].produces[0].coefficient = Rational(1, 2); }));
  CHECK(changed([](Plan& p) { p.specs[0].partial_over = GroupId{0}; }));
}

TEST_CASE("what came later enters the hash where it is set") {
  const Plan plan = sample_plan();
  const auto changed = [&plan](auto change) {
    Plan other = plan;
    change(other);
    return hash(other) != hash(plan);
  };
  CHECK(changed([](Plan& p) { p.model.decoder_sparse_step = 2; }));
  CHECK(changed([](Plan& p) { p.model.mlp_only_layers = {0}; }));
  CHECK(changed([](Plan& p) { p.model.head_dim = 1; }));
  CHECK(changed([](Plan& p) { p.model.attention_bias = true; }));
  CHECK(changed([](Plan& p) { p.model.sliding_window = 1; }));
  CHECK(changed([](Plan& p) { p.model.shared_expert_intermediate_size = 1; }));

  Plan placed = plan;
  placed.placements = {{"halves", {{{{0, 1}}, {{1, 2}}}, {0, 1}}}};
  const std::uint64_t unused = hash(placed);
  CHECK(unused != hash(plan));
  CHECK_FALSE(placed == plan);
  placed.operations[3].produces[0].placement = PlacementId{0};
  CHECK(hash(placed) != unused);
  const std::uint64_t used = hash(placed);
  placed.placements[0].of.distinct[0][0].last = 2;
  CHECK(hash(placed) != used);
}

TEST_CASE("an equal placement is stored once, another of that name is not") {
  PlanBuilder b{Plan{}};
  const PlacementId halves = b.placement("halves", {{{0, 1}}, {{1, 2}}});
  CHECK(b.placement("halves", {{{0, 1}}, {{1, 2}}}) == halves);
  CHECK(b.placement("halves", {{{0, 1}}, {{0, 1}}}) != halves);
  CHECK(b.plan().placements.size() == 2);
  CHECK(b.plan().placements[1].of.distinct.size() == 1);
}

TEST_CASE("the numbers of specs are no part of a plan") {
  const Plan plan = sample_plan();
  Plan renumbered = plan;
  renumbered.specs.push_back(plan.specs[0]);
  renumbered.operations[0].out[0].declared = SpecId{static_cast<std::int32_t>(plan.specs.size())};
  CHECK(renumbered == plan);
  CHECK(hash(renumbered) == hash(plan));
  renumbered.specs.back().partial_over = GroupId{0};
  CHECK_FALSE(renumbered == plan);
}

}  // namespace
}  // namespace lockstep::test

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "sim/base/random.h"
#include "sim/base/text.h"
#include "sim/plan/plan.h"
#include "tests/plan/sample_plans.h"

namespace lockstep::test {
namespace {

using Change = std::function<void(Plan&)>;

// The faults of the sample plan after `change`; operation 3 is the dense one, 4 its all_reduce.
std::vector<std::string> faults_after(const Change& change) {
  Plan plan = sample_plan();
  change(plan);
  return validate(plan);
}

void check_faults(const Change& change, const std::string& fault) {
  CHECK(join(faults_after(change), "\n") == fault);
}

TEST_CASE("the sample plan is well formed") {
  CHECK(validate(sample_plan()) == std::vector<std::string>{});
}

TEST_CASE("faults of the tables name the table and the entry") {
  check_faults([](Plan& p) { p.world = 0; }, "world: 0 ranks; it must be 1 to 65536");
  check_faults([](Plan& p) { p.model.hidden_size = 0; },
               "model: hidden_size is 0; it must be 1 to 16777216");
  check_faults([](Plan& p) { p.model.num_experts_per_tok = 5; },
               "model: num_experts_per_tok is 5, but there are 4 routed experts");
  check_faults(
      [](Plan& p) {
        p.groups[0].parts[0] = {0, 2};
      },
      "groups, entry 0: rank 2 is outside the world of 2");
  check_faults(
      [](Plan& p) {
        p.groups[0].parts = {{0}, {0, 1}};
      },
      "groups, entry 0: rank 0 is in it twice");
  check_faults([](Plan& p) { p.steps[0].requests[1].first_token = 2; },
               "steps: token 2 belongs to two requests");
  check_faults([](Plan& p) { p.layouts[0].rows.distinct[1][0].token = 4; },
               "rows, entry 0: tokens 4-4 belong to no request");
  check_faults([](Plan& p) { p.layouts[0].rows.index_of_rank = {0}; },
               "rows, entry 0: covers 1 ranks of 2");
  check_faults(
      [](Plan& p) {
        p.layouts[0].rows.index_of_rank = {0, 0};
      },
      "rows, entry 0: has a value that no rank uses");
  check_faults(
      [](Plan& p) {
        p.layouts[0].rows.distinct[0] = {{kPadding, kPadding}};
      },
      "rows, entry 0: has a run of -1 rows from token -1");
  check_faults(
      [](Plan& p) {
        p.sizes[0].sizes = {1LL << 30, 1LL << 30, 1LL << 30};
      },
      "sizes, entry 0: adds up to 2^31 rows or more");
  check_faults([](Plan& p) { p.tensors[1].name = "x"; }, "tensors, entry 1: the name x is taken");
  check_faults(
      [](Plan& p) { p.tensors[1].columns = "heads"; },
      "tensors, entry 1: columns are hidden, vocab, experts, qk_statistics or a number, not "
      "'heads'");
  check_faults([](Plan& p) { p.terms[1].layer = 3; }, "terms, entry 1: layer 3 of a model with 2");
  check_faults([](Plan& p) { p.specs[1].terms.push_back(p.specs[1].terms[0]); },
               "specs, entry 1: has L0.norm2 twice");
}

TEST_CASE("closings that never end are refused") {
  check_faults(
      [](Plan& p) {
        p.closings = {{TermId{0}, {TermId{1}}}, {TermId{1}, {TermId{0}}}};
      },
      "closings, entry 0: L0.norm2 is a part of embedding before it is closed itself");
}

TEST_CASE("faults of operations name the operation") {
  check_faults([](Plan& p) { p.operations[4].group = GroupId::none(); },
               "operation 4 (down_proj all_reduce): all_reduce needs group");
  check_faults([](Plan& p) { p.operations[4].in[0].tensor = TensorId{9}; },
               "operation 4 (down_proj all_reduce): reads a tensor that does not exist");
  check_faults([](Plan& p) { p.operations[4].out.clear(); },
               "operation 4 (down_proj all_reduce): all_reduce has 1 operands and 0 results; it "
               "takes 1 and gives 1");
  check_faults([](Plan& p) { p.operations[3].in[0].expect = SpecId::none(); },
               "operation 3 (dense): does not say what gathered must be");
  check_faults([](Plan& p) { p.operations[4].in[0].expect = SpecId{0}; },
               "operation 4 (down_proj all_reduce): all_reduce judges no operand, but expects a "
               "state of y");
  check_faults([](Plan& p) { p.operations[3].produces[0].units = 3; },
               "operation 3 (dense): the 3 units of L0.mlp.down cannot be split over tp\n"
               "operation 3 (dense): L0.mlp.down has 2 shares, which is not its 3 units");
  check_faults([](Plan& p) { p.operations[3].produces[0].term = TermId{1}; },
               "operation 3 (dense): dense does not make L0.norm2\n"
               "operation 3 (dense): L0.norm2 has 1 shares, which is not its 2 units");
  check_faults([](Plan& p) { p.operations[4].factor = 2; },
               "operation 4 (down_proj all_reduce): all_reduce takes no factor");
  check_faults(
      [](Plan& p) {
        p.operations[4].ranks = RankSet::of({1, 2});
      },
      "operation 4 (down_proj all_reduce): runs on ranks 1-2 of a world of 2");
  check_faults([](Plan& p) { p.operations[4].site.layer = 2; },
               "operation 4 (down_proj all_reduce): is in layer 2 of 2");
  check_faults([](Plan& p) { p.operations[4].because = {ReasonId{7}}; },
               "operation 4 (down_proj all_reduce): has a reason that does not exist");
  check_faults(
      [](Plan& p) {
        p.groups.push_back({"one", "one", {{0}}});
        p.operations[4].group = GroupId{1};
      },
      "operation 4 (down_proj all_reduce): a call over one, but rank 1 is not in it");
}

// The sample plan whose dense operation goes by a placement: rank 0 has share 0, rank 1 share 1.
Plan placed_plan() {
  Plan plan = sample_plan();
  plan.placements = {{"halves", {{{{0, 1}}, {{1, 2}}}, {0, 1}}}};
  plan.operations[3].produces[0] = {TermId{2}, {}, {}, 1, 1, PlacementId{0}};
  return plan;
}

TEST_CASE("faults of placements") {
  CHECK(validate(placed_plan()) == std::vector<std::string>{});
  const auto check = [](const Change& change, const std::string& fault) {
    Plan plan = placed_plan();
    change(plan);
    CHECK(join(validate(plan), "\n") == fault);
  };
  check(
      [](Plan& p) {
        p.placements[0].of.distinct[1] = {{0, 3}};
      },
      "operation 3 (dense): the placement halves gives rank 1 the share 2 of L0.mlp.down, which "
      "has 2");
  check(
      [](Plan& p) {
        p.placements[0].of.distinct[1] = {{1, 1}};
      },
      "placements, entry 0: has shares 1 to 1");
  check(
      [](Plan& p) {
        p.placements[0].of.distinct[1] = {{-1, 1}};
      },
      "placements, entry 0: has shares -1 to 1");
  check(
      [](Plan& p) {
        p.placements[0].of.distinct[1] = {{0, 1 << 23}, {0, 1 << 23}};
      },
      "placements, entry 0: has 2^24 shares or more on a rank");
  check([](Plan& p) { p.placements[0].of.index_of_rank = {0}; },
        "placements, entry 0: covers 1 ranks of 2");
  check([](Plan& p) { p.placements.push_back(p.placements[0]); },
        "placements, entry 1: the name halves is taken");
  check([](Plan& p) { p.operations[3].produces[0].units = 2; },
        "operation 3 (dense): produces L0.mlp.down by the placement halves, which takes no units "
        "and no groups");
  check([](Plan& p) { p.operations[3].produces[0].placement = PlacementId{1}; },
        "operation 3 (dense): produces by a placement that does not exist");
  // A rank that does not execute the operation has nothing to do with its shares.
  Plan one = placed_plan();
  one.placements[0].of.distinct[1] = {{0, 3}};
  one.operations[3].ranks = RankSet::of({0});
  CHECK(validate(one) == std::vector<std::string>{});
}

TEST_CASE("faults of statistics, biases and of the models that have them") {
  check_faults([](Plan& p) { p.operations[3].kind = OpKind::qk_statistics; },
               "operation 3 (dense): y has hidden columns; qk_statistics are needed\n"
               "operation 3 (dense): qk_statistics does not make L0.mlp.down");
  check_faults(
      [](Plan& p) {
        p.terms[2].kind = TermKind::attention;
        p.operations[3].kind = OpKind::attention;
        p.operations[3].in.push_back(p.operations[3].in[0]);
      },
      "operation 3 (dense): gathered has hidden columns; qk_statistics are needed");
  check_faults(
      [](Plan& p) {
        p.operations[3].kind = OpKind::attention;
        p.operations[3].in.clear();
      },
      "operation 3 (dense): attention has 0 operands and 1 results; it takes 1 or 2 and gives 1\n"
      "operation 3 (dense): attention does not make L0.mlp.down");
  check_faults([](Plan& p) { p.terms[2].kind = TermKind::bias; },
               "terms, entry 2: a bias has 1 share, not 2");
  check_faults([](Plan& p) { p.model.decoder_sparse_step = 0; },
               "model: decoder_sparse_step is 0; it must be 1 to 16777216");
  check_faults(
      [](Plan& p) {
        p.model.mlp_only_layers = {1, -1};
      },
      "model: a layer of mlp_only_layers is -1; it must be 0 to 16777216");
  check_faults([](Plan& p) { p.model.sliding_window = -1; },
               "model: sliding_window is -1; it must be 0 to 16777216");
}

// One random entry of one random table becomes a random small number or is dropped.
void corrupt(Plan& p, Random& random) {
  const auto some = [&random](auto& list) -> auto& {
    return list[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(list.size())))];
  };
  const auto id = static_cast<std::int32_t>(random.below(14)) - 2;
  Operation& op = some(p.operations);
  switch (random.below(14)) {
    case 0:
      op.group = GroupId{id};
      break;
    case 1:
      op.sizes = SizesId{id};
      break;
    case 2:
      op.moves = MovesId{id};
      break;
    case 3:
      op.in = {{TensorId{id}, SpecId{id}}};
      break;
    case 4:
      op.out = {{TensorId{id}, SpecId{id}}};
      break;
    case 5:
      op.produces = {{TermId{id}, GroupId{id}, GroupId{-1}, id, 1, PlacementId{id % 4}}};
      break;
    case 6:
      some(p.specs).terms = {TermId{id}};
      break;
    case 7:
      some(p.specs).rows = LayoutId{id};
      break;
    case 8:
      some(p.terms).shares = id;
      break;
    case 9:
      some(p.layouts).rows.index_of_rank[0] = id;
      break;
    case 10:
      some(p.groups).parts[0][0] = id;
      break;
    case 11:
      some(some(p.steps).requests).first_token = id;
      break;
    case 12:
      op.kind = static_cast<OpKind>(random.below(20));
      break;
    default:
      p.closings = {{TermId{id}, {TermId{id}, TermId{0}}}};
      break;
  }
}

TEST_CASE("corrupted plans are judged without a crash, and most are refused") {
  int refused = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    Random random(seed);
    Plan plan = random_plan(seed % 50);
    corrupt(plan, random);
    if (!validate(plan).empty()) ++refused;
  }
  CHECK(refused > 1000);
}

}  // namespace
}  // namespace lockstep::test

// Thousands of ranks: a plan that holds makes hardly any state, and one faulty rank is found and
// named at a cost that does not multiply with the layers. The counts are asserted, not the time.
// Each fault is compared with the check rank by rank in a small world.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "sim/contract/check.h"
#include "sim/plan/plan.h"
#include "sim/report/check_report.h"
#include "tests/differential/cases.h"

namespace lockstep::test {
namespace {

// Expert parallelism over all ranks, every shard with another token count.
struct Scale {
  int tp = 1024;
  int dp = 1024;
  int layers = 4;
  const char* revision = "24785";
  std::optional<Padding> padding;
  ForwardMode mode = ForwardMode::extend;
};

LoweringInput input_at(const Scale& scale) {
  LoweringInput input;
  input.name = "scale";
  input.model = tiny_model(scale.layers, 1, scale.tp, 1);
  input.model.intermediate_size = scale.tp;
  input.model.num_experts_per_tok = 2;
  input.parallel.tp_size = scale.tp;
  input.parallel.dp_size = scale.dp;
  input.parallel.ep_size = scale.tp;
  input.parallel.enable_dp_attention = true;
  input.serving.revision = scale.revision;
  BatchSpec batch;
  batch.padding = scale.padding;
  for (int shard = 0; shard < scale.dp; ++shard) {
    const int tokens = 2 + (shard * 5) % scale.dp;  // 5 and dp share no divisor
    ShardBatch one{scale.mode, {{tokens, 0}}};
    if (scale.mode == ForwardMode::decode) {
      one.requests.assign(static_cast<std::size_t>(1 + tokens % 7), RequestSpec{1, 3});
    }
    batch.shards.push_back(std::move(one));
  }
  input.steps = {batch};
  return input;
}

Plan plan_at(const Scale& scale) {
  Result<Plan> plan = lower(input_at(scale));
  REQUIRE(plan);
  REQUIRE(validate(*plan).empty());
  return std::move(*plan);
}

int find_operation(const Plan& plan, OpKind kind, int layer, const std::string& name = {}) {
  for (std::size_t i = 0; i < plan.operations.size(); ++i) {
    const Operation& op = plan.operations[i];
    if (op.kind == kind && op.site.layer == layer && (name.empty() || op.name == name)) {
      return static_cast<int>(i);
    }
  }
  FAIL("there is no such operation");
  return -1;
}

RankSet all_but(const Plan& plan, int rank) {
  RankSet others = RankSet::range(0, rank);
  others.insert(RankSet::range(rank + 1, plan.world - rank - 1));
  return others;
}

// Cuts an operation in two: `rank` runs the second, at the next index.
Operation& split_off(Plan& plan, int operation, int rank) {
  const auto at = plan.operations.begin() + operation;
  Operation own = *at;
  own.ranks = RankSet::range(rank, 1);
  at->ranks = all_but(plan, rank);
  return *plan.operations.insert(at + 1, std::move(own));
}

std::string text_of(const contract::CheckResult& result, const Plan& plan) {
  return check_json({plan.name, plan, result, {}, {}, 0, 0, 0}).dump(1);
}

// The result on forms; in a small world also rank by rank, which must be the same.
contract::CheckResult checked(const Plan& plan) {
  REQUIRE(validate(plan).empty());
  contract::CheckResult result = contract::check(plan);
  constexpr int kSmall = 16;
  if (plan.world > kSmall) return result;
  contract::Options exact;
  exact.exact = true;
  const contract::CheckResult reference = contract::check(plan, exact);
  CHECK(text_of(result, plan) == text_of(reference, plan));
  CHECK(result.obligations == reference.obligations);
  return result;
}

const contract::Violation& only_violation(const contract::CheckResult& result) {
  REQUIRE(result.violations.size() == 1);
  return result.violations.front();
}

constexpr int kLayer = 2;
constexpr std::array<int, 3> kWorlds{8, 1024, 16384};

TEST_CASE("plans of 16,384 ranks hold, and hardly a state is made") {
  // One state at the most for what is the same on all ranks; none is made on each of them.
  constexpr std::size_t kMost = 64;
  const std::vector<Scale> all{
      {16384, 16384, 4, "24785", std::nullopt, ForwardMode::extend},
      {16384, 16384, 4, "24785", Padding::max_len, ForwardMode::extend},
      {16384, 16384, 4, "24785", std::nullopt, ForwardMode::decode},
      {16384, 2048, 4, "24785", std::nullopt, ForwardMode::extend},
      {16384, 2048, 4, "24785", Padding::max_len, ForwardMode::extend},
  };
  for (const Scale& scale : all) {
    const Plan plan = plan_at(scale);
    const contract::CheckResult result = contract::check(plan);
    INFO(fmt::format("tp {} dp {}", scale.tp, scale.dp));
    CHECK(result.verdict == contract::Verdict::holds);
    CHECK(result.states_made <= kMost);
  }
}

TEST_CASE("the bug of 24785 on 16,384 ranks is the one on 8, and makes no more states") {
  for (const int ranks : {8, 16384}) {
    const Plan plan = plan_at({ranks, ranks, 3, "24785^", std::nullopt, ForwardMode::extend});
    const contract::CheckResult result = checked(plan);
    const contract::Violation& v = only_violation(result);
    CHECK(v.code == contract::Code::double_reduction);
    CHECK(v.ranks.size() == ranks);
    CHECK(v.factor == Rational(ranks));
    CHECK(v.operation.kind == "reduce_scatterv");
    CHECK(result.states_made <= 64);
  }
}

TEST_CASE("one wrong count in a sizes list") {
  for (const int world : kWorlds) {
    const int faulty = world / 2 + 1;
    Plan plan = plan_at({world, world, 4, "24785", std::nullopt, ForwardMode::extend});
    const int operation = find_operation(plan, OpKind::reduce_scatterv, kLayer);
    SizeTable wrong = plan.size_table(plan.operations[static_cast<std::size_t>(operation)].sizes);
    wrong.name = "wrong";
    ++wrong.sizes[static_cast<std::size_t>(faulty)];
    plan.sizes.push_back(wrong);
    const SizesId sizes{static_cast<std::int32_t>(plan.sizes.size()) - 1};

    Plan of_one_rank = plan;
    split_off(of_one_rank, operation, faulty).sizes = sizes;
    const contract::CheckResult one = checked(of_one_rank);
    CHECK(only_violation(one).code == contract::Code::collective_mismatch);
    CHECK(only_violation(one).operation.index == operation);
    CHECK(only_violation(one).message.find(fmt::format("ranks 0 and {} pass different sizes lists",
                                                       faulty)) != std::string::npos);

    plan.operations[static_cast<std::size_t>(operation)].sizes = sizes;
    const contract::CheckResult sum = checked(plan);
    CHECK(only_violation(sum).code == contract::Code::collective_mismatch);
    CHECK(only_violation(sum).operation.index == operation);

    // The neighbour has one row less: the library takes it, and two ranks get the wrong rows.
    --plan.sizes.back().sizes[static_cast<std::size_t>(faulty) + 1];
    const contract::CheckResult shifted = checked(plan);
    CHECK(only_violation(shifted).code == contract::Code::layout_mismatch);
    CHECK(only_violation(shifted).operation.index == operation);
    CHECK(only_violation(shifted).ranks == RankSet::range(faulty, 2));
    for (const auto& result : {one, sum, shifted}) {
      CHECK(result.states_made <= 6 * static_cast<std::size_t>(world));
    }
  }
}

TEST_CASE("one missing call") {
  for (const int world : kWorlds) {
    const int faulty = world / 2 + 1;
    Plan plan = plan_at({world, world, 4, "24785", std::nullopt, ForwardMode::extend});
    const int operation = find_operation(plan, OpKind::reduce_scatterv, kLayer);
    plan.operations[static_cast<std::size_t>(operation)].ranks = all_but(plan, faulty);
    const contract::CheckResult result = checked(plan);
    const contract::Violation& v = result.violations.front();
    CHECK(v.code == contract::Code::collective_mismatch);
    CHECK(v.operation.index == operation);
    CHECK(v.message.find(fmt::format("rank {} calls all_reduce", faulty)) != std::string::npos);
    CHECK(result.states_made <= 6 * static_cast<std::size_t>(world));
  }
}

TEST_CASE("two rows swapped by one rank") {
  for (const int world : kWorlds) {
    const int faulty = world / 2 + 1;
    Plan plan = plan_at({world, world, 4, "24785", std::nullopt, ForwardMode::extend});
    const int operation = find_operation(plan, OpKind::copy_rows, kLayer, "dp_gather copy");
    Operation& op = plan.operations[static_cast<std::size_t>(operation)];
    MoveTable table = plan.move_table(op.moves);
    table.name = "swapped";
    const auto entry =
        static_cast<std::size_t>(table.of.index_of_rank[static_cast<std::size_t>(faulty)]);
    const Move whole = table.of.distinct[entry].moves.front();
    std::vector<Move> swapped{{0, whole.to + 1, 1}, {1, whole.to, 1}};
    if (whole.count > 2) swapped.push_back({2, whole.to + 2, whole.count - 2});
    table.of.distinct[entry].moves = swapped;
    plan.moves.push_back(table);
    op.moves = {static_cast<std::int32_t>(plan.moves.size()) - 1};
    const contract::CheckResult result = checked(plan);
    const contract::Violation& v = only_violation(result);
    CHECK(v.code == contract::Code::wrong_rows);
    CHECK(v.operation.index == operation);
    CHECK(v.ranks.size() == world);  // each of them gathers the two rows
    CHECK(v.message.find(fmt::format("(rows {}-{})", whole.to, whole.to + 1)) != std::string::npos);
    CHECK(result.states_made <= 6 * static_cast<std::size_t>(world));
  }
}

TEST_CASE("one rank has an expert too many") {
  for (const int world : kWorlds) {
    const int faulty = world / 2 + 1;
    Plan plan = plan_at({world, world, 4, "24785", std::nullopt, ForwardMode::extend});
    const int operation = find_operation(plan, OpKind::experts, kLayer);
    Operation& own = split_off(plan, operation, faulty);
    own.produces.push_back(own.produces.front());
    const contract::CheckResult result = checked(plan);
    const contract::Violation& v = only_violation(result);
    CHECK(v.code == contract::Code::expert_map);
    CHECK(v.producer.kind == "experts");
    CHECK(v.factor == Rational(2));
    const auto twice =
        std::ranges::find(v.coefficients, Rational(2), &contract::Coefficient::value);
    REQUIRE(twice != v.coefficients.end());
    CHECK(twice->shares == fmt::format("{}", faulty));  // its own expert, twice
    CHECK(result.states_made <= 6 * static_cast<std::size_t>(world));
  }
}

}  // namespace
}  // namespace lockstep::test

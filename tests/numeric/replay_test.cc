// Whole plans with real numbers: right ones agree, and each fault is found where it is, with its
// factor, and once.
#include "backend/numeric/replay.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/numeric/transformer.h"

namespace lockstep::test {
namespace {

using numeric::Comparison;
using numeric::replay;
using numeric::ReplayOptions;
using numeric::ReplayResult;
using numeric::ReplayVerdict;

std::vector<Comparison> unmet(const ReplayResult& result) {
  std::vector<Comparison> found;
  for (const Comparison& c : result.comparisons) {
    if (!c.met) found.push_back(c);
  }
  return found;
}

int changed_words(const ReplayResult& result) {
  int sum = 0;
  for (const numeric::StepWords& w : result.words) sum += w.changed;
  return sum;
}

int all_words(const ReplayResult& result) {
  int sum = 0;
  for (const numeric::StepWords& w : result.words) sum += w.total;
  return sum;
}

Operation& named(Plan& plan, const std::string& name) {
  const int index = operation_named(plan, name);
  REQUIRE(index >= 0);
  return plan.operations[static_cast<std::size_t>(index)];
}

std::vector<TransformerSpec> right_specs() {
  std::vector<TransformerSpec> specs(7);
  specs[1].tokens = {5, 0, 3, 1};
  specs[1].padding = 2;
  specs[2].attn_tp = 2;
  specs[2].moe_tp = 2;
  specs[3].tokens = {4};
  specs[3].attn_tp = 4;
  specs[3].prefix = 3;
  specs[4].dense_return = Return::scatter;
  specs[4].moe_return = Return::scatter;
  specs[4].layers = 6;
  specs[5].steps = 3;
  specs[5].attn_tp = 2;
  specs[6].experts_per_token = 2;
  specs[6].shared = 0;
  return specs;
}

TEST_CASE("right plans agree, every obligation is compared, and rounding stays below tolerance") {
  for (const TransformerSpec& spec : right_specs()) {
    const Plan plan = transformer(spec);
    REQUIRE(validate(plan).empty());
    std::size_t obligations = 0;
    for (const Operation& op : plan.operations) {
      for (const Operand& in : op.in) obligations += in.expect.exists() ? 1 : 0;
    }
    for (const bool propagate : {false, true}) {
      const ReplayResult result = replay(plan, {1, propagate, {}});
      CHECK(result.verdict == ReplayVerdict::agrees);
      CHECK(result.stopped_at == -1);
      CHECK(result.comparisons.size() == obligations);
      CHECK(changed_words(result) == 0);
      for (const Comparison& c : result.comparisons) {
        CHECK(c.relative_error < result.tolerance);
        CHECK(c.scale == doctest::Approx(1).epsilon(1e-5));
      }
    }
  }
}

TEST_CASE("right plans agree whatever stands in memory that nobody wrote") {
  for (const TransformerSpec& spec : right_specs()) {
    ReplayOptions options;
    options.garbage = numeric::Garbage::both;
    const ReplayResult result = replay(transformer(spec), options);
    CHECK(result.verdict == ReplayVerdict::agrees);
    CHECK(result.garbage_shows.empty());
  }
}

TEST_CASE("the same seed gives the same bits, another seed other weights") {
  TransformerSpec spec;
  spec.dense_return = Return::none;
  const Plan plan = transformer(spec);
  const auto errors = [&](std::uint64_t seed) {
    std::vector<double> all;
    for (const Comparison& c : replay(plan, {seed, false, {}}).comparisons) {
      all.push_back(c.relative_error);
    }
    return all;
  };
  CHECK(errors(1) == errors(1));
  CHECK(errors(1) != errors(2));
}

TEST_CASE("a sum taken twice over n ranks is n times too large, in that block and nowhere else") {
  for (const std::size_t n : {2U, 4U, 8U}) {
    TransformerSpec spec;
    spec.tokens = std::vector<int>(n, 2);
    spec.layers = 3;
    spec.dense_return = Return::reduce_then_scatter;
    const Plan plan = transformer(spec);
    const ReplayResult result = replay(plan, {});
    CHECK(result.verdict == ReplayVerdict::diverges);
    const std::vector<Comparison> wrong = unmet(result);
    REQUIRE(wrong.size() == 1);
    CHECK(wrong[0].operation == operation_named(plan, "S0.L0.feed-forward boundary"));
    CHECK(wrong[0].boundary);
    CHECK(wrong[0].wrong == RankSet::range(0, static_cast<int>(n)));
    CHECK(wrong[0].scale == doctest::Approx(static_cast<double>(n)).epsilon(1e-5));
    // |n r - r| / |r| = n - 1
    CHECK(wrong[0].relative_error == doctest::Approx(static_cast<double>(n - 1)).epsilon(1e-5));
    CHECK(wrong[0].error_after_scale < result.tolerance);
    REQUIRE(wrong[0].terms.size() == 1);
    CHECK(wrong[0].terms[0].term == "S0.L0.dense");
    CHECK(wrong[0].terms[0].scale == doctest::Approx(static_cast<double>(n)).epsilon(1e-5));
  }
}

TEST_CASE("a sum never taken leaves something else than a multiple") {
  TransformerSpec spec;
  spec.moe_return = Return::none;
  const Plan plan = transformer(spec);
  const std::vector<Comparison> wrong = unmet(replay(plan, {}));
  REQUIRE(wrong.size() == 1);
  CHECK(wrong[0].operation == operation_named(plan, "S0.L1.feed-forward boundary"));
  CHECK(wrong[0].error_after_scale > 0.1);
}

TEST_CASE("a shared expert summed from every rank has the scale n, the routed ones 1") {
  Plan plan = transformer({});
  Operation& shared = named(plan, "S0.L1.shared_expert");
  shared.produces[0].coefficient = Rational(2);
  const std::vector<Comparison> wrong = unmet(replay(plan, {}));
  REQUIRE(wrong.size() == 1);
  REQUIRE(wrong[0].terms.size() == 2);
  CHECK(wrong[0].terms[0].scale == doctest::Approx(1).epsilon(1e-4));
  CHECK(wrong[0].terms[1].term == "S0.L1.shared");
  CHECK(wrong[0].terms[1].scale == doctest::Approx(2).epsilon(1e-4));
}

TEST_CASE("two independent faults are two findings, each with its own factor") {
  TransformerSpec spec;
  spec.dense_return = Return::reduce_then_scatter;
  Plan plan = transformer(spec);
  named(plan, "S0.L1.attention").produces[0].coefficient = Rational(3);
  const std::vector<Comparison> wrong = unmet(replay(plan, {}));
  REQUIRE(wrong.size() == 2);
  CHECK(wrong[0].scale == doctest::Approx(2).epsilon(1e-5));
  CHECK(wrong[1].scale == doctest::Approx(3).epsilon(1e-5));
}

TEST_CASE("carried on, a fault reaches the words; repaired, it stays where it is") {
  TransformerSpec spec;
  spec.tokens = std::vector<int>(8, 4);
  spec.dense_return = Return::reduce_then_scatter;
  const Plan plan = transformer(spec);
  const ReplayResult carried = replay(plan, {1, true, {}});
  const ReplayResult repaired = replay(plan, {1, false, {}});
  CHECK(unmet(carried).size() > unmet(repaired).size());
  CHECK(all_words(carried) == 32);
  CHECK(changed_words(carried) > 16);
  CHECK(changed_words(carried) <= 32);
  CHECK_FALSE(carried.comparisons.back().met);
  CHECK(repaired.comparisons.back().met);
}

TEST_CASE("one corrupted element on one rank is found on that rank") {
  const Plan plan = transformer({});
  const int norm = operation_named(plan, "S0.L0.norm1");
  // Row 1, column 5 of rank 1's normed rows, wrong by a thousandth.
  const ReplayResult result = replay(plan, {1, false, {{norm, 1, 1, 5, 1.001}}});
  const std::vector<Comparison> wrong = unmet(result);
  REQUIRE(wrong.size() == 1);
  CHECK(wrong[0].operation == operation_named(plan, "S0.L0.attention"));
  CHECK(wrong[0].wrong == RankSet::range(1, 1));
}

TEST_CASE("a corrupted share of a partial sum is wrong for everybody who owes it") {
  TransformerSpec spec;
  spec.attn_tp = 2;
  const Plan plan = transformer(spec);
  const int attention = operation_named(plan, "S0.L0.attention");
  const ReplayResult result = replay(plan, {1, false, {{attention, 3, 0, 0, 1.1}}});
  const std::vector<Comparison> wrong = unmet(result);
  REQUIRE(wrong.size() == 1);
  CHECK(wrong[0].wrong == RankSet::range(2, 2));  // ranks 2 and 3 share the second shard
}

TEST_CASE("a corruption outside the tensor changes nothing") {
  const Plan plan = transformer({});
  const int norm = operation_named(plan, "S0.L0.norm1");
  const ReplayResult result =
      replay(plan, {1, false, {{norm, 0, 99, 0, 2}, {norm, 0, 0, -1, 2}, {999, 0, 0, 0, 2}}});
  CHECK(result.verdict == ReplayVerdict::agrees);
}

TEST_CASE("padding is not a number, and no real row ever depends on it") {
  TransformerSpec spec;
  spec.padding = 3;
  const Plan plan = transformer(spec);
  CHECK(replay(plan, {}).verdict == ReplayVerdict::agrees);
  // One row further: each shard's last real row is overwritten by a padding row.
  Plan shifted = plan;
  for (RowMoves& moves : shifted.moves[1].of.distinct) moves.moves[0].from += 1;
  const std::vector<Comparison> wrong = unmet(replay(shifted, {}));
  REQUIRE_FALSE(wrong.empty());
  CHECK(std::isinf(wrong[0].relative_error));
}

TEST_CASE("a rank that skips a collective is a deadlock at the lowest call that waits") {
  Plan plan = transformer({});
  const int last = operations_of(plan, OpKind::all_reduce).back();
  plan.operations[static_cast<std::size_t>(last)].ranks = RankSet::range(0, 1);
  const ReplayResult result = replay(plan, {});
  CHECK(result.verdict == ReplayVerdict::stopped);
  CHECK(result.stopped_at == last);
  CHECK(result.stopped_why == "ranks 0 wait in all_reduce for ranks 1, which never call it");
}

TEST_CASE("members that call different kinds stop there, and what came before was compared") {
  TransformerSpec spec;
  spec.dense_return = Return::reduce_then_scatter;
  Plan plan = transformer(spec);
  const int reduce = operation_named(plan, "S0.L0.all_reduce");
  named(plan, "S0.L0.all_reduce").ranks = RankSet::range(0, 1);
  const ReplayResult result = replay(plan, {});
  CHECK(result.verdict == ReplayVerdict::stopped);
  CHECK(result.stopped_at == reduce);
  CHECK(result.stopped_why.find("ranks 0 call all_reduce") != std::string::npos);
  CHECK(result.stopped_why.find("ranks 1 call reduce_scatterv") != std::string::npos);
  REQUIRE_FALSE(result.comparisons.empty());
  CHECK(result.comparisons.back().operation < reduce);
}

TEST_CASE("a part of one rank needs no partner") {
  TransformerSpec spec;
  spec.tokens = {3};
  CHECK(replay(transformer(spec), {}).verdict == ReplayVerdict::agrees);
}

TEST_CASE("plans with lines deleted or row counts changed diverge or stop, and never crash") {
  const Plan plan = transformer({});
  for (std::size_t i = 0; i < plan.operations.size(); ++i) {
    if (is_nonlinear(plan.operations[i].kind) || plan.operations[i].kind == OpKind::require)
      continue;
    Plan mutant = plan;
    mutant.operations.erase(mutant.operations.begin() + static_cast<std::ptrdiff_t>(i));
    CAPTURE(plan.operations[i].name);
    CHECK(replay(mutant, {}).verdict != ReplayVerdict::agrees);
  }
  for (std::size_t table = 0; table < plan.moves.size(); ++table) {
    Plan mutant = plan;
    for (RowMoves& moves : mutant.moves[table].of.distinct) moves.rows_out += 1;
    CHECK(replay(mutant, {}).verdict != ReplayVerdict::agrees);
  }
}

TEST_CASE("a later step attends to what an earlier one computed") {
  TransformerSpec spec;
  spec.steps = 2;
  Plan plan = transformer(spec);
  CHECK(replay(plan, {}).verdict == ReplayVerdict::agrees);
  // Rank 1 sits the first attention of step 0 out: its cache is empty in step 1.
  const std::string name = "S0.L0.attention";
  named(plan, name).ranks = RankSet::range(0, 1);
  const std::vector<Comparison> wrong = unmet(replay(plan, {}));
  REQUIRE(wrong.size() == 2);
  CHECK(wrong[0].operation == operation_named(plan, "S0.L0.attention boundary"));
  CHECK(wrong[1].operation == operation_named(plan, "S1.L0.attention boundary"));
  CHECK(wrong[1].wrong == RankSet::range(1, 1));
}

TEST_CASE("an expected term that nobody produces is missed") {
  Plan plan = transformer({});
  plan.terms.push_back({"bias", TermKind::other, 0, 0, 0, 1});
  const auto bias = TermId{static_cast<std::int32_t>(plan.terms.size()) - 1};
  Operation& boundary = named(plan, "S0.L0.attention boundary");
  StateSpec spec = plan.spec(boundary.in[0].expect);
  spec.terms.push_back(bias);
  plan.specs.push_back(spec);
  boundary.in[0].expect = SpecId{static_cast<std::int32_t>(plan.specs.size()) - 1};
  const std::vector<Comparison> wrong = unmet(replay(plan, {}));
  REQUIRE_FALSE(wrong.empty());
  REQUIRE(wrong[0].terms.size() == 2);
  CHECK(wrong[0].terms[0].scale == doctest::Approx(1).epsilon(1e-4));
  CHECK(wrong[0].terms[1].scale == doctest::Approx(0).epsilon(1e-4));
}

TEST_CASE("verdicts have the names that the command prints") {
  CHECK(to_string(ReplayVerdict::agrees) == "agrees");
  CHECK(to_string(ReplayVerdict::diverges) == "diverges");
  CHECK(to_string(ReplayVerdict::stopped) == "stopped");
  CHECK(to_string(ReplayVerdict::inconclusive) == "inconclusive");
}

}  // namespace
}  // namespace lockstep::test

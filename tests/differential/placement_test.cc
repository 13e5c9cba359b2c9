// Placements, biases and statistics with real numbers: the oracle agrees where the check holds, and
// diverges by the same factors where it does not.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "backend/numeric/replay.h"
#include "sim/base/random.h"
#include "sim/contract/check.h"
#include "tests/contract/placed_plans.h"
#include "tests/differential/agreement.h"

namespace lockstep::test {
namespace {

using numeric::Comparison;
using numeric::replay;
using numeric::ReplayVerdict;

// The factors of the terms at the last operation, the boundary.
std::vector<double> factors(const Plan& plan) {
  const numeric::ReplayResult result = replay(plan, {});
  std::vector<double> found;
  for (const numeric::TermScale& t : result.comparisons.back().terms) {
    found.push_back(t.scale);
  }
  return found;
}

void check_agrees(const Plan& plan) {
  REQUIRE(validate(plan) == std::vector<std::string>{});
  CHECK(contract::check(plan).verdict == contract::Verdict::holds);
  CHECK(replay(plan, {}).verdict == ReplayVerdict::agrees);
  CHECK(disagreement(plan) == "");
}

void check_diverges(const Plan& plan) {
  REQUIRE(validate(plan) == std::vector<std::string>{});
  CHECK(contract::check(plan).verdict == contract::Verdict::violated);
  CHECK(replay(plan, {}).verdict == ReplayVerdict::diverges);
  CHECK(disagreement(plan) == "");
}

TEST_CASE("experts that lie anywhere, each once, add up to the reference") {
  check_agrees(experts_plan({{{0, 1}, {2, 3}}, {{1, 2}, {3, 4}}}));
  check_agrees(experts_plan({{}, {{2, 4}, {0, 2}}, {}}));
  check_agrees(experts_plan({{{0, 2}, {5, 8}}, {{2, 5}}}, 2));
}

TEST_CASE("experts twice or nowhere are measured") {
  check_diverges(experts_plan({{{0, 3}}, {{2, 4}}}));
  check_diverges(experts_plan({{{0, 2}}, {{3, 4}}}));
  check_diverges(experts_plan({{{0, 2}, {1, 2}}, {{2, 4}}}));
  check_diverges(experts_plan({{{0, 4}}, {{3, 7}}}, 2));
  // every expert twice is the whole term twice
  CHECK(factors(experts_plan({{{0, 4}}, {{0, 4}}}))[0] == doctest::Approx(2));
  CHECK(factors(experts_plan({{{0, 4}, {0, 4}, {0, 4}}, {}}))[0] == doctest::Approx(3));
}

TEST_CASE("a bias is there as often as ranks add it") {
  check_agrees(attention_plan({{{0, 1}}, {}}));
  check_agrees(attention_plan({{}, {}, {}, {{0, 1}}}));
  const Plan both = attention_plan({{{0, 1}}, {{0, 1}}});
  check_diverges(both);
  CHECK(factors(both)[0] == doctest::Approx(1));
  CHECK(factors(both)[1] == doctest::Approx(2));
  const Plan nobody = attention_plan({{}, {}});
  check_diverges(nobody);
  CHECK(factors(nobody)[0] == doctest::Approx(1));
  CHECK(factors(nobody)[1] == doctest::Approx(0));
}

TEST_CASE("statistics of some heads are not those of all") {
  const Plan plan = attention_plan({{{0, 1}}, {}}, false);
  check_diverges(plan);
  // The attention itself is right once its statistics are: the one fault shows once.
  std::vector<int> unmet;
  for (const Comparison& c : replay(plan, {}).comparisons) {
    if (!c.met) unmet.push_back(c.operation);
  }
  CHECK(unmet == std::vector<int>{3});
}

TEST_CASE("statistics change the attention") {
  // Without them, each head attends with queries and keys of another size: another result.
  const Plan normed = attention_plan({{{0, 1}}, {}});
  Plan plain = normed;
  plain.operations[4].in.pop_back();
  plain.operations.erase(plain.operations.begin() + 2, plain.operations.begin() + 4);
  check_agrees(plain);
}

TEST_CASE("keys stay normed in the cache from one step to the next") {
  // The same attention again in a second step, whose requests continue those of the first.
  Plan plan = attention_plan({{{0, 1}}, {}});
  Step next = plan.steps[0];
  std::int64_t token = 4;
  for (Request& r : next.requests) {
    r.prefix += r.tokens;
    r.tokens = 1;
    r.first_token = token++;
  }
  plan.steps.push_back(next);
  const std::size_t terms = plan.terms.size();
  const std::size_t specs = plan.specs.size();
  const auto moved = [](auto id, std::size_t by) {
    if (id.exists()) id.value += static_cast<std::int32_t>(by);
    return id;
  };
  plan.layouts.push_back({"next", {{{{4, 2}}}, {0, 0}}});
  for (std::size_t i = 0; i < terms; ++i) {
    Term term = plan.terms[i];
    term.name += "@1";
    term.step = 1;
    plan.terms.push_back(term);
  }
  for (std::size_t i = 0; i < specs; ++i) {
    StateSpec spec = plan.specs[i];
    spec.rows = LayoutId{static_cast<std::int32_t>(plan.layouts.size()) - 1};
    for (TermId& t : spec.terms) t = moved(t, terms);
    plan.specs.push_back(spec);
  }
  for (Operation op : std::vector<Operation>(plan.operations)) {
    op.site.step = 1;
    for (Operand& in : op.in) in.expect = moved(in.expect, specs);
    for (Output& out : op.out) out.declared = moved(out.declared, specs);
    for (Production& p : op.produces) p.term = moved(p.term, terms);
    plan.operations.push_back(op);
  }
  check_agrees(plan);
}

TEST_CASE("random placements: checker and oracle agree") {
  int violated = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const int slices = 1 + static_cast<int>(random.below(2));
    PlacedShares placement(2 + static_cast<std::size_t>(random.below(3)));
    const bool right = random.chance(1, 3);
    for (int share = 0; share < 4 * slices; ++share) {
      for (std::int64_t times = right ? 1 : random.below(3); times > 0; --times) {
        const auto rank = random.below(static_cast<std::int64_t>(placement.size()));
        placement[static_cast<std::size_t>(rank)].push_back({share, share + 1});
      }
    }
    const Plan plan = experts_plan(placement, slices);
    REQUIRE(validate(plan) == std::vector<std::string>{});
    const contract::CheckResult result = contract::check(plan);
    if (result.verdict == contract::Verdict::violated) {
      ++violated;
      CHECK(result.violations.front().code == contract::Code::expert_map);
    }
    CHECK(disagreement(plan) == "");
  }
  CHECK(violated > 20);
}

TEST_CASE("reduced dimensions keep what a placement needs") {
  Plan plan = experts_plan({{{0, 2}, {5, 8}}, {{2, 5}}}, 2);
  plan.model.hidden_size = 7168;
  plan.model.moe_intermediate_size = 2048;
  plan.model.head_dim = 128;
  check_agrees(numeric::at_reduced_dimensions(plan));
  Plan attention = attention_plan({{}, {{0, 1}}});
  attention.model.hidden_size = 4096;
  attention.model.num_attention_heads = 64;
  attention.model.head_dim = 128;
  const Plan reduced = numeric::at_reduced_dimensions(attention);
  CHECK(reduced.model.head_dim <= 4);
  check_agrees(reduced);
}

}  // namespace
}  // namespace lockstep::test

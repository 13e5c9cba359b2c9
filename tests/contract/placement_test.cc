// What placements, biases and statistics mean symbolically, and when experts are misplaced.
#include <doctest/doctest.h>

#include <algorithm>

#include "sim/contract/check.h"
#include "sim/contract/value.h"
#include "tests/contract/placed_plans.h"

namespace lockstep::contract {
namespace {

using test::attention_plan;
using test::experts_plan;

const Violation& only(const CheckResult& result) {
  REQUIRE(result.violations.size() == 1);
  return result.violations.front();
}

std::string value_of(const Violation& v, const std::string& shares) {
  const auto found = std::ranges::find(v.coefficients, shares, &Coefficient::shares);
  return found == v.coefficients.end() ? "none" : to_string(found->value);
}

TEST_CASE("experts may lie anywhere, as long as each lies somewhere once") {
  // rank 0: e_0 + e_2, rank 1: e_1 + e_3; together each once
  CHECK(check(experts_plan({{{0, 1}, {2, 3}}, {{1, 2}, {3, 4}}})).verdict == Verdict::holds);
  CHECK(check(experts_plan({{{3, 4}, {0, 3}}, {}})).verdict == Verdict::holds);
}

TEST_CASE("an expert on two ranks is counted twice") {
  // e_0 + e_1 + e_2 and e_2 + e_3: 2 e_2
  const CheckResult result = check(experts_plan({{{0, 3}}, {{2, 4}}}));
  const Violation& v = only(result);
  CHECK(v.code == Code::expert_map);
  CHECK(v.operation.kind == "experts");
  CHECK(v.producer == v.operation);
  CHECK(v.site == Site{0, 0, "moe"});
  CHECK(v.factor == Rational(2));
  CHECK(v.terms == std::vector<std::string>{"L0.moe.expert"});
  CHECK(value_of(v, "2") == "2");
  CHECK(v.message ==
        "layer 0, moe: the ranks together do not compute every expert of L0.moe.expert once; "
        "broken at operation 3, experts (expert 2 twice)");
}

TEST_CASE("an expert that is nowhere is absent, whatever is summed") {
  const CheckResult result = check(experts_plan({{{0, 2}}, {{3, 4}}}));
  const Violation& v = only(result);
  CHECK(v.code == Code::expert_map);
  CHECK(value_of(v, "2") == "0");
  CHECK(v.message.find("(expert 2 nowhere)") != std::string::npos);
}

TEST_CASE("an expert twice on one rank has coefficient 2, three times 3") {
  const CheckResult twice = check(experts_plan({{{0, 2}, {1, 2}}, {{2, 4}}}));
  CHECK(only(twice).message.find("(expert 1 twice)") != std::string::npos);
  const CheckResult thrice = check(experts_plan({{{0, 2}, {1, 2}}, {{1, 4}}}));
  CHECK(only(thrice).factor == Rational(3));
  CHECK(only(thrice).message.find("(expert 1 3 times)") != std::string::npos);
}

TEST_CASE("with tensor parallelism inside the experts the shares are named") {
  // two slices of four experts: share j * 4 + e
  const CheckResult result = check(experts_plan({{{0, 4}}, {{3, 7}}}, 2));
  CHECK(only(result).message.find("(share 3 twice, share 7 nowhere)") != std::string::npos);
}

TEST_CASE("where the experts lie right, what is missing is the sum") {
  Plan plan = experts_plan({{{0, 1}, {2, 3}}, {{1, 2}, {3, 4}}});
  plan.operations.erase(plan.operations.begin() + 4);
  CHECK(only(check(plan)).code == Code::missing_reduction);
  // and where they do not, that is said first
  Plan wrong = experts_plan({{{0, 3}}, {{2, 4}}});
  wrong.operations.erase(wrong.operations.begin() + 4);
  CHECK(only(check(wrong)).code == Code::expert_map);
}

TEST_CASE("a bias is added by who has it") {
  CHECK(check(attention_plan({{{0, 1}}, {}})).verdict == Verdict::holds);
  CHECK(check(attention_plan({{}, {{0, 1}}})).verdict == Verdict::holds);
  // o_0 + o_1 + 2 b
  const CheckResult both = check(attention_plan({{{0, 1}}, {{0, 1}}}));
  CHECK(only(both).code == Code::duplicated_term);
  CHECK(only(both).factor == Rational(2));
  CHECK(only(both).terms == std::vector<std::string>{"L0.attn.bias"});
  const CheckResult nobody = check(attention_plan({{}, {}}));
  CHECK(only(nobody).code == Code::missing_reduction);
  CHECK(only(nobody).terms == std::vector<std::string>{"L0.attn.bias"});
}

TEST_CASE("statistics must be complete before the attention divides by them") {
  const CheckResult result = check(attention_plan({{{0, 1}}, {}}, false));
  CHECK(only(result).code == Code::missing_reduction);
  CHECK(only(result).terms == std::vector<std::string>{"L0.attn.statistics"});
  CHECK(only(result).factor == Rational(1, 2));
  CHECK(only(result).consumer.kind == "attention");
}

TEST_CASE("overlapping shares add up in the order in which they stand") {
  // [0,4) + [1,3) * 2 + [2,5) * 4 = [0] + 3 [1] + 7 [2] + 5 [3] + 4 [4]
  test::SmallWorld world({1});
  const TermId t = world.term("t", TermKind::dense, 5);
  const Plan plan = world.take();
  ValueTable values(plan);
  const std::array parts{ValueTable::At{values.single(t, {2, 5}, 4), 0},
                         ValueTable::At{values.single(t, {0, 4}, 1), 0},
                         ValueTable::At{values.single(t, {1, 3}, 2), 0}};
  const auto elements = values.elements(values.sum(parts).value);
  const std::vector<Element> expected{
      {0, t, 0, 1, 1}, {0, t, 1, 2, 3}, {0, t, 2, 3, 7}, {0, t, 3, 4, 5}, {0, t, 4, 5, 4}};
  CHECK(std::vector<Element>(elements.begin(), elements.end()) == expected);
}

}  // namespace
}  // namespace lockstep::contract

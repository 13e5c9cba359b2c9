// The checker and the oracle on thousands of seeded cases: they must agree on every obligation.
// LOCKSTEP_SEED and LOCKSTEP_CASES in the environment choose another sequence or a longer run,
// LOCKSTEP_FIRST where in the sequence it begins.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>

#include "sim/plan/text.h"
#include "tests/differential/agreement.h"
#include "tests/differential/cases.h"
#include "tests/differential/environment.h"
#include "tests/differential/factors.h"

namespace lockstep::test {
namespace {

constexpr std::int64_t kCases = 10000;
constexpr const char* kName = "checker and oracle agree*";
constexpr std::uint64_t kSeed = 20260510;  // the day #24785 was merged

// What stands in memory that nobody wrote: no number, and in every fourth case a large one.
numeric::Garbage garbage_of(std::int64_t index) {
  return index % 4 == 3 ? numeric::Garbage::finite : numeric::Garbage::nan;
}

struct Tally {
  std::int64_t cases = 0;
  std::int64_t violated = 0;
  std::int64_t refused = 0;
  std::int64_t collectives = 0;
  std::map<std::string, std::int64_t> by_code;
  std::map<std::string, std::int64_t> by_architecture;
  std::map<int, std::int64_t> by_ranks;
  std::map<std::size_t, std::int64_t> by_steps;
  FactorCount factors;

  void count(const Case& drawn, const contract::CheckResult& checked) {
    ++cases;
    if (checked.verdict == contract::Verdict::violated) ++violated;
    collectives += std::ranges::count_if(
        drawn.plan.operations, [](const Operation& op) { return is_collective(op.kind); });
    for (const contract::Violation& v : checked.violations) ++by_code[to_string(v.code)];
    ++by_architecture[drawn.input.model.architecture];
    ++by_ranks[drawn.plan.world];
    ++by_steps[drawn.input.steps.size()];
  }
};

template <class Key>
std::string text_of(const std::map<Key, std::int64_t>& counts) {
  std::string all;
  for (const auto& [key, count] : counts) all += fmt::format("  {} {}", key, count);
  return all;
}

void print(const Tally& tally, std::uint64_t seed) {
  fmt::print(
      "seed {}: {} cases, {} violated, {} draws refused, {} collectives\n"
      " {}\n {}\n  ranks{}\n  steps{}\n  factors: {}\n",
      seed, tally.cases, tally.violated, tally.refused, tally.collectives, text_of(tally.by_code),
      text_of(tally.by_architecture), text_of(tally.by_ranks), text_of(tally.by_steps),
      text_of(tally.factors));
}

void report(const Case& drawn, std::uint64_t seed, std::int64_t index, const std::string& why) {
  fmt::print(
      "LOCKSTEP_SEED={} LOCKSTEP_FIRST={} LOCKSTEP_CASES=1 build/tests/differential/"
      "test_differential -tc='{}'\n{}\n  {}\nshrunk to:\n{}",
      seed, index, kName, drawn.description, why, print(shrunk(drawn.plan)));
}

// A violation of every code that numbers can show: of all but races between streams.
void check_coverage(const Tally& tally) {
  CHECK(tally.violated * 10 >= tally.cases * 4);
  CHECK(tally.collectives >= 3 * tally.cases);
  for (int code = 0; code < static_cast<int>(contract::Code::stream_race); ++code) {
    const std::string name = contract::to_string(static_cast<contract::Code>(code));
    INFO(name);
    CHECK((tally.by_code.contains(name) && tally.by_code.at(name) >= 200));
  }
  // One of each family, and Kimi's, which is DeepSeek's, too.
  CHECK(tally.by_architecture.size() == 10);
  for (const auto& [architecture, count] : tally.by_architecture) {
    INFO(architecture);
    CHECK(count >= 400);
  }
  for (const std::size_t steps : {1, 2, 3}) CHECK(tally.by_steps.at(steps) * 6 >= tally.cases);
  CHECK(tally.factors.factors >= 2000);
  CHECK(tally.factors.scales >= 2000);
  CHECK(tally.factors.terms >= 2000);
  for (const int ranks : {2, 3, 4, 6, 8, 12, 16}) CHECK(tally.by_ranks.at(ranks) >= 100);
}

TEST_CASE("checker and oracle agree on every obligation of thousands of plans") {
  const auto seed = static_cast<std::uint64_t>(
      from_environment("LOCKSTEP_SEED", static_cast<std::int64_t>(kSeed)));
  const std::int64_t wanted = from_environment("LOCKSTEP_CASES", kCases);
  const std::int64_t first = from_environment("LOCKSTEP_FIRST", 0);
  Tally tally;
  for (std::int64_t index = first; tally.cases < wanted; ++index) {
    REQUIRE(index - first < 10 * wanted);
    const std::optional<Case> drawn = make_case(seed, index);
    if (!drawn) {
      ++tally.refused;
      continue;
    }
    const contract::CheckResult checked = contract::check(drawn->plan);
    numeric::ReplayOptions options;
    options.garbage = garbage_of(index);
    const numeric::ReplayResult replayed = numeric::replay(drawn->plan, options);
    std::string why = disagreement(drawn->plan, checked, replayed);
    if (why.empty()) why = factors_differ(drawn->plan, checked, replayed, tally.factors);
    if (!why.empty()) report(*drawn, seed, index, why);
    REQUIRE(why == "");
    INFO(drawn->description);
    REQUIRE(checked.verdict != contract::Verdict::unknown);
    tally.count(*drawn, checked);
  }
  print(tally, seed);
  if (wanted >= kCases) check_coverage(tally);
}

}  // namespace
}  // namespace lockstep::test

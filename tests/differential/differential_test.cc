// The checker and the oracle on thousands of seeded cases: they must agree on every obligation.
// LOCKSTEP_SEED and LOCKSTEP_CASES in the environment choose another sequence or a longer run.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <map>
#include <string>

#include "sim/plan/text.h"
#include "tests/differential/agreement.h"
#include "tests/differential/cases.h"

namespace lockstep::test {
namespace {

constexpr std::int64_t kCases = 6000;
constexpr std::uint64_t kSeed = 20260510;  // the day #24785 was merged

std::int64_t from_environment(const char* name, std::int64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoll(text);
}

struct Tally {
  std::int64_t cases = 0;
  std::int64_t violated = 0;
  std::int64_t refused = 0;
  std::map<std::string, std::int64_t> by_code;
};

void print(const Tally& tally, std::uint64_t seed) {
  fmt::print("seed {}: {} cases, {} violated, {} draws refused\n", seed, tally.cases,
             tally.violated, tally.refused);
  for (const auto& [code, count] : tally.by_code) fmt::print("  {:22} {:6}\n", code, count);
}

void report(const Case& drawn, std::uint64_t seed, std::int64_t index, const std::string& why) {
  fmt::print("case {} of seed {}: {}\n  {}\nshrunk to:\n{}", index, seed, drawn.description, why,
             print(shrunk(drawn.plan)));
}

TEST_CASE("checker and oracle agree on every obligation of thousands of plans") {
  const auto seed = static_cast<std::uint64_t>(
      from_environment("LOCKSTEP_SEED", static_cast<std::int64_t>(kSeed)));
  const std::int64_t wanted = from_environment("LOCKSTEP_CASES", kCases);
  Tally tally;
  for (std::int64_t index = 0; tally.cases < wanted; ++index) {
    REQUIRE(index < 10 * wanted);
    const std::optional<Case> drawn = make_case(seed, index);
    if (!drawn) {
      ++tally.refused;
      continue;
    }
    const contract::CheckResult checked = contract::check(drawn->plan);
    const std::string why = disagreement(drawn->plan, checked, numeric::replay(drawn->plan, {}));
    if (!why.empty()) report(*drawn, seed, index, why);
    REQUIRE(why == "");
    INFO(drawn->description);
    REQUIRE(checked.verdict != contract::Verdict::unknown);
    ++tally.cases;
    if (checked.verdict == contract::Verdict::violated) ++tally.violated;
    for (const contract::Violation& v : checked.violations) ++tally.by_code[to_string(v.code)];
  }
  print(tally, seed);
  CHECK(tally.violated * 10 >= tally.cases * 4);
  for (const char* code : {"collective-mismatch", "deadlock", "wrong-rows", "undefined-rows",
                           "layout-mismatch", "nonlinear-on-partial", "missing-reduction",
                           "wrong-group", "double-reduction", "duplicated-term"}) {
    INFO(std::string(code));
    CHECK(tally.by_code[code] * kCases >= 100 * std::min(wanted, kCases));
  }
}

}  // namespace
}  // namespace lockstep::test

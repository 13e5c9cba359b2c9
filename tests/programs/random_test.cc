// Thousands of random programs against the brute force (brute_force.h), the replay, and the text
// form. LOCKSTEP_SEED and LOCKSTEP_CASES choose another sequence.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>

#include "backend/numeric/replay.h"
#include "sim/contract/check.h"
#include "sim/plan/parse.h"
#include "sim/plan/text.h"
#include "tests/differential/agreement.h"
#include "tests/programs/brute_agreement.h"
#include "tests/programs/random_program.h"

namespace lockstep::test {
namespace {

constexpr std::int64_t kCases = 2000;  // of each of the tests here
constexpr int kReplayed = 4;           // one of so many is replayed
constexpr std::uint64_t kSeed = 24785;

std::int64_t from_environment(const char* name, std::int64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoll(text);
}

std::string roundtrip_difference(const Plan& plan) {
  const Result<Plan> read = parse_plan(print(plan), "plan.yaml");
  if (!read) return "the printed plan does not parse: " + to_string(read.faults());
  if (*read != plan) return "the plan that was read back differs";
  return hash(*read) == hash(plan) ? "" : "the hash of the plan that was read back differs";
}

struct Tally {
  std::map<std::string, int> kinds;
  std::map<std::string, int> verdicts;
  std::map<std::string, int> codes;
  int cases = 0;
  int unordered = 0;
  int replayed = 0;

  void count(const Plan& plan, const contract::CheckResult& result, const BruteForce& brute) {
    ++cases;
    for (const Operation& op : plan.operations) ++kinds[to_string(op.kind)];
    ++verdicts[contract::to_string(result.verdict)];
    for (const contract::Violation& v : result.violations) ++codes[contract::to_string(v.code)];
    if (brute.unordered) ++unordered;
  }
  std::string text() const {
    std::string all =
        fmt::format("{} cases, {} unordered, {} replayed\n", cases, unordered, replayed);
    for (const auto* map : {&kinds, &verdicts, &codes}) {
      for (const auto& [name, count] : *map) all += fmt::format("{} {}, ", name, count);
      all += '\n';
    }
    return all;
  }
};

std::string fault_of(const RandomProgram& program, bool replayed, Tally& tally) {
  const Plan& plan = program.plan;
  const contract::CheckResult checked = contract::check(plan);
  contract::Options exactly;
  exactly.exact = true;
  const contract::CheckResult exact = contract::check(plan, exactly);
  const BruteForce brute = brute_force(plan);
  tally.count(plan, checked, brute);
  std::string why = difference_of(plan, checked, contract::check(plan));
  if (!why.empty()) return "checked twice: " + why;
  why = difference_of(plan, checked, exact);
  if (!why.empty()) return "on forms and exactly: " + why;
  why = disagreement(plan, checked, brute);
  if (!why.empty()) return why;
  if (program.faults.empty() && checked.verdict != contract::Verdict::holds) {
    return "a right program is said to be wrong";
  }
  const bool replays = !program.of_model && !brute.unordered && replayed;
  if (replays) {
    ++tally.replayed;
    why = disagreement(plan, checked, numeric::replay(plan, {}));
    if (!why.empty()) return "replay: " + why;
  }
  return roundtrip_difference(plan);
}

void run(std::int64_t first, std::int64_t cases, Tally& tally) {
  const ProgramOptions options{std::getenv("LOCKSTEP_EARLIER") == nullptr};
  const auto seed = static_cast<std::uint64_t>(
      from_environment("LOCKSTEP_SEED", static_cast<std::int64_t>(kSeed)));
  for (std::int64_t index = first; index < first + cases; ++index) {
    const RandomProgram program = random_program(seed + static_cast<std::uint64_t>(index), options);
    REQUIRE(validate(program.plan).empty());
    const std::string why =
        fault_of(program, (seed + static_cast<std::uint64_t>(index)) % kReplayed == 0, tally);
    if (why.empty()) continue;
    std::string faults;
    for (const std::string& fault : program.faults) faults += "\n  " + fault;
    MESSAGE(
        fmt::format("LOCKSTEP_SEED={} LOCKSTEP_CASES=1 build/tests/programs/test_programs\n{}\n"
                    "faults:{}\n{}",
                    seed + static_cast<std::uint64_t>(index), why, faults, print(program.plan)));
    CHECK(why == "");
  }
}

TEST_CASE("the checker agrees with the brute force on random programs") {
  Tally tally;
  run(0, from_environment("LOCKSTEP_CASES", kCases), tally);
  MESSAGE(tally.text());
}

}  // namespace
}  // namespace lockstep::test

// Thousands of random programs against the brute force (brute_force.h), the replay, and the text
// form. LOCKSTEP_SEED and LOCKSTEP_CASES choose another sequence.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>
#include <string>
#include <utility>

#include "backend/numeric/replay.h"
#include "sim/contract/check.h"
#include "sim/plan/parse.h"
#include "sim/plan/text.h"
#include "tests/brute_force/brute_agreement.h"
#include "tests/brute_force/random_program.h"
#include "tests/brute_force/replayable.h"
#include "tests/differential/agreement.h"
#include "tests/differential/environment.h"

namespace lockstep::test {
namespace {

constexpr std::int64_t kCases = 14400;
constexpr int kLeastReplayed = 10000;
constexpr std::uint64_t kRoundTrips = 4;  // one of so many is printed and read back
constexpr std::uint64_t kSeed = 24785;

std::string roundtrip_difference(const Plan& plan) {
  const Result<Plan> read = parse_plan(print(plan), "plan.yaml");
  if (!read) return "the printed plan does not parse: " + to_string(read.faults());
  if (*read != plan) return "the plan that was read back differs";
  return hash(*read) == hash(plan) ? "" : "the hash of the plan that was read back differs";
}

// Of some cases: which operations and codes occur, and how often.
struct Counts {
  int cases = 0;
  int violated = 0;
  int collectives = 0;
  std::map<std::string, int> kinds;
  std::map<std::string, int> codes;

  void count(const Plan& plan, const contract::CheckResult& result) {
    ++cases;
    if (result.verdict == contract::Verdict::violated) ++violated;
    for (const Operation& op : plan.operations) {
      ++kinds[to_string(op.kind)];
      if (is_collective(op.kind)) ++collectives;
    }
    for (const contract::Violation& v : result.violations) ++codes[contract::to_string(v.code)];
  }
};

std::string text_of(const std::map<std::string, int>& counts) {
  std::string all;
  for (const auto& [name, count] : counts) all += fmt::format("  {} {}", name, count);
  return all + "\n";
}

struct Tally {
  Counts all;
  Counts replayed;
  std::map<std::string, int> untold;  // not replayed, by reason
  int unordered = 0;

  std::string text() const {
    std::string text;
    for (const auto& [name, of] : {std::pair{"drawn", &all}, std::pair{"replayed", &replayed}}) {
      text += fmt::format("{} {}, violated {}\n{}{}", of->cases, name, of->violated,
                          text_of(of->kinds), text_of(of->codes));
    }
    return text + "not replayed\n" + text_of(untold);
  }
};

std::string replay_differs(const RandomProgram& program, const contract::CheckResult& checked,
                           const BruteForce& brute, Tally& tally) {
  const std::string untold = what_no_number_tells(program, brute);
  if (!untold.empty()) {
    ++tally.untold[untold];
    return {};
  }
  tally.replayed.count(program.plan, checked);
  const std::string why = disagreement(program.plan, checked, numeric::replay(program.plan, {}));
  return why.empty() ? why : "replay: " + why;
}

std::string fault_of(const RandomProgram& program, bool round_trips, Tally& tally) {
  const Plan& plan = program.plan;
  const contract::CheckResult checked = contract::check(plan);
  contract::Options exactly;
  exactly.exact = true;
  const contract::CheckResult exact = contract::check(plan, exactly);
  const BruteForce brute = brute_force(plan);
  tally.all.count(plan, checked);
  if (brute.unordered) ++tally.unordered;
  std::string why = difference_of(plan, checked, contract::check(plan));
  if (!why.empty()) return "checked twice: " + why;
  why = difference_of(plan, checked, exact);
  if (!why.empty()) return "on forms and exactly: " + why;
  why = disagreement(plan, checked, brute);
  if (!why.empty()) return why;
  if (program.faults.empty() && checked.verdict != contract::Verdict::holds) {
    return "a right program is said to be wrong";
  }
  why = replay_differs(program, checked, brute, tally);
  return why.empty() && round_trips ? roundtrip_difference(plan) : why;
}

void run(std::int64_t first, std::int64_t cases, Tally& tally) {
  const auto seed = static_cast<std::uint64_t>(
      from_environment("LOCKSTEP_SEED", static_cast<std::int64_t>(kSeed)));
  int failures = 0;
  for (std::int64_t index = first; index < first + cases; ++index) {
    const RandomProgram program = random_program(seed + static_cast<std::uint64_t>(index));
    REQUIRE(validate(program.plan).empty());
    const std::string why =
        fault_of(program, (seed + static_cast<std::uint64_t>(index)) % kRoundTrips == 0, tally);
    if (why.empty()) continue;
    std::string faults;
    for (const std::string& fault : program.faults) faults += "\n  " + fault;
    MESSAGE(fmt::format(
        "LOCKSTEP_SEED={} LOCKSTEP_CASES=1 build/tests/brute_force/test_brute_force\n{}\n"
        "faults:{}\n{}",
        seed + static_cast<std::uint64_t>(index), why, faults,
        print(why.starts_with("replay: ") ? shrunk(program.plan) : program.plan)));
    CHECK(why == "");
    constexpr int kMostFailures = 10;
    if (++failures == kMostFailures) return;
  }
}

// Every kind occurs, two verdicts in a good measure, and every code that values decide.
void check_coverage(const Tally& tally) {
  constexpr int kOften = 30;
  for (int kind = 0; kind < kOpKinds; ++kind) {
    const std::string name = to_string(static_cast<OpKind>(kind));
    INFO(name);
    CHECK((tally.all.kinds.contains(name) && tally.all.kinds.at(name) >= kOften));
  }
  for (int code = 0; code < static_cast<int>(contract::Code::stream_race); ++code) {
    const std::string name = contract::to_string(static_cast<contract::Code>(code));
    INFO(name);
    CHECK((tally.all.codes.contains(name) && tally.all.codes.at(name) >= kOften));
  }
  for (const Counts* of : {&tally.all, &tally.replayed}) {
    CHECK(of->violated * 5 >= of->cases * 2);
    CHECK((of->cases - of->violated) * 5 >= of->cases * 2);
    CHECK(of->collectives >= 3 * of->cases);
  }
  CHECK(tally.unordered * 20 <= tally.all.cases);
  CHECK(tally.replayed.cases >= kLeastReplayed);
}

TEST_CASE("the checker agrees with the brute force and the replay on random programs") {
  Tally tally;
  const std::int64_t cases = from_environment("LOCKSTEP_CASES", kCases);
  run(0, cases, tally);
  MESSAGE(tally.text());
  if (cases >= kCases) check_coverage(tally);
}

}  // namespace
}  // namespace lockstep::test

// Thousands of random programs against the brute force (brute_force.h), the replay, and the text
// form. LOCKSTEP_SEED and LOCKSTEP_CASES choose another sequence.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <string>

#include "backend/numeric/replay.h"
#include "sim/contract/check.h"
#include "sim/plan/parse.h"
#include "sim/plan/text.h"
#include "tests/brute_force/brute_agreement.h"
#include "tests/brute_force/random_program.h"
#include "tests/differential/agreement.h"

namespace lockstep::test {
namespace {

constexpr std::int64_t kCases = 12000;
constexpr int kReplayed = 2;  // one of so many is replayed
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

// Of an operand in parts some are zero where a placement gives a member nothing, or a repair gave
// it to another; so is their product, whatever shares it has by name.
bool multiplies_uneven_parts(const Plan& plan, const BruteForce& brute) {
  std::set<TermId> uneven;
  for (const Operation& op : plan.operations) {
    for (const Production& p : op.produces) {
      if (!p.major.exists() || p.minor.exists()) uneven.insert(p.term);
    }
  }
  for (std::size_t i = 0; i < plan.operations.size(); ++i) {
    const Operation& op = plan.operations[i];
    if (op.kind != OpKind::linear) continue;
    const StateSpec& spec = plan.spec(op.in.front().expect);
    if (!spec.partial_over.exists()) continue;
    const bool placed = std::ranges::any_of(spec.terms, [&](TermId t) {
      return uneven.contains(t) || plan.term(t).kind == TermKind::residual;
    });
    if (placed || brute.violated) return true;
  }
  return false;
}

// Of zero and a value that is always positive there is a maximum, though of two terms there is
// none.
bool reduces_otherwise(const RandomProgram& program) {
  return std::ranges::any_of(program.faults, [](const std::string& fault) {
    return fault.starts_with("another reduction");
  });
}

// The replay judges a part by the rows of its first member.
bool has_uneven_parts(const Plan& plan) {
  const auto uneven = [&](const Operand& in) {
    if (!in.expect.exists() || !plan.spec(in.expect).partial_over.exists()) return false;
    const StateSpec& spec = plan.spec(in.expect);
    const std::vector<int>& rows = plan.layout(spec.rows).rows.index_of_rank;
    return !std::ranges::all_of(plan.group(spec.partial_over).parts, [&](const auto& part) {
      return std::ranges::all_of(part, [&](int rank) {
        return rows[static_cast<std::size_t>(rank)] == rows[static_cast<std::size_t>(part.front())];
      });
    });
  };
  return std::ranges::any_of(
      plan.operations, [&](const Operation& op) { return std::ranges::any_of(op.in, uneven); });
}

// Rows of one step and terms of another: the replay has no numbers for them.
bool mixes_steps(const RandomProgram& program) {
  return program.plan.steps.size() > 1 &&
         std::ranges::any_of(program.faults, [](const std::string& fault) {
           return fault.starts_with("other rows owed");
         });
}

// The members of a partial value came to its obligation one after the other, which the replay does
// not tell as one.
bool came_in_parts(const Plan& plan, const contract::CheckResult& checked,
                   const numeric::ReplayResult& replayed) {
  return std::ranges::any_of(checked.obligations, [&](const contract::Obligation& o) {
    const Operation& op = plan.operations[static_cast<std::size_t>(o.operation)];
    const SpecId spec = op.in[static_cast<std::size_t>(o.operand)].expect;
    return plan.spec(spec).partial_over.exists() &&
           std::ranges::none_of(replayed.comparisons, [&](const numeric::Comparison& c) {
             return c.operation == o.operation && c.operand == o.operand;
           });
  });
}

// A slice without columns is right whatever it holds: no number shows that it is not.
bool has_empty_slices(const Plan& plan) {
  std::size_t largest = 0;
  for (const Group& group : plan.groups) {
    for (const std::vector<int>& part : group.parts) largest = std::max(largest, part.size());
  }
  return std::ranges::any_of(plan.tensors, [&](const Tensor& t) {
    return plan.column_count(t.columns) < static_cast<std::int64_t>(largest);
  });
}

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
  const bool tells = !program.of_model && !brute.unordered && !reduces_otherwise(program) &&
                     !mixes_steps(program) && !has_uneven_parts(plan) &&
                     !multiplies_uneven_parts(plan, brute) && !has_empty_slices(plan);
  const bool replays = replayed && tells;
  if (replays) {
    const numeric::ReplayResult replayed_plan = numeric::replay(plan, {});
    why = disagreement(plan, checked, replayed_plan);
    const bool partly = came_in_parts(plan, checked, replayed_plan);
    if (!why.empty() && !partly) return "replay: " + why;
    if (!partly) ++tally.replayed;
  }
  return roundtrip_difference(plan);
}

void run(std::int64_t first, std::int64_t cases, Tally& tally) {
  const auto seed = static_cast<std::uint64_t>(
      from_environment("LOCKSTEP_SEED", static_cast<std::int64_t>(kSeed)));
  int failures = 0;
  for (std::int64_t index = first; index < first + cases; ++index) {
    const RandomProgram program = random_program(seed + static_cast<std::uint64_t>(index));
    REQUIRE(validate(program.plan).empty());
    const std::string why =
        fault_of(program, (seed + static_cast<std::uint64_t>(index)) % kReplayed == 0, tally);
    if (why.empty()) continue;
    std::string faults;
    for (const std::string& fault : program.faults) faults += "\n  " + fault;
    MESSAGE(fmt::format(
        "LOCKSTEP_SEED={} LOCKSTEP_CASES=1 build/tests/brute_force/test_brute_force\n{}\n"
        "faults:{}\n{}",
        seed + static_cast<std::uint64_t>(index), why, faults, print(program.plan)));
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
    CHECK((tally.kinds.contains(name) && tally.kinds.at(name) >= kOften));
  }
  for (int code = 0; code < static_cast<int>(contract::Code::stream_race); ++code) {
    const std::string name = contract::to_string(static_cast<contract::Code>(code));
    INFO(name);
    CHECK((tally.codes.contains(name) && tally.codes.at(name) >= kOften));
  }
  CHECK(tally.verdicts.at("violated") * 5 >= tally.cases * 2);
  CHECK(tally.verdicts.at("holds") * 5 >= tally.cases * 2);
  CHECK(tally.unordered * 20 <= tally.cases);
  CHECK(tally.replayed * 10 >= tally.cases);
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

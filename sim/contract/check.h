// The symbolic checker: follows every row of every tensor on every rank through a plan, exactly,
// and says which term is summed how often. docs/contract.md has the definitions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/rank_set.h"
#include "sim/base/rational.h"
#include "sim/plan/plan.h"

namespace lockstep::contract {

enum class Verdict : std::uint8_t { holds, violated, unknown };
std::string to_string(Verdict verdict);

// In the order in which they are tried: the first that matches names the violation.
enum class Code : std::uint8_t {
  collective_mismatch,
  deadlock,
  wrong_rows,
  undefined_rows,
  layout_mismatch,
  expert_map,
  nonlinear_on_partial,
  missing_reduction,
  wrong_group,
  double_reduction,
  duplicated_term,
  stream_race,
};
std::string to_string(Code code);  // "double-reduction"
std::optional<Code> parse_code(const std::string& text);

// One line of a violation's coefficient ledger: on `rows` of `ranks`, the shares `shares` of `term`
// are present `value` times. `rows` is text: token intervals.
struct Coefficient {
  std::string term;
  std::string shares;  // "0-7"
  std::string rows;    // "0-1023"
  RankSet ranks;
  Rational value;
  bool operator==(const Coefficient&) const = default;
};

// A pointer to an operation of the plan with what a reader needs to find it.
struct OperationRef {
  int index = -1;  // in Plan::operations; -1: none
  std::string kind;
  std::string name;
  int line = 0;  // of the program it was written in; 0: of none
  bool operator==(const OperationRef&) const = default;
};

struct Violation {
  Code code = Code::double_reduction;
  Site site;               // of the producing term; for structural faults, of the operation
  OperationRef operation;  // the one that broke the value
  OperationRef producer;   // of the wrong term
  OperationRef consumer;   // the obligation that found it
  std::string group;       // role asked for: tp
  std::string group_object;
  int group_size = 0;
  RankSet ranks;  // with a wrong real row
  std::vector<std::string> terms;
  std::optional<Rational> factor;
  std::vector<Coefficient> coefficients;
  std::vector<ReasonId> because;
  std::string repaired_to;          // "All, C"; empty for structural faults
  std::string stopped_at;           // structural faults: the communicator that stops
  std::vector<OperationRef> cycle;  // deadlock: who waits where, one entry per waiting rank class
  std::string message;              // one sentence
};

// One obligation, judged over all ranks that execute it: operand `operand` of operation
// `operation`.
struct Obligation {
  int operation = 0;
  int operand = 0;
  bool met = true;
  RankSet wrong;  // ranks with a wrong real row
  bool operator==(const Obligation&) const = default;
};

struct Options {
  bool propagate = false;    // carry wrong values on instead of repairing
  bool keep_states = false;  // fill CheckResult::states, for `check --steps`
  // Follow every rank by itself, as is done anyway for the two options above: the same result, at a
  // cost that grows with the ranks (docs/contract.md, Cost).
  bool exact = false;
  // Stop at the first fault and say no more of it than the verdict: whether a change helps. A
  // plan that holds gives the whole result.
  bool verdict_only = false;
};

// A tensor's state on one rank after an operation, as text of the sheet's section 7.3.
struct RankState {
  int rank = 0;
  std::string rows;   // "own 1024 rows"
  std::string value;  // "8*L0.mlp.down"
  std::string state;  // "Own, W(8)"
};
struct OperationStates {
  int operation = 0;
  int output = 0;
  std::vector<RankState> ranks;
};

struct CheckResult {
  Verdict verdict = Verdict::holds;
  std::vector<Violation> violations;    // ordered by (step, operation index, code, lowest rank)
  std::vector<Obligation> obligations;  // in plan order; those not reached are absent
  std::vector<std::string> unknown;     // why, where the verdict is unknown
  std::vector<Site> reach;              // propagate: boundaries whose value depends on a fault
  int stopped_at = -1;  // lowest operation index at which a communicator stopped; -1: none
  std::vector<OperationStates> states;
  std::size_t states_made = 0;  // different states of a tensor on one rank, of the whole check
};

// REQUIRES: validate(plan) is empty.
CheckResult check(const Plan& plan, const Options& options = {});

}  // namespace lockstep::contract

// Rules with a history: what a serving system decides, written as expressions, one per revision at
// which it changed; and the rule book of one revision, with the user's what-if overrides.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/error.h"
#include "sim/plan/plan.h"
#include "sim/serving/expression.h"

namespace lockstep {

// One text of a rule: in force from `pull_request` on, until the next.
struct RuleVersion {
  int pull_request = 0;
  std::string_view expression;
  // False where the change is only known to be in force by then (it was read in a copy of the
  // source of that time, its own pull request is not known). Such a version is not reported as a
  // change by that pull request.
  bool attributed = true;
};

struct Rule {
  std::string_view name;
  Input decides;          // the input that later rules read this rule's value by
  std::string_view file;  // where the system has it
  std::string_view function;
  std::vector<RuleVersion> history;  // in merge order
};

// True if the pull request is part of the revision.
using InForce = std::function<bool(int pull_request)>;

// The rules at one revision. A rule without a version in force is false.
class RuleBook {
 public:
  RuleBook() = default;
  // `rules` are decided in their order; a rule may read the values of earlier ones only. Overrides
  // (rule name -> expression, in which `default` is the built-in value) replace the value. Faults
  // of overrides carry the path serving.rules.NAME. REQUIRES: every built-in expression is right.
  static Result<RuleBook> build(std::span<const Rule> rules, const InForce& in_force,
                                const std::map<std::string, std::string>& overrides);

  // Decides every rule and writes its value to the input that it decides.
  void decide(Environment& environment) const;

  // Why the rule that decides `decided` has the value it has in `environment`, which decide() has
  // filled in. The rule reads inputs of `environment`.
  Reason reason(Input decided, const Environment& environment) const;

  // Inputs that some rule reads and no rule decides, in the order of Input.
  const std::vector<Input>& facts() const { return facts_; }

  // Equal for two values of a fact that no rule tells apart: the value itself, or its place among
  // the numbers that it is compared with. An override tells all values apart, because its reason
  // shows them.
  std::int64_t told_apart(Input fact, std::int64_t value) const;

 private:
  struct Entry {
    const Rule* rule = nullptr;
    std::optional<Expression> built_in;
    std::optional<Expression> overridden;
    std::vector<int> changes;
  };

  static std::optional<Diagnostic> check_order(const Entry& entry, std::size_t index,
                                               std::span<const Rule> rules);
  static std::optional<Diagnostic> unknown_rule(std::span<const Rule> rules,
                                                const std::string& name);
  void collect_facts();
  void collect_thresholds(Input fact);
  static bool built_in_value(const Entry& entry, const Environment& environment);

  std::vector<Entry> entries_;
  std::vector<Input> facts_;
  std::map<Input, std::vector<std::int64_t>> thresholds_;  // of facts that are only compared
};

}  // namespace lockstep

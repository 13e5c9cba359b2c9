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
  // What the expression's `unknown` stands for: the fact that nobody knows. Empty where it has
  // none.
  std::string_view fact = {};
};

// The texts of a rule outlive it.
struct Rule {
  std::string_view name;
  Input decides{};        // the input that later rules read this rule's value by
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
  // of overrides carry the path serving.rules.NAME. `by_then` is asked in place of `in_force` about
  // versions that are not attributed to their pull request (absent: in_force is). A rule whose
  // first version is not in force does not exist yet, whatever later ones say. REQUIRES: every
  // built-in expression is right.
  static Result<RuleBook> build(std::vector<Rule> rules, const InForce& in_force,
                                const std::map<std::string, std::string>& overrides,
                                const InForce& by_then = {});

  // Decides every rule and writes its value to the input that it decides: 0, 1 or kUnknown.
  void decide(Environment& environment) const;

  // Why the rule that decides `decided` has the value it has in `environment`, which decide() has
  // filled in. The rule reads inputs of `environment`.
  Reason reason(Input decided, const Environment& environment) const;

  // The facts that make the rule that decides `decided` unknown in `environment`, each once, in the
  // order of the rules; empty if its value is known.
  std::vector<std::string> unknown_facts(Input decided, const Environment& environment) const;

  // Inputs that some rule reads and no rule decides, in the order of Input.
  const std::vector<Input>& facts() const { return facts_; }

  // Equal for two values of a fact that no rule tells apart: the value itself, or its place among
  // the numbers that it is compared with. An override tells all values apart, because its reason
  // shows them.
  std::int64_t told_apart(Input fact, std::int64_t value) const;

 private:
  struct Entry {
    Rule rule;
    std::optional<Expression> built_in;
    std::string_view fact;
    std::optional<Expression> overridden;
    std::vector<int> changes;

    const std::optional<Expression>& shown() const { return overridden ? overridden : built_in; }
  };

  static std::optional<Diagnostic> check_order(const Entry& entry, std::size_t index,
                                               std::span<const Rule> rules);
  static std::optional<Diagnostic> unknown_rule(std::span<const Rule> rules,
                                                const std::string& name);
  static Entry entry_in_force(const Rule& rule, const InForce& in_force, const InForce& by_then);
  void collect_facts();
  void collect_thresholds(Input fact);
  static std::int64_t built_in_value(const Entry& entry, const Environment& environment);
  const Entry* entry_of(Input decided) const;

  std::vector<Entry> entries_;
  std::vector<Input> facts_;
  std::map<Input, std::vector<std::int64_t>> thresholds_;  // of facts that are only compared
};

}  // namespace lockstep

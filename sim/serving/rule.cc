#include "sim/serving/rule.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sim/base/require.h"
#include "sim/base/text.h"

namespace lockstep {
namespace {

std::string overriddenpath(std::string_view rule) { return fmt::format("serving.rules.{}", rule); }

Expression parse_built_in(std::string_view text) {
  Result<Expression> parsed = Expression::parse(text);
  LOCKSTEP_ASSERT(static_cast<bool>(parsed));
  return std::move(*parsed);
}

}  // namespace

std::optional<Diagnostic> RuleBook::unknown_rule(std::span<const Rule> rules,
                                                 const std::string& name) {
  std::vector<std::string> names;
  for (const Rule& rule : rules) names.emplace_back(rule.name);
  if (std::ranges::find(names, name) != names.end()) return std::nullopt;
  Diagnostic fault;
  fault.path = overriddenpath(name);
  fault.message = fmt::format("there is no rule `{}`", name);
  const auto near = nearest(name, names);
  fault.hint = near ? fmt::format("did you mean `{}`?", *near)
                    : fmt::format("the rules are {}", join(names, ", "));
  return fault;
}

// A rule that reads what is decided later would read a value of nothing.
std::optional<Diagnostic> RuleBook::check_order(const Entry& entry, std::size_t index,
                                                std::span<const Rule> rules) {
  if (!entry.overridden) return std::nullopt;
  for (std::size_t later = index; later < rules.size(); ++later) {
    const auto& read = entry.overridden->inputs();
    if (std::ranges::find(read, rules[later].decides) == read.end()) continue;
    Diagnostic fault;
    fault.path = overriddenpath(entry.rule.name);
    fault.message = fmt::format("`{}` is not decided yet when {} is",
                                info(rules[later].decides).name, entry.rule.name);
    fault.hint = "use `default` for the built-in value of this rule";
    return fault;
  }
  return std::nullopt;
}

RuleBook::Entry RuleBook::entry_in_force(const Rule& rule, const InForce& in_force,
                                         const InForce& by_then) {
  Entry entry;
  entry.rule = rule;
  const RuleVersion* last = nullptr;
  for (const RuleVersion& version : rule.history) {
    const bool is_in = version.attributed || !by_then ? in_force(version.pull_request)
                                                      : by_then(version.pull_request);
    if (!is_in && last == nullptr) break;
    if (!is_in) continue;
    last = &version;
    if (version.attributed) entry.changes.push_back(version.pull_request);
  }
  if (last == nullptr) return entry;
  entry.built_in = parse_built_in(last->expression);
  entry.fact = last->fact;
  return entry;
}

Result<RuleBook> RuleBook::build(std::vector<Rule> rules, const InForce& in_force,
                                 const std::map<std::string, std::string>& overrides,
                                 const InForce& by_then) {
  Diagnostics faults;
  for (const auto& [name, text] : overrides) {
    if (auto fault = unknown_rule(rules, name)) faults.push_back(std::move(*fault));
  }
  RuleBook book;
  for (std::size_t index = 0; index < rules.size(); ++index) {
    Entry entry = entry_in_force(rules[index], in_force, by_then);
    const auto asked = overrides.find(std::string(rules[index].name));
    if (asked != overrides.end()) {
      Result<Expression> parsed = Expression::parse(asked->second);
      if (parsed) {
        entry.overridden = std::move(*parsed);
      } else {
        faults.push_back(parsed.faults().front());
        faults.back().path = overriddenpath(rules[index].name);
      }
    }
    if (auto fault = check_order(entry, index, rules)) faults.push_back(std::move(*fault));
    book.entries_.push_back(std::move(entry));
  }
  if (!faults.empty()) return faults;
  book.collect_facts();
  return book;
}

void RuleBook::collect_facts() {
  for (std::size_t i = 0; i < kInputs; ++i) {
    const auto input = static_cast<Input>(i);
    const auto reads = [input](const std::optional<Expression>& e) {
      return e && std::ranges::find(e->inputs(), input) != e->inputs().end();
    };
    const bool decided =
        std::ranges::any_of(entries_, [input](const Entry& e) { return e.rule.decides == input; });
    const bool read = std::ranges::any_of(
        entries_, [&](const Entry& e) { return reads(e.built_in) || reads(e.overridden); });
    if (read && !decided && input != Input::built_in) facts_.push_back(input);
  }
  for (const Input fact : facts_) collect_thresholds(fact);
}

void RuleBook::collect_thresholds(Input fact) {
  std::vector<std::int64_t> all;
  for (const Entry& entry : entries_) {
    if (entry.overridden) {
      const std::vector<Input>& shown = entry.overridden->inputs();
      if (std::ranges::find(shown, fact) != shown.end()) return;
    }
    if (!entry.built_in) continue;
    const auto literals = entry.built_in->thresholds(fact);
    if (!literals) return;
    all.insert(all.end(), literals->begin(), literals->end());
  }
  std::ranges::sort(all);
  thresholds_[fact] = std::move(all);
}

std::int64_t RuleBook::told_apart(Input fact, std::int64_t value) const {
  const auto known = thresholds_.find(fact);
  if (known == thresholds_.end()) return value;
  const auto below = std::ranges::lower_bound(known->second, value);
  const bool equal = below != known->second.end() && *below == value;
  return 2 * (below - known->second.begin()) + (equal ? 1 : 0);
}

std::int64_t RuleBook::built_in_value(const Entry& entry, const Environment& environment) {
  return entry.built_in ? entry.built_in->evaluate(environment) : 0;
}

void RuleBook::decide(Environment& environment) const {
  for (const Entry& entry : entries_) {
    std::int64_t value = built_in_value(entry, environment);
    if (entry.overridden) {
      environment.set(Input::built_in, value);
      value = entry.overridden->evaluate(environment);
    }
    environment.set(entry.rule.decides, value);
  }
}

const RuleBook::Entry* RuleBook::entry_of(Input decided) const {
  const auto entry =
      std::ranges::find_if(entries_, [&](const Entry& e) { return e.rule.decides == decided; });
  return entry == entries_.end() ? nullptr : &*entry;
}

Reason RuleBook::reason(Input decided, const Environment& environment) const {
  Reason reason;
  const Entry* entry = entry_of(decided);
  if (entry == nullptr) return reason;
  reason.rule = entry->rule.name;
  reason.value = environment.text(decided);
  reason.file = entry->overridden ? "serving.rules" : entry->rule.file;
  reason.function = entry->rule.function;
  reason.changes = entry->changes;
  Environment seen = environment;
  seen.set(Input::built_in, built_in_value(*entry, environment));
  const std::optional<Expression>& shown = entry->shown();
  if (!shown) return reason;
  for (const Input input : shown->inputs()) {
    reason.inputs.emplace_back(info(input).name, seen.text(input));
  }
  return reason;
}

std::vector<std::string> RuleBook::unknown_facts(Input decided,
                                                 const Environment& environment) const {
  std::vector<std::string> facts;
  const Entry* entry = entry_of(decided);
  if (entry == nullptr || !environment.is_unknown(decided)) return facts;
  const auto add = [&facts](std::string fact) {
    if (std::ranges::find(facts, fact) == facts.end()) facts.push_back(std::move(fact));
  };
  for (const Input input : entry->shown()->inputs()) {
    if (info(input).type != ValueType::boolean) continue;
    for (std::string& fact : unknown_facts(input, environment)) add(std::move(fact));
  }
  if (entry->overridden && facts.empty()) add(overriddenpath(entry->rule.name));
  if (!entry->overridden && !entry->fact.empty()) add(std::string(entry->fact));
  if (facts.empty()) add(std::string(entry->rule.name));
  return facts;
}

}  // namespace lockstep

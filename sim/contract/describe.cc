#include "sim/contract/describe.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/base/text.h"
#include "sim/contract/ledger.h"

namespace lockstep::contract {
namespace {

std::string place_text(const Site& site) {
  std::string text =
      site.layer >= 0 ? fmt::format("layer {}, {}", site.layer, site.module) : site.module;
  return site.step > 0 ? fmt::format("step {}, {}", site.step, text) : text;
}

std::string fault_text(const Violation& v) {
  const std::string terms = join(v.terms, ", ");
  const std::string times = v.factor ? to_string(*v.factor) : std::string();
  const char* is = v.terms.size() == 1 ? "is" : "are";
  switch (v.code) {
    case Code::wrong_rows:
      return fmt::format("rows hold the values of other tokens ({})", terms);
    case Code::undefined_rows:
      return fmt::format("real rows depend on memory that nobody wrote ({})", terms);
    case Code::layout_mismatch:
      return fmt::format("the tensor has another number of rows or columns than expected ({})",
                         terms);
    case Code::expert_map:
      return fmt::format("the ranks together do not compute every expert of {} once", terms);
    case Code::nonlinear_on_partial:
      return fmt::format("{} {} still partial at a nonlinear operation; the sum comes later", terms,
                         is);
    case Code::missing_reduction:
      if (v.factor && v.factor->is_zero()) {
        return fmt::format("nothing of {} is there: it was dropped, or never added", terms);
      }
      return times.empty() ? fmt::format("{} lacks shares: the sum never ran", terms)
                           : fmt::format("only {} of {} is there: the sum never ran", times, terms);
    case Code::wrong_group:
      return times.empty()
                 ? fmt::format("{} lacks shares: summed over the wrong ranks", terms)
                 : fmt::format("only {} of {} is there: summed over the wrong ranks", times, terms);
    case Code::double_reduction:
      return times.empty() ? fmt::format("{} {} summed more than once", terms, is)
                           : fmt::format("{} {} summed {} times", terms, is, times);
    default:
      return times.empty()
                 ? fmt::format("{} {} counted wrongly, other terms are right", terms, is)
                 : fmt::format("{} {} counted {} times, other terms once", terms, is, times);
  }
}

std::string element_text(const Plan& plan, const ValueTable& values, const Element& e) {
  const int shares = values.shares_of(e.term);
  std::string text = plan.term(values.base_of(e.term)).name;
  if (values.is_variant(e.term)) text += "~";
  if (e.first != 0 || e.last != shares) {
    text += e.last - e.first == 1 ? fmt::format("[{}]", e.first)
                                  : fmt::format("[{}-{}]", e.first, e.last - 1);
  }
  if (e.shift != 0) text += fmt::format("@{:+}", e.shift);
  return e.coefficient.is_one() ? text : fmt::format("{}*{}", to_string(e.coefficient), text);
}

// C, W(k), P(G), or "mixed": the sheet's classes of a value, seen from one rank.
std::string class_of(Execution& execution, ValueId value, SpecId spec_id) {
  if (value == kUndefined) return "undefined";
  const Plan& plan = execution.plan();
  const StateSpec& spec = plan.spec(spec_id);
  if (value == execution.judge().reference_value(spec_id)) return "C";
  const std::vector<Entry> entries = compare(execution.values(), value, spec.terms);
  const Rational factor = entries.front().value;
  const bool uniform =
      std::ranges::all_of(entries, [&](const Entry& e) { return e.owed && e.value == factor; });
  if (uniform && !factor.is_zero()) return fmt::format("W({})", to_string(factor));
  const bool partial = std::ranges::all_of(
      entries, [](const Entry& e) { return e.owed && (e.value.is_one() || e.absent()); });
  if (partial && spec.partial_over.exists()) {
    return fmt::format("P({})", plan.group(spec.partial_over).role);
  }
  return partial ? "partial" : "mixed";
}

}  // namespace

OperationRef operation_ref(const Plan& plan, int operation) {
  if (operation < 0) return {};
  const Operation& op = plan.operations[static_cast<std::size_t>(operation)];
  return {operation, to_string(op.kind), op.name, op.line};
}

std::string describe(const Plan& plan, const Violation& v) {
  return describe(plan, v, fault_text(v));
}

std::string describe(const Plan& plan, const Violation& v, const std::string& what_is_wrong) {
  std::string text = fmt::format("{}: {}", place_text(v.site), what_is_wrong);
  if (v.operation.index >= 0) {
    const Operation& op = plan.operations[static_cast<std::size_t>(v.operation.index)];
    const std::string what = op.name.empty() || op.name == v.operation.kind
                                 ? v.operation.kind
                                 : fmt::format("{} ({})", op.name, v.operation.kind);
    text += v.operation.line > 0
                ? fmt::format("; broken on line {}, {}", v.operation.line, what)
                : fmt::format("; broken at operation {}, {}", v.operation.index, what);
    if (op.group.exists()) text += fmt::format(" over {}", plan.group(op.group).role);
  }
  return text;
}

std::string value_text(const Plan& plan, const ValueTable& values, ValueId value) {
  if (value == kUndefined) return "undefined";
  const auto elements = values.elements(value);
  if (elements.empty()) return "0";
  std::vector<std::string> parts;
  for (const Element& e : elements) parts.push_back(element_text(plan, values, e));
  return join(parts, " + ");
}

RankState describe_state(Execution& execution, StateId state, SpecId spec_id, int rank) {
  RankState text{rank, "absent", "", ""};
  if (!state.exists()) return text;
  const Plan& plan = execution.plan();
  std::vector<RowRun> tokens;
  std::int64_t other = 0;
  std::vector<ValueId> seen;
  for (const Run& run : execution.states().runs(execution.states().block(state, 0))) {
    if (run.token == kPadding) {
      other += run.count;
      if (run.value == kZero && std::ranges::find(seen, kZero) == seen.end()) seen.push_back(kZero);
      continue;
    }
    tokens.push_back({run.token, run.count});
    if (std::ranges::find(seen, run.value) == seen.end()) seen.push_back(run.value);
  }
  text.rows = tokens.empty() ? "" : "tokens " + rows_text(tokens);
  if (other > 0)
    text.rows += fmt::format("{}{} zero or padding", text.rows.empty() ? "" : " + ", other);
  if (text.rows.empty()) text.rows = "none";
  const bool only_zero = seen.size() == 1 && seen.front() == kZero;
  const bool has_zero = std::ranges::find(seen, kZero) != seen.end();
  if (!only_zero) std::erase(seen, kZero);
  std::vector<std::string> values;
  std::vector<std::string> classes;
  for (const ValueId value : seen) {
    values.push_back(value_text(plan, execution.values(), value));
    // Rows that others fill make a partial value of one that is complete where it is.
    const GroupId partial = plan.spec(spec_id).partial_over;
    classes.push_back(partial.exists() && has_zero ? fmt::format("P({})", plan.group(partial).role)
                                                   : class_of(execution, value, spec_id));
  }
  text.value = join(values, " | ");
  text.state = plan.layout(plan.spec(spec_id).rows).name;
  if (!classes.empty()) text.state += ", " + join(classes, " | ");
  return text;
}

}  // namespace lockstep::contract

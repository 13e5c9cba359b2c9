#include "sim/plan/parse.h"

#include <fmt/format.h>

#include "sim/plan/parse_state.h"
#include "sim/plan/validate.h"

namespace lockstep {
namespace {

// The line at fault: the entry's, the table's, or the whole file's.
const Node& place_of(const PlanFault& fault, const Document& document, const ParseState& state) {
  const auto found = state.places.find(fault.table);
  const bool has_entry = found != state.places.end() && fault.index >= 0 &&
                         static_cast<std::size_t>(fault.index) < found->second.size();
  if (has_entry) return *found->second[static_cast<std::size_t>(fault.index)];
  const Node* table = document.root.find(fault.table);
  return table == nullptr ? document.root : *table;
}

std::string fault_text(const PlanFault& fault) {
  const bool of_table = fault.index < 0 && !fault.table.empty();
  return of_table ? fmt::format("{}: {}", fault.table, fault.message) : fault.message;
}

}  // namespace

bool is_plan(const Document& document) { return document.root.find("plan") != nullptr; }

Result<Plan> parse_plan(const Document& document) {
  ParseState state(document);
  Fields top(document.root, state.faults);
  Plan tables = parse_tables(top, state);
  PlanBuilder builder(std::move(tables));
  std::vector<const Node*>& lines = state.places["program"];
  if (document.root.is_map() && document.root.find("program") == nullptr) {
    state.faults.add(document.root, "'program' is missing");
  }
  lines = top.list("program");
  for (const Node* line : lines) parse_operation(*line, state, builder);
  top.finish();
  if (!state.faults.empty()) return state.faults.take();

  Plan plan = builder.take();
  for (const PlanFault& fault : plan_faults(plan)) {
    state.faults.add(place_of(fault, document, state), fault_text(fault));
  }
  if (!state.faults.empty()) return state.faults.take();
  return plan;
}

Result<Plan> parse_plan(std::string text, const std::string& file) {
  Result<Document> document = parse_yaml(std::move(text), file);
  if (!document) return document.faults();
  return parse_plan(*document);
}

}  // namespace lockstep

#include "sim/report/run_tables.h"

#include <fmt/format.h>

#include <map>

namespace lockstep {

std::vector<TableRow> table_by(const RunOfPlan& run,
                               const std::function<std::string(const Operation&)>& name) {
  std::vector<TableRow> rows;
  std::map<std::string, std::size_t> row_of;
  const auto ranks = static_cast<double>(run.plan.world);
  for (const OperationTime& time : run.breakdown.operations) {
    const Operation& op = run.plan.operations[static_cast<std::size_t>(time.operation)];
    const auto [entry, is_new] = row_of.try_emplace(name(op), rows.size());
    if (is_new) rows.push_back({entry->first});
    TableRow& row = rows[entry->second];
    ++row.operations;
    row.calls += time.calls;
    (communicates(op.kind) ? row.communication_us : row.compute_us) +=
        in_microseconds(time.sum) / ranks;
    row.wait_us += in_microseconds(time.wait_sum) / ranks;
  }
  return rows;
}

std::string kind_name(const Operation& op) {
  const std::string kind = to_string(op.kind);
  return op.name.empty() || op.name == kind ? kind : fmt::format("{} ({})", kind, op.name);
}

const TimedCall* call_of(const TimedProgram& timed, int label) {
  const Label& l = timed.labels[static_cast<std::size_t>(label)];
  if (l.call >= 0) return &timed.calls[static_cast<std::size_t>(l.call)];
  if (l.transfer >= 0) return &timed.transfers[static_cast<std::size_t>(l.transfer)];
  return nullptr;
}

std::string label_text(const TimedProgram& timed, int label) {
  const TimedCall* call = call_of(timed, label);
  if (call == nullptr) return "";
  std::string text = call->time.library;
  for (const std::string& part : {call->time.algorithm, call->time.protocol}) {
    if (!part.empty()) text += (text.empty() ? "" : " ") + part;
  }
  return text;
}

}  // namespace lockstep

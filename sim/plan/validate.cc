#include "sim/plan/validate.h"

#include <fmt/format.h>

namespace lockstep {
namespace {

std::string located(const Plan& plan, const PlanFault& fault) {
  if (fault.table.empty()) return fault.message;
  if (fault.index < 0) return fmt::format("{}: {}", fault.table, fault.message);
  if (fault.table != "program") {
    return fmt::format("{}, entry {}: {}", fault.table, fault.index, fault.message);
  }
  const Operation& op = plan.operations[static_cast<std::size_t>(fault.index)];
  return fmt::format("operation {} ({}): {}", fault.index, op.name, fault.message);
}

}  // namespace

std::vector<PlanFault> plan_faults(const Plan& plan) {
  std::vector<PlanFault> faults = table_faults(plan);
  return faults.empty() ? operation_faults(plan) : faults;
}

std::vector<std::string> validate(const Plan& plan) {
  std::vector<std::string> texts;
  for (const PlanFault& fault : plan_faults(plan)) texts.push_back(located(plan, fault));
  return texts;
}

}  // namespace lockstep

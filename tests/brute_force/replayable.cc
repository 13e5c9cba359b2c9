#include "tests/brute_force/replayable.h"

#include <algorithm>

namespace lockstep::test {
namespace {

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

}  // namespace

std::string what_no_number_tells(const RandomProgram& program, const BruteForce& brute) {
  if (program.of_model) return "of the model";
  if (brute.unordered) return "unordered";
  if (mixes_steps(program)) return "rows of one step, terms of another";
  if (has_uneven_parts(program.plan)) return "uneven parts";
  if (has_empty_slices(program.plan)) return "empty slices";
  return {};
}

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

}  // namespace lockstep::test

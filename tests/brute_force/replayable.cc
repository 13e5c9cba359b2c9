#include "tests/brute_force/replayable.h"

#include <algorithm>

namespace lockstep::test {
namespace {

// What an operand should be and is not is put right in the tensor, which can be only one thing.
bool reads_one_tensor_as_two(const Plan& plan) {
  return std::ranges::any_of(plan.operations, [](const Operation& op) {
    return std::ranges::any_of(op.in, [&](const Operand& in) {
      return std::ranges::any_of(op.in, [&](const Operand& other) {
        return in.expect.exists() && in.tensor == other.tensor && in.expect != other.expect;
      });
    });
  });
}

// A member that makes no share of a maximum or of a logarithm holds what changes nothing, which is
// no number of the plan; the checker takes it for a zero, and what is reduced with it for lost.
bool leaves_one_without_a_share(const Plan& plan) {
  return std::ranges::any_of(plan.operations, [&](const Operation& op) {
    return std::ranges::any_of(op.produces, [&](const Production& p) {
      if (plan.term(p.term).combine == Reduction::sum || !p.placement.exists()) return false;
      const auto& of = plan.placement_table(p.placement).of.distinct;
      return std::ranges::any_of(of, [](const auto& shares) { return shares.empty(); });
    });
  });
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
  if (leaves_one_without_a_share(program.plan)) return "none of a maximum";
  if (reads_one_tensor_as_two(program.plan)) return "one tensor as two";
  if (has_empty_slices(program.plan)) return "empty slices";
  return {};
}

}  // namespace lockstep::test

// The operations of a hand-written program on one rank: what they make of what the rank holds. They
// are made up (function.h), in float64 and on the CPU whatever the backend.
#pragma once

#include <cstdint>
#include <span>

#include "backend/numeric/plan_reference.h"
#include "backend/numeric/tensor.h"
#include "sim/plan/plan.h"

namespace lockstep::numeric {

// The layout whose rows `op` computes: its operand's, or its result's where it has none.
LayoutId rows_computed(const Plan& plan, const Operation& op);

class ProgramBlocks {
 public:
  // Both must outlive it.
  ProgramBlocks(const Plan& plan, PlanReference& reference) : plan_(plan), reference_(reference) {}

  // Output 0 of `op` on `rank`: the shares that the rank makes, as they make the whole. `in`: what
  // the rank holds of each operand. REQUIRES: is_of_program(op.kind).
  Held run(const Operation& op, int rank, std::span<const Held> in);

 private:
  Matrix<double> part(const Application& application, const Production& production, int rank);
  void add_offsets(const FunctionResult& result, const Production& production, int rank,
                   Matrix<double>& product);
  double in_unit(TermId term, double value, std::int64_t token, std::int64_t column);

  const Plan& plan_;
  PlanReference& reference_;
};

}  // namespace lockstep::numeric

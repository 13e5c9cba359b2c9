// One application of a program's own operation (compute, linear) on one rank: its operands as the
// rank has them, and what it makes of them. The replay applies operations to what ranks hold, the
// reference to what they should hold.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "backend/numeric/function.h"
#include "backend/numeric/weights.h"
#include "sim/plan/plan.h"

namespace lockstep::numeric {

class PlanReference;

// True for the operations that are computed here.
bool is_of_program(OpKind kind);
// True where the shares of `term` are those of the operand of `op`: a matrix product of a partial
// or sliced tensor. Without shares of its own, the product of the whole operand is the whole term.
bool multiplies_part(const Plan& plan, const Operation& op, TermId term);

struct Application {
  const Operation* op = nullptr;
  FunctionResult result;
  std::vector<FunctionOperand> operands;
};

class Program {
 public:
  // The rows at `at` of an operand, cut to `columns`.
  using Rows = std::function<Matrix<double>(const Operand&, const std::vector<std::int64_t>& at,
                                            Interval columns)>;

  // All must outlive it.
  Program(const Plan& plan, Weights& weights, const PlanReference& reference)
      : plan_(plan), weights_(weights), reference_(reference) {}

  // All of these: REQUIRES: is_of_program(op.kind). `whole`: of sliced operands all columns.
  Application apply(const Operation& op, int rank, const Rows& rows, bool whole) const;
  FunctionResult result(const Operation& op, int rank) const;
  // The rows of the rank's result that hold a token.
  std::vector<std::int64_t> real_rows(const Operation& op, int rank) const;
  // The term whose quantity `term` is in some unit, and how many of the one are one of the other.
  TermId same_quantity(TermId term) const;
  double unit(TermId term) const;
  FunctionName name(TermId term, int share) const;
  // A share of `term`, in the unit of same_quantity().
  Matrix<double> share(const Application& application, TermId term, int share) const;

 private:
  std::vector<std::int64_t> real_rows(LayoutId layout, int rank) const;
  FunctionOperand operand(const Operation& op, std::size_t index, int rank, const Rows& rows,
                          bool whole) const;
  Matrix<double> product_of(const Application& application, TermId term, int share) const;

  const Plan& plan_;
  Weights& weights_;
  const PlanReference& reference_;
};

}  // namespace lockstep::numeric

// The members of HeldTensors, for those who instantiate it.
#pragma once

#include <utility>

#include "backend/numeric/held_tensors.h"
#include "sim/base/require.h"

namespace lockstep::numeric {

template <class A>
void HeldTensors<A>::write(int operation, std::size_t output, int rank, Tensor value) {
  for (const Corruption& c : options_.corruptions) {
    if (c.operation != operation || c.rank != rank || output != 0) continue;
    value = a_.corrupted(std::move(value), c);
  }
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  put(op.out[output].tensor, rank, std::move(value));
}

template <class A>
void HeldTensors<A>::compute(int operation, int rank) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  if (op.kind == OpKind::require) return;
  Memo asked;
  asked.operation = operation;
  for (const Operand& in : op.in) asked.in.push_back(at(in.tensor, rank));
  if (op.kind == OpKind::copy_rows) asked.in.push_back(at(op.out.front().tensor, rank));
  asked.rows = rows_key(plan_, op, rank);
  for (const Production& p : op.produces) asked.shares.push_back(share_key(plan_, p, rank));
  const bool known = !depends_on_rank(plan_, op) && memo_.out && memo_.operation == operation &&
                     memo_.in == asked.in && memo_.rows == asked.rows &&
                     memo_.shares == asked.shares;
  if (!known) {
    asked.out = a_.as_kept(local_result(op, rank, asked.in), options_.garbage);
    memo_ = std::move(asked);
  }
  if (!op.out.empty()) write(operation, 0, rank, memo_.out);
}

template <class A>
auto HeldTensors<A>::local_result(const Operation& op, int rank, std::span<const Tensor> in)
    -> Tensor {
  switch (op.kind) {
    case OpKind::copy_rows:
      return a_.copied_rows(in[0], in[1], plan_.move_table(op.moves).of.at(rank), op.fill,
                            {0, plan_.column_count(plan_.tensor(op.out.front().tensor).columns)});
    case OpKind::slice_columns:
      return a_.sliced_columns(in[0], slice_of(plan_, op, rank));
    case OpKind::add:
      return a_.added(in);
    case OpKind::scale:
      return a_.scaled(in[0], op.factor.to_double());
    default:
      LOCKSTEP_ASSERT(is_nonlinear(op.kind));
      return blocks_.run(op, rank, in);
  }
}

}  // namespace lockstep::numeric

#include "backend/nccl/launch/plan_shapes.h"

#include <algorithm>
#include <utility>

#include "backend/numeric/held_tensors.h"

namespace lockstep::nccl {

using numeric::Interval;
using numeric::Shape;

namespace {

bool are_same(const Shape& a, const Shape& b) {
  return a.written == b.written && a.rows == b.rows && a.columns == b.columns;
}

bool has_real_rows(const RowMap& rows) {
  return std::ranges::any_of(
      rows, [](const RowRun& run) { return run.token != kPadding && run.count > 0; });
}

Interval columns_of(const Plan& plan, SpecId spec, TensorId tensor, int rank) {
  return numeric::columns_on(plan, spec, plan.tensor(tensor).columns, rank);
}

}  // namespace

Shape declared_shape(const Plan& plan, SpecId spec, TensorId tensor, int rank) {
  const RowMap& rows = plan.layout(plan.spec(spec).rows).rows.at(rank);
  return {true, row_count(rows), {columns_of(plan, spec, tensor, rank)}};
}

PlanShapes::PlanShapes(const Plan& plan, bool repairs)
    : plan_(plan),
      repairs_(repairs),
      held_(plan.tensors.size() * static_cast<std::size_t>(plan.world)) {}

std::size_t PlanShapes::place(TensorId tensor, int rank) const {
  return tensor.index() * static_cast<std::size_t>(plan_.world) + static_cast<std::size_t>(rank);
}

void PlanShapes::put(TensorId tensor, int rank, Shape shape) {
  held_[place(tensor, rank)] = std::move(shape);
}

// A tensor of another shape than it should have is wrong as a whole; one that nobody wrote is right
// where nothing is owed.
void PlanShapes::arrive(const Operation& op, int rank) {
  if (!repairs_) return;
  for (const Operand& in : op.in) {
    if (!in.expect.exists()) continue;
    const StateSpec& spec = plan_.spec(in.expect);
    const RowMap& rows = plan_.layout(spec.rows).rows.at(rank);
    const bool is_owed = has_real_rows(rows) || (spec.zero_padding && row_count(rows) > 0);
    const Shape& own = held(in.tensor, rank);
    if (!own.written && !is_owed) continue;
    Shape right = declared_shape(plan_, in.expect, in.tensor, rank);
    if (!are_same(own, right)) put(in.tensor, rank, std::move(right));
  }
}

void PlanShapes::compute(const Operation& op, int rank) {
  if (op.out.empty() || op.kind == OpKind::require) return;
  put(op.out.front().tensor, rank, result(op, rank));
}

Shape PlanShapes::result(const Operation& op, int rank) const {
  switch (op.kind) {
    case OpKind::copy_rows:
      return copied(op, rank);
    case OpKind::add:
      return added(op, rank);
    case OpKind::scale:
      return held(op.in.front().tensor, rank);
    case OpKind::slice_columns: {
      Shape own = held(op.in.front().tensor, rank);
      if (own.written) own.columns = {numeric::slice_of(plan_, op, rank)};
      return own;
    }
    default: {
      const RowMap& rows = plan_.layout(numeric::rows_computed(plan_, op)).rows.at(rank);
      const Output& out = op.out.front();
      return {true, row_count(rows), {columns_of(plan_, out.declared, out.tensor, rank)}};
    }
  }
}

Shape PlanShapes::copied(const Operation& op, int rank) const {
  const TensorId out = op.out.front().tensor;
  const Shape& from = held(op.in.front().tensor, rank);
  const Shape& onto = held(out, rank);
  Shape result{true, plan_.move_table(op.moves).of.at(rank).rows_out, {}};
  if (from.written || onto.written) {
    result.columns = from.written ? from.columns : onto.columns;
  } else {
    result.columns = {{0, plan_.column_count(plan_.tensor(out).columns)}};
  }
  return result;
}

// The columns are those of the addend that tells most about what was gathered.
Shape PlanShapes::added(const Operation& op, int rank) const {
  if (op.in.size() == 1) return held(op.in.front().tensor, rank);
  Shape result;
  for (const Operand& in : op.in) {
    const Shape& addend = held(in.tensor, rank);
    if (!addend.written) continue;
    if (!result.written || result.columns.size() < addend.columns.size()) {
      result.columns = addend.columns;
    }
    result.written = true;
    result.rows = std::max(result.rows, addend.rows);
  }
  return result;
}

}  // namespace lockstep::nccl

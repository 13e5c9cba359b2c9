#include <algorithm>

#include "backend/numeric/blocks_definitions.h"
#include "backend/numeric/held_tensors_definitions.h"

namespace lockstep::numeric {

int rows_key(const Plan& plan, const Operation& op, int rank) {
  const auto r = static_cast<std::size_t>(rank);
  if (op.kind == OpKind::copy_rows) return plan.move_table(op.moves).of.index_of_rank[r];
  if (!is_nonlinear(op.kind)) return 0;
  return plan.layout(rows_computed(plan, op)).rows.index_of_rank[r];
}

bool depends_on_rank(const Plan& plan, const Operation& op) {
  if (op.kind == OpKind::attention || op.kind == OpKind::lm_head) return true;
  if (op.kind == OpKind::slice_columns) return true;
  if (!is_of_program(op.kind)) return false;
  const auto is_sliced = [&](SpecId spec) { return plan.spec(spec).columns_over.exists(); };
  return is_sliced(op.out.front().declared) || std::ranges::any_of(op.in, [&](const Operand& in) {
           return is_sliced(in.expect) || plan.spec(in.expect).rows != rows_computed(plan, op);
         });
}

std::vector<std::int64_t> home_rows(const Plan& plan, std::span<const Call> calls,
                                    std::size_t output) {
  std::vector<std::int64_t> rows;
  for (const Call& call : calls) {
    const Operation& op = plan.operations[static_cast<std::size_t>(call.operation)];
    if (op.kind != OpKind::combine) break;
    const LayoutId home = plan.spec(op.out[output].declared).rows;
    rows.push_back(row_count(plan.layout(home).rows.at(call.rank)));
  }
  return rows;
}

Interval slice_of(const Plan& plan, const Operation& op, int rank) {
  const Membership m = membership(plan, op.group, rank);
  const ShareRange slice =
      column_slice(plan.column_count(plan.tensor(op.in.front().tensor).columns), m.index,
                   static_cast<int>(m.members->size()));
  return {slice.first, slice.last};
}

template class HeldTensors<HostArithmetic>;

}  // namespace lockstep::numeric

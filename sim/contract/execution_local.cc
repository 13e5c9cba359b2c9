// The local operations of an Execution: what each rank does by itself.
#include <algorithm>

#include "sim/base/require.h"
#include "sim/contract/execution.h"

namespace lockstep::contract {

LayoutId Execution::rows_of_result(const Operation& op) const {
  const SpecId spec = op.kind == OpKind::embed ? op.out.front().declared : op.in.front().expect;
  return plan_.spec(spec).rows;
}

// What the result on `rank` depends on beside its inputs and shares: which entry of a rank table.
int Execution::rows_key(const Operation& op, int rank) const {
  const auto r = static_cast<std::size_t>(rank);
  if (op.kind == OpKind::copy_rows) return plan_.move_table(op.moves).of.index_of_rank[r];
  if (!is_nonlinear(op.kind)) return 0;
  return plan_.layout(rows_of_result(op)).rows.index_of_rank[r];
}

void Execution::run_local(int operation, int rank, LocalMemo& memo) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  if (op.kind == OpKind::require) return;
  LocalMemo asked;
  for (const Operand& in : op.in) asked.in.push_back(state(in.tensor, rank));
  // Fill::keep also depends on what is written over.
  if (op.kind == OpKind::copy_rows) asked.in.push_back(state(op.out.front().tensor, rank));
  asked.rows = rows_key(op, rank);
  for (const Production& p : op.produces) asked.shares.push_back(shares_of(plan_, p, rank));
  const bool known = !memo.out.empty() && memo.in == asked.in && memo.rows == asked.rows &&
                     memo.shares == asked.shares;
  if (!known) {
    asked.out = local_result(op, rank, asked.in);
    memo = std::move(asked);
  }
  for (std::size_t i = 0; i < op.out.size(); ++i) write(operation, i, rank, memo.out[i]);
}

std::vector<StateId> Execution::local_result(const Operation& op, int rank,
                                             std::span<const StateId> in) {
  switch (op.kind) {
    case OpKind::copy_rows: {
      const ColumnRange all{0, plan_.column_count(plan_.tensor(op.out.front().tensor).columns)};
      return {states_.copy(in[0], in[1], plan_.move_table(op.moves).of.at(rank), op.fill, all)};
    }
    case OpKind::add:
      return {states_.sum(in)};
    case OpKind::scale:
      return {states_.map(in[0], [&](ValueId v) { return values_.scale(v, op.factor); })};
    default:
      LOCKSTEP_ASSERT(is_nonlinear(op.kind));
      return produced(op, rank, in);
  }
}

ColumnRange Execution::output_columns(const Operation& op, int rank) const {
  const std::int64_t count = plan_.column_count(plan_.tensor(op.out.front().tensor).columns);
  const GroupId over = plan_.spec(op.out.front().declared).columns_over;
  if (!over.exists()) return {0, count};
  const Membership m = membership(plan_, over, rank);
  const ShareRange slice = column_slice(count, m.index, static_cast<int>(m.members->size()));
  return {slice.first, slice.last};
}

// The rank's shares of everything that `op` produces; of its variants if `wrong_input` exists.
ValueId Execution::production_value(const Operation& op, int rank, ValueId wrong_input) {
  std::vector<ValueTable::At> parts;
  for (const Production& p : op.produces) {
    const TermId term = wrong_input.exists() ? values_.variant(p.term, wrong_input) : p.term;
    parts.push_back({values_.single(term, shares_of(plan_, p, rank), p.coefficient), 0});
  }
  return values_.sum(parts).value;
}

// A nonlinear operation makes its own terms, row by row. Its inputs are right here unless wrong
// values are carried on: then each wrong row makes a variant, and a wrong row taints the whole
// request in attention, every row where the rows themselves or the routing are wrong.
std::vector<StateId> Execution::produced(const Operation& op, int rank,
                                         std::span<const StateId> in) {
  std::vector<RowFault> faults;
  bool taints_all = op.kind == OpKind::attention;
  for (std::size_t i = 0; propagate_ && i < op.in.size(); ++i) {
    if (judge_.met(op.in[i].expect, rank, in[i])) continue;
    judge_.faults(op.in[i].expect, rank, in[i], faults);
    taints_all = taints_all || i > 0 || faults.front().kind == FaultKind::layout;
  }
  const ValueId right = production_value(op, rank, ValueId::none());
  std::vector<Run> runs;
  for (const RowRun& run : plan_.layout(rows_of_result(op)).rows.at(rank)) {
    append_run(runs, {run.token, run.count, run.token == kPadding ? kUndefined : right});
  }
  if (!faults.empty() && taints_all) {
    const ValueId tainted = production_value(op, rank, faults.front().actual);
    for (Run& run : runs) run.value = run.value == right ? tainted : run.value;
  } else {
    for (const RowFault& fault : faults) {
      const ValueId tainted = production_value(op, rank, fault.actual);
      std::vector<Run> cut;
      for (const Run& run : runs) {
        const std::int64_t from = std::clamp(fault.rows.token, run.token, run.token + run.count);
        const std::int64_t end =
            std::clamp(fault.rows.token + fault.rows.count, from, run.token + run.count);
        if (run.value == kUndefined || from == end) {
          append_run(cut, run);
          continue;
        }
        append_run(cut, {run.token, from - run.token, run.value});
        append_run(cut, {from, end - from, tainted});
        append_run(cut, {end, run.token + run.count - end, run.value});
      }
      runs.swap(cut);
    }
  }
  return {states_.make(output_columns(op, rank), runs)};
}

}  // namespace lockstep::contract

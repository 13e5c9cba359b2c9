// The local operations of an Execution: what each rank does by itself.
#include <algorithm>

#include "sim/base/require.h"
#include "sim/contract/execution.h"
#include "sim/plan/shares.h"

namespace lockstep::contract {

LayoutId Execution::rows_of_result(const Operation& op) const {
  const SpecId spec = op.in.empty() ? op.out.front().declared : op.in.front().expect;
  return plan_.spec(spec).rows;
}

// What the result on `rank` depends on beside its inputs and shares: which entry of a rank table.
int Execution::rows_key(const Operation& op, int rank) const {
  const auto r = static_cast<std::size_t>(rank);
  if (op.kind == OpKind::copy_rows) return plan_.move_table(op.moves).of.index_of_rank[r];
  if (!is_nonlinear(op.kind)) return 0;
  return plan_.layout(rows_of_result(op)).rows.index_of_rank[r];
}

void Execution::LocalMemo::clear() {
  in.clear();
  columns = {};
  shares.clear();
  value = ValueId::none();
  filled = false;
}

bool Execution::LocalMemo::same_question(const LocalMemo& other) const {
  return filled && in == other.in && rows == other.rows && columns == other.columns &&
         shares == other.shares;
}

// REQUIRES: memo_ is of this operation. Every local operation has at most one output.
void Execution::run_local(int operation, int rank) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  if (op.kind == OpKind::require) return;
  asked_.clear();
  for (const Operand& in : op.in) asked_.in.push_back(state(in.tensor, rank));
  // Fill::keep also depends on what is written over.
  if (op.kind == OpKind::copy_rows) asked_.in.push_back(state(op.out.front().tensor, rank));
  asked_.rows = rows_key(op, rank);
  if (is_nonlinear(op.kind)) asked_.columns = output_columns(op, rank);
  if (op.kind == OpKind::slice_columns) asked_.columns = slice_of(op, op.group, rank);
  if (propagate_) add_part_sums(operation, rank, asked_.in);
  for (const Production& p : op.produces) {
    asked_.shares.push_back(p.placement.exists() ? share_key(plan_, p, rank)
                                                 : places_.shares_of(p, rank));
  }
  if (!memo_.same_question(asked_)) {
    // Ranks with the same shares produce the same value, on whatever rows.
    if (memo_.filled && memo_.shares == asked_.shares) asked_.value = memo_.value;
    asked_.out = local_result(op, rank, asked_.in);
    asked_.filled = true;
    std::swap(memo_, asked_);
  }
  write(operation, 0, rank, memo_.out);
}

StateId Execution::local_result(const Operation& op, int rank, std::span<const StateId> in) {
  switch (op.kind) {
    case OpKind::copy_rows: {
      const ColumnRange all{0, plan_.column_count(plan_.tensor(op.out.front().tensor).columns)};
      return states_.copy(in[0], in[1], plan_.move_table(op.moves).of.at(rank), op.fill, all);
    }
    case OpKind::add:
      return states_.sum(in);
    case OpKind::scale:
      return states_.map(in[0], [&](ValueId v) { return values_.scale(v, op.factor); });
    case OpKind::slice_columns:
      return states_.slice_columns(in[0], asked_.columns);
    default:
      LOCKSTEP_ASSERT(is_nonlinear(op.kind));
      if (!asked_.value.exists()) {
        asked_.value = production_value(op, rank, ValueId::none());
      }
      return produced(op, rank, in, asked_.value);
  }
}

ColumnRange Execution::output_columns(const Operation& op, int rank) const {
  return slice_of(op, plan_.spec(op.out.front().declared).columns_over, rank);
}

// The rank's columns of the result, where they are sliced over `over`.
ColumnRange Execution::slice_of(const Operation& op, GroupId over, int rank) const {
  const std::int64_t count = plan_.column_count(plan_.tensor(op.out.front().tensor).columns);
  if (!over.exists()) return {0, count};
  const Membership m = places_.membership(over, rank);
  const ShareRange slice = column_slice(count, m.index, static_cast<int>(m.members->size()));
  return {slice.first, slice.last};
}

// The rank's shares of everything that `op` produces; of its variants if `wrong_input` exists.
ValueId Execution::production_value(const Operation& op, int rank, ValueId wrong_input) {
  parts_.clear();
  for (const Production& p : op.produces) {
    const TermId term = wrong_input.exists() ? values_.variant(p.term, wrong_input) : p.term;
    if (!p.placement.exists()) {
      parts_.push_back({values_.single(term, places_.shares_of(p, rank), p.coefficient), 0});
    } else {
      parts_.push_back({values_.made(term, counted_shares(plan_, p, rank), p.coefficient), 0});
    }
  }
  return parts_.size() == 1 ? parts_.front().value : values_.sum(parts_, Joining::shares).value;
}

// The sums that the rank's partial operands are part of: an operand is right if its sum is.
void Execution::add_part_sums(int operation, int rank, std::vector<StateId>& to) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  for (std::size_t i = 0; i < op.in.size(); ++i) {
    if (op.in[i].expect.exists()) to.push_back(judged_state(operation, i, rank, to[i]));
  }
}

StateId Execution::judged_state(int operation, std::size_t operand, int rank, StateId own) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  const GroupId over = plan_.spec(op.in[operand].expect).partial_over;
  if (!over.exists()) return own;
  const auto sum =
      part_sums_.find({operation, static_cast<int>(operand), places_.part(over, rank)});
  // Not judged yet: wrong or not is told when it is.
  return sum != part_sums_.end() ? sum->second : judge_.reference(op.in[operand].expect, rank);
}

// A nonlinear operation makes its own terms, row by row. Its inputs are right here unless wrong
// values are carried on.
StateId Execution::produced(const Operation& op, int rank, std::span<const StateId> in,
                            ValueId right) {
  runs_.clear();
  for (const RowRun& run : plan_.layout(rows_of_result(op)).rows.at(rank)) {
    append_run(runs_, {run.token, run.count, run.token == kPadding ? kUndefined : right});
  }
  // After the operands stand what they were judged by.
  if (propagate_) taint(op, rank, in.last(op.in.size()), right);
  return states_.make(output_columns(op, rank), runs_);
}

// Each wrong row of an input makes a variant of the term in `runs_`. A wrong row taints the whole
// request in attention, and every row where the rows themselves or the routing are wrong.
void Execution::taint(const Operation& op, int rank, std::span<const StateId> in, ValueId right) {
  std::vector<RowFault> faults;
  bool taints_all = op.kind == OpKind::attention;
  for (std::size_t i = 0; i < op.in.size(); ++i) {
    if (judge_.met(op.in[i].expect, rank, in[i])) continue;
    judge_.faults(op.in[i].expect, rank, in[i], faults);
    const RowFault& first = faults.front();
    const bool of_padding = first.kind == FaultKind::undefined && first.rows.token == kPadding;
    taints_all = taints_all || i > 0 || first.kind == FaultKind::layout || of_padding;
  }
  if (faults.empty()) return;
  if (taints_all) {
    const ValueId tainted = production_value(op, rank, faults.front().actual);
    for (Run& run : runs_) run.value = run.value == right ? tainted : run.value;
    return;
  }
  for (const RowFault& fault : faults) {
    const ValueId tainted = production_value(op, rank, fault.actual);
    std::vector<Run> cut;
    for (const Run& run : runs_) {
      const std::int64_t until = run.token + run.count;
      const std::int64_t from = std::clamp(fault.rows.token, run.token, until);
      const std::int64_t end = std::clamp(fault.rows.token + fault.rows.count, from, until);
      if (run.value == kUndefined || from == end) {
        append_run(cut, run);
        continue;
      }
      append_run(cut, {run.token, from - run.token, run.value});
      append_run(cut, {from, end - from, tainted});
      append_run(cut, {end, until - end, run.value});
    }
    runs_.swap(cut);
  }
}

}  // namespace lockstep::contract

#include "backend/numeric/interpreter.h"

#include <algorithm>

#include "sim/base/require.h"
#include "sim/plan/shares.h"

namespace lockstep::numeric {

Interpreter::Interpreter(const Plan& plan, const ReplayOptions& options)
    : plan_(plan),
      options_(options),
      weights_(plan.model, options.seed),
      reference_(plan, weights_),
      blocks_(plan, weights_, reference_),
      meeting_(plan),
      messages_(static_cast<std::size_t>(plan.world)),
      tolerance_(tolerance_of(plan)),
      held_(plan.tensors.size() * static_cast<std::size_t>(plan.world)),
      position_(static_cast<std::size_t>(plan.world), -1),
      status_(static_cast<std::size_t>(plan.world), Status::running) {
  for (int rank = 0; rank < plan.world; ++rank) advance(rank, -1);
}

// One sweep over the plan is enough where all ranks keep step; a rank that had to wait for a later
// line of others goes on in the next sweep.
ReplayResult Interpreter::run() {
  const auto operations = static_cast<int>(plan_.operations.size());
  moved_ = true;
  while (moved_) {
    moved_ = false;
    const int first = *std::ranges::min_element(position_);
    for (int operation = std::max(first, 0); operation < operations; ++operation) {
      if (options_.progress) options_.progress(operation, operations);
      step(operation);
    }
  }
  finish();
  return std::move(result_);
}

void Interpreter::step(int operation) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  std::vector<int> here;
  for (int rank = 0; rank < plan_.world; ++rank) {
    const auto r = static_cast<std::size_t>(rank);
    if (position_[r] == operation && status_[r] == Status::running) here.push_back(rank);
  }
  if (here.empty()) return;
  judge(operation, here);
  LocalMemo memo;
  for (const int rank : here) {
    if (is_collective(op.kind)) {
      call_collective(operation, rank);
    } else if (is_point_to_point(op.kind)) {
      call_peer(operation, rank);
    } else {
      run_local(operation, rank, memo);
      advance(rank, operation);
    }
  }
}

void Interpreter::advance(int rank, int from) {
  const auto operations = static_cast<int>(plan_.operations.size());
  int next = from + 1;
  while (next < operations && !executes(plan_.operations[static_cast<std::size_t>(next)], rank)) {
    ++next;
  }
  position_[static_cast<std::size_t>(rank)] = next;
  moved_ = true;
}

Held& Interpreter::held(TensorId tensor, int rank) {
  return held_[tensor.index() * static_cast<std::size_t>(plan_.world) +
               static_cast<std::size_t>(rank)];
}

void Interpreter::write(int operation, std::size_t output, int rank, Held value) {
  for (const Corruption& c : options_.corruptions) {
    const bool hits = c.operation == operation && c.rank == rank && output == 0 && value &&
                      c.row >= 0 && c.row < value->values.rows() && c.column >= 0 &&
                      c.column < value->values.columns();
    if (!hits) continue;
    LocalTensor corrupted = *value;
    corrupted.values(c.row, c.column) *= static_cast<float>(c.factor);
    value = make_held(std::move(corrupted.columns), std::move(corrupted.values));
  }
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  held(op.out[output].tensor, rank) = std::move(value);
}

// ---- local operations -------------------------------------------------------------------------

// Which entry of a rank table the result depends on.
int Interpreter::rows_key(const Operation& op, int rank) const {
  const auto r = static_cast<std::size_t>(rank);
  if (op.kind == OpKind::copy_rows) return plan_.move_table(op.moves).of.index_of_rank[r];
  if (!is_nonlinear(op.kind)) return 0;
  return plan_.layout(Blocks::rows_of(plan_, op)).rows.index_of_rank[r];
}

// Attention also depends on the rank's cache, slices on its place in their group, and a program's
// function on all rows of an operand that has others than the result.
bool Interpreter::depends_on_rank(const Operation& op) const {
  if (op.kind == OpKind::attention || op.kind == OpKind::lm_head) return true;
  if (op.kind == OpKind::slice_columns) return true;
  if (!is_of_program(op.kind)) return false;
  const auto is_sliced = [&](SpecId spec) { return plan_.spec(spec).columns_over.exists(); };
  return is_sliced(op.out.front().declared) || std::ranges::any_of(op.in, [&](const Operand& in) {
           return is_sliced(in.expect) || plan_.spec(in.expect).rows != Blocks::rows_of(plan_, op);
         });
}

void Interpreter::run_local(int operation, int rank, LocalMemo& memo) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  if (op.kind == OpKind::require) return;
  LocalMemo asked;
  for (const Operand& in : op.in) asked.in.push_back(held(in.tensor, rank));
  if (op.kind == OpKind::copy_rows) asked.in.push_back(held(op.out.front().tensor, rank));
  asked.rows = rows_key(op, rank);
  for (const Production& p : op.produces) asked.shares.push_back(share_key(plan_, p, rank));
  const bool known = !depends_on_rank(op) && memo.out && memo.in == asked.in &&
                     memo.rows == asked.rows && memo.shares == asked.shares;
  if (!known) {
    asked.out = local_result(op, rank, asked.in);
    memo = std::move(asked);
  }
  if (!op.out.empty()) write(operation, 0, rank, memo.out);
}

Held Interpreter::local_result(const Operation& op, int rank, std::span<const Held> in) {
  switch (op.kind) {
    case OpKind::copy_rows: {
      const std::int64_t columns = plan_.column_count(plan_.tensor(op.out.front().tensor).columns);
      return copied_rows(in[0], in[1], plan_.move_table(op.moves).of.at(rank), op.fill,
                         {0, columns});
    }
    case OpKind::slice_columns: {
      const Membership m = membership(plan_, op.group, rank);
      const ShareRange slice =
          column_slice(plan_.column_count(plan_.tensor(op.in.front().tensor).columns), m.index,
                       static_cast<int>(m.members->size()));
      return sliced_columns(in[0], {slice.first, slice.last});
    }
    case OpKind::add:
      return added(in);
    case OpKind::scale:
      return scaled(in[0], op.factor.to_double());
    default:
      LOCKSTEP_ASSERT(is_nonlinear(op.kind));
      return blocks_.run(op, rank, in);
  }
}

}  // namespace lockstep::numeric

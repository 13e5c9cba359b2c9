#include "backend/numeric/local_ranks.h"

#include <algorithm>
#include <cmath>

#include "backend/numeric/arithmetic.h"
#include "backend/numeric/collectives.h"
#include "sim/base/require.h"

namespace lockstep::numeric {
namespace {

// In place of NaN: far from everything that a plan computes, and its square is a float32.
constexpr float kFiniteGarbage = 0x1p40F;

bool has_nan(const Held& held) {
  for (std::int64_t r = 0; r < held->values.rows(); ++r) {
    if (std::ranges::any_of(held->values.row(r), [](float v) { return std::isnan(v); })) {
      return true;
    }
  }
  return false;
}

bool is_stored(const LocalTensor& tensor, Storage storage) {
  if (storage == Storage::float32) return true;
  const auto is_kept = [&](float v) { return std::isnan(v) || stored(v, storage) == v; };
  for (std::int64_t r = 0; r < tensor.values.rows(); ++r) {
    if (!std::ranges::all_of(tensor.values.row(r), is_kept)) return false;
  }
  return true;
}

Held corrupted(Held value, const Corruption& c) {
  const bool hits = value && c.row >= 0 && c.row < value->values.rows() && c.column >= 0 &&
                    c.column < value->values.columns();
  if (!hits) return value;
  LocalTensor changed = *value;
  changed.values(c.row, c.column) *= static_cast<float>(c.factor);
  return make_held(std::move(changed.columns), std::move(changed.values));
}

}  // namespace

// What is as it must be stays one object, which ranks share.
Held as_kept(Held value, const ReplayOptions& options) {
  if (value && !is_stored(*value, options.storage)) {
    value = make_held(value->columns, stored(value->values, options.storage));
  }
  if (options.garbage != Garbage::finite || !value || !has_nan(value)) return value;
  LocalTensor filled = *value;
  for (std::int64_t r = 0; r < filled.values.rows(); ++r) {
    for (float& v : filled.values.row(r)) {
      if (std::isnan(v)) v = kFiniteGarbage;
    }
  }
  return make_held(std::move(filled.columns), std::move(filled.values));
}

LocalRanks::LocalRanks(const Plan& plan, const ReplayOptions& options, Weights& weights,
                       PlanReference& reference, RecordChoice record)
    : plan_(plan),
      options_(options),
      reference_(reference),
      blocks_(plan, weights, reference, std::move(record), options.storage),
      held_(plan.tensors.size() * static_cast<std::size_t>(plan.world)) {}

std::size_t LocalRanks::place(TensorId tensor, int rank) const {
  return tensor.index() * static_cast<std::size_t>(plan_.world) + static_cast<std::size_t>(rank);
}

Held LocalRanks::held(TensorId tensor, int rank) { return held_[place(tensor, rank)]; }

void LocalRanks::put(TensorId tensor, int rank, Held value) {
  held_[place(tensor, rank)] = as_kept(std::move(value), options_);
}

void LocalRanks::write(int operation, std::size_t output, int rank, Held value) {
  for (const Corruption& c : options_.corruptions) {
    if (c.operation != operation || c.rank != rank || output != 0) continue;
    value = corrupted(std::move(value), c);
  }
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  put(op.out[output].tensor, rank, std::move(value));
}

void LocalRanks::receive(int operation, int rank, Held sent) {
  write(operation, 0, rank, std::move(sent));
}

// ---- local operations -------------------------------------------------------------------------

// Which entry of a rank table the result depends on.
int LocalRanks::rows_key(const Operation& op, int rank) const {
  const auto r = static_cast<std::size_t>(rank);
  if (op.kind == OpKind::copy_rows) return plan_.move_table(op.moves).of.index_of_rank[r];
  if (!is_nonlinear(op.kind)) return 0;
  return plan_.layout(Blocks::rows_of(plan_, op)).rows.index_of_rank[r];
}

// Attention also depends on the rank's cache, slices on its place in their group, and a program's
// function on all rows of an operand that has others than the result.
bool LocalRanks::depends_on_rank(const Operation& op) const {
  if (op.kind == OpKind::attention || op.kind == OpKind::lm_head) return true;
  if (op.kind == OpKind::slice_columns) return true;
  if (!is_of_program(op.kind)) return false;
  const auto is_sliced = [&](SpecId spec) { return plan_.spec(spec).columns_over.exists(); };
  return is_sliced(op.out.front().declared) || std::ranges::any_of(op.in, [&](const Operand& in) {
           return is_sliced(in.expect) || plan_.spec(in.expect).rows != Blocks::rows_of(plan_, op);
         });
}

void LocalRanks::compute(int operation, int rank) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  if (op.kind == OpKind::require) return;
  Memo asked;
  asked.operation = operation;
  for (const Operand& in : op.in) asked.in.push_back(held(in.tensor, rank));
  if (op.kind == OpKind::copy_rows) asked.in.push_back(held(op.out.front().tensor, rank));
  asked.rows = rows_key(op, rank);
  for (const Production& p : op.produces) asked.shares.push_back(share_key(plan_, p, rank));
  const bool known = !depends_on_rank(op) && memo_.out && memo_.operation == operation &&
                     memo_.in == asked.in && memo_.rows == asked.rows &&
                     memo_.shares == asked.shares;
  if (!known) {
    asked.out = as_kept(local_result(op, rank, asked.in), options_);
    memo_ = std::move(asked);
  }
  if (!op.out.empty()) write(operation, 0, rank, memo_.out);
}

Held LocalRanks::local_result(const Operation& op, int rank, std::span<const Held> in) {
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

// ---- collectives ------------------------------------------------------------------------------

void LocalRanks::exchange(const std::vector<Call>& calls) {
  const Operation& first = plan_.operations[static_cast<std::size_t>(calls.front().operation)];
  for (std::size_t output = 0; output < first.out.size(); ++output) {
    std::vector<Held> received = exchanged(calls, output);
    for (std::size_t i = 0; i < calls.size(); ++i) {
      write(calls[i].operation, output, calls[i].rank, std::move(received[i]));
    }
  }
}

std::vector<std::int64_t> LocalRanks::home_rows(std::span<const Call> calls,
                                                std::size_t output) const {
  std::vector<std::int64_t> rows;
  for (const Call& call : calls) {
    const Operation& op = plan_.operations[static_cast<std::size_t>(call.operation)];
    if (op.kind != OpKind::combine) break;
    const LayoutId home = plan_.spec(op.out[output].declared).rows;
    rows.push_back(static_cast<std::int64_t>(reference_.rows(home, call.rank).size()));
  }
  return rows;
}

std::vector<Held> LocalRanks::exchanged(const std::vector<Call>& calls, std::size_t output) {
  std::vector<Held> passed;
  for (const Call& call : calls) {
    const Operation& op = plan_.operations[static_cast<std::size_t>(call.operation)];
    passed.push_back(held(op.in[output].tensor, call.rank));
  }
  return numeric::exchange(plan_, calls, output, passed, home_rows(calls, output),
                           options_.storage);
}

}  // namespace lockstep::numeric

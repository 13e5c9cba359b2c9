#include "sim/contract/judge.h"

#include <algorithm>

#include "sim/base/require.h"

namespace lockstep::contract {
namespace {

// Walks the overlapping pieces of an expected row map and actual runs of equal length. `visit` gets
// the expected rows, the actual run cut to them, and returns false to stop.
template <class Visit>
void for_each_piece(const RowMap& expected, std::span<const Run> actual, Visit visit) {
  std::size_t run = 0;
  std::int64_t used = 0;
  for (const RowRun& want : expected) {
    for (std::int64_t done = 0; done < want.count;) {
      const Run& have = actual[run];
      const std::int64_t count = std::min(want.count - done, have.count - used);
      const RowRun rows{want.token == kPadding ? kPadding : want.token + done, count};
      const Run cut{have.token == kPadding ? kPadding : have.token + used, count, have.value};
      if (!visit(rows, cut)) return;
      done += count;
      used += count;
      if (used == have.count) {
        ++run;
        used = 0;
      }
    }
  }
}

}  // namespace

Judge::Judge(const Plan& plan, const Places& places, ValueTable& values, StateTable& states)
    : plan_(plan),
      places_(places),
      values_(values),
      states_(states),
      value_of_spec_(plan.specs.size(), ValueId::none()),
      references_(plan.specs.size()),
      column_count_of_spec_(plan.specs.size(), 0) {
  for (const Operation& op : plan.operations) {
    for (const Operand& in : op.in) {
      if (in.expect.exists()) {
        column_count_of_spec_[in.expect.index()] =
            plan.column_count(plan.tensor(in.tensor).columns);
      }
    }
    for (const Output& out : op.out) {
      column_count_of_spec_[out.declared.index()] =
          plan.column_count(plan.tensor(out.tensor).columns);
    }
  }
}

ValueId Judge::reference_value(SpecId spec) {
  ValueId& value = value_of_spec_[spec.index()];
  if (!value.exists()) value = values_.complete(plan_.spec(spec).terms);
  return value;
}

bool Judge::Owed::by(const RowRun& want, const Run& have) const {
  if (want.token == kPadding) return !padding.exists() || have.value == padding;
  return have.value == value && (value == kZero || have.token == want.token);
}

Judge::Owed Judge::owed(SpecId spec) {
  return {reference_value(spec), plan_.spec(spec).zero_padding ? kZero : ValueId::none()};
}

ColumnRange Judge::columns_of(const StateSpec& spec, int rank) const {
  const std::size_t index = static_cast<std::size_t>(&spec - plan_.specs.data());
  const std::int64_t count = column_count_of_spec_[index];
  if (!spec.columns_over.exists()) return {0, count};
  const Membership m = places_.membership(spec.columns_over, rank);
  const ShareRange slice = column_slice(count, m.index, static_cast<int>(m.members->size()));
  return {slice.first, slice.last};
}

StateId Judge::reference(SpecId spec_id, int rank) {
  const StateSpec& spec = plan_.spec(spec_id);
  const PerRank<RowMap>& rows = plan_.layout(spec.rows).rows;
  const bool cacheable = !spec.columns_over.exists();
  const auto row_map = static_cast<std::size_t>(rows.index_of_rank[static_cast<std::size_t>(rank)]);
  std::vector<StateId>& known = references_[spec_id.index()];
  if (known.empty()) known.resize(rows.distinct.size());
  StateId& cached = known[row_map];
  if (cacheable && cached.exists()) return cached;
  const ValueId value = reference_value(spec_id);
  const ValueId padding = spec.zero_padding ? kZero : kUndefined;
  runs_.clear();
  for (const RowRun& run : rows.distinct[row_map]) {
    const ValueId held = run.token == kPadding ? padding : value;
    append_run(runs_, {held == kZero ? kPadding : run.token, run.count, held});
  }
  const StateId state = states_.make(columns_of(spec, rank), runs_);
  if (cacheable) cached = state;
  return state;
}

bool Judge::columns_met(ColumnRange expected, StateId state) const {
  std::int64_t next = expected.first;
  for (std::size_t i = 0; i < states_.block_count(state); ++i) {
    const ColumnRange columns = states_.columns(states_.block(state, i));
    if (columns.first != next) return false;
    next = columns.last;
  }
  return next == expected.last;
}

bool Judge::block_met(const RowMap& expected, std::span<const Run> actual, Owed owed) const {
  if (lockstep::row_count(expected) != row_count(actual)) return false;
  bool met = true;
  for_each_piece(expected, actual, [&](const RowRun& want, const Run& have) {
    met = owed.by(want, have);
    return met;
  });
  return met;
}

bool Judge::met(SpecId spec_id, int rank, StateId sum) {
  if (sum == reference(spec_id, rank)) return true;
  const StateSpec& spec = plan_.spec(spec_id);
  const RowMap& expected = plan_.layout(spec.rows).rows.at(rank);
  if (!sum.exists()) {
    return std::ranges::all_of(
        expected, [&](const RowRun& r) { return r.token == kPadding && !spec.zero_padding; });
  }
  if (!columns_met(columns_of(spec, rank), sum)) return false;
  const Owed all = owed(spec_id);
  for (std::size_t i = 0; i < states_.block_count(sum); ++i) {
    if (!block_met(expected, states_.runs(states_.block(sum, i)), all)) return false;
  }
  return true;
}

void Judge::block_faults(const RowMap& expected, std::span<const Run> actual, Owed owed, int rank,
                         std::vector<RowFault>& out) const {
  if (lockstep::row_count(expected) != row_count(actual)) {
    out.push_back({FaultKind::layout, rank, {}, kUndefined, kPadding});
    return;
  }
  for_each_piece(expected, actual, [&](const RowRun& want, const Run& have) {
    if (owed.by(want, have)) return true;
    FaultKind kind = FaultKind::coefficients;
    if (have.value == kUndefined || want.token == kPadding) {
      kind = FaultKind::undefined;
    } else if (have.value != kZero) {
      const auto elements = values_.elements(have.value);
      const bool foreign = std::ranges::any_of(
          elements, [&](const Element& e) { return have.token + e.shift != want.token; });
      if (foreign) kind = FaultKind::rows;
    }
    out.push_back({kind, rank, want, have.value, have.token});
    return true;
  });
}

void Judge::faults(SpecId spec_id, int rank, StateId sum, std::vector<RowFault>& out) {
  const StateSpec& spec = plan_.spec(spec_id);
  const RowMap& expected = plan_.layout(spec.rows).rows.at(rank);
  if (!sum.exists()) {
    for (const RowRun& run : expected) {
      const bool owes = run.token != kPadding || spec.zero_padding;
      if (owes) out.push_back({FaultKind::undefined, rank, run, kUndefined, kPadding});
    }
    return;
  }
  if (!columns_met(columns_of(spec, rank), sum)) {
    out.push_back({FaultKind::layout, rank, {}, kUndefined, kPadding});
    return;
  }
  const Owed all = owed(spec_id);
  for (std::size_t i = 0; i < states_.block_count(sum); ++i) {
    block_faults(expected, states_.runs(states_.block(sum, i)), all, rank, out);
  }
}

}  // namespace lockstep::contract

// The operations of an Execution on forms: all ranks at once. Whatever is said here is what the
// other files would say rank by rank; where that is not certain, nothing is said.
#include <algorithm>

#include "sim/contract/execution.h"

namespace lockstep::contract {
namespace {

// True if every one of `readers` (empty: all) is a holder (empty: all).
bool covers(const RankSet& holders, const RankSet& readers) {
  if (holders.empty()) return true;
  if (readers.empty()) return false;
  return holders == readers ||
         std::ranges::all_of(readers.to_vector(), [&](int rank) { return holders.contains(rank); });
}

// Kinds that hand-written programs add are told rank by rank, but for those that are as simple as
// the older ones; so is every reduction but a sum.
bool has_form(const Operation& op) {
  if (op.kind <= OpKind::require) return op.reduction == Reduction::sum;
  return op.kind == OpKind::compute || op.kind == OpKind::linear ||
         op.kind == OpKind::slice_columns;
}

}  // namespace

// The form of `tensor` where it tells all that `readers` hold; none elsewhere.
FormId Execution::form_of(TensorId tensor, const RankSet& readers) {
  const Holding& holding = current_[tensor.index()];
  if (!holding.by_form()) return FormId::none();
  return covers(forms_.at(holding.form).holders, readers) ? holding.form : FormId::none();
}

// `form` becomes what its holders hold; the others keep what they have.
void Execution::put(TensorId tensor, FormId form) {
  Holding& holding = current_[tensor.index()];
  const RankSet holders = forms_.at(form).holders;
  const bool first = !holding.form.exists() && holding.states.empty();
  if (first || holders.empty()) {
    holding = {form, {}};
    return;
  }
  if (holding.by_form()) {
    if (const auto both = forms_.merged(form, holding.form)) {
      holding.form = *both;
      return;
    }
  }
  for (const int rank : holders.to_vector()) set_state(tensor, rank, forms_.state(form, rank));
}

// After an operation rank by rank: where all hold what was declared, that is a form again.
void Execution::find_form(int operation) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  for (const Output& out : op.out) {
    const StateSpec& spec = plan_.spec(out.declared);
    if (!who(op).empty() || spec.partial_over.exists()) continue;
    bool as_declared = true;
    for (int rank = 0; as_declared && rank < plan_.world; ++rank) {
      as_declared = state(out.tensor, rank) == judge_.reference(out.declared, rank);
    }
    if (!as_declared) continue;
    if (const auto form = forms_.reference(spec, judge_.column_count(out.declared))) {
      put(out.tensor, *form);
    }
  }
}

// ---- obligations ------------------------------------------------------------------------------

// Against `spec`, whose rows and columns `sum` has.
std::vector<FaultGroup> Execution::faults_by_form(FormId sum, SpecId spec,
                                                  std::span<const int> ranks) {
  const ValueId owed = judge_.reference_value(spec);
  const PerRank<RowMap>& rows = plan_.layout(plan_.spec(spec).rows).rows;
  std::vector<FaultGroup> groups;
  int last_map = -1;
  ValueId last_value;
  for (const int rank : ranks) {
    const ValueId value = forms_.value(sum, rank);
    if (value == owed || !forms_.rows().has_tokens(plan_.spec(spec).rows, rank)) continue;
    const int map = rows.index_of_rank[static_cast<std::size_t>(rank)];
    if (groups.empty() || map != last_map || value != last_value) {
      FaultGroup& group = groups.emplace_back();
      for (const RowRun& run : rows.at(rank)) {
        if (run.token == kPadding) continue;
        const std::int64_t token = value == kZero ? kPadding : run.token;
        group.faults.push_back({FaultKind::coefficients, rank, run, value, token});
      }
    }
    groups.back().ranks.push_back(rank);
    last_map = map;
    last_value = value;
  }
  return groups;
}

bool Execution::judge_by_form(int operation, int operand) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  const Operand& in = op.in[static_cast<std::size_t>(operand)];
  const StateSpec& spec = plan_.spec(in.expect);
  if (spec.zero_padding) return false;   // a form leaves padding undefined
  if (spec.terms.empty()) return false;  // and is a sum
  const FormId held = form_of(in.tensor, spec.partial_over.exists() ? RankSet() : who(op));
  if (!held.exists()) return false;
  const Form& form = forms_.at(held);
  const bool fits = form.plain() && form.columns_over == spec.columns_over &&
                    forms_.rows().same(form.rows, spec.rows);
  if (!fits) return false;
  const auto judged = static_cast<std::size_t>(who(op).empty() ? plan_.world : who(op).size());
  if (spec.partial_over.exists()) return judge_partial_by_form(operation, operand, held);
  if (forms_.common_value(held) == judge_.reference_value(in.expect)) {
    settle(operation, operand, {}, judged);
    return true;
  }
  const auto right = forms_.reference(spec, form.columns);
  if (!right) return false;
  std::vector<FaultGroup> groups = faults_by_form(held, in.expect, ranks_of(op));
  if (!groups.empty()) {
    // Those that are right hold the same already.
    Form repaired = forms_.at(*right);
    repaired.holders = who(op);
    put(in.tensor, forms_.add(std::move(repaired)));
  }
  settle(operation, operand, std::move(groups), judged);
  return true;
}

// Every part with a member among the ranks of the operation is judged, and repaired, as a whole.
bool Execution::judge_partial_by_form(int operation, int operand, FormId held) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  const Operand& in = op.in[static_cast<std::size_t>(operand)];
  const StateSpec& spec = plan_.spec(in.expect);
  const auto sum = forms_.sum_over(held, spec.partial_over, spec.rows);
  if (!sum) return false;
  const auto judged = static_cast<std::size_t>(who(op).empty() ? plan_.world : who(op).size());
  if (forms_.common_value(*sum) == judge_.reference_value(in.expect)) {
    settle(operation, operand, {}, judged);
    return true;
  }
  if (!who(op).empty()) return false;
  const auto right = forms_.reference(spec, forms_.at(held).columns);
  if (!right) return false;
  std::vector<int> ranks;
  for (const std::vector<int>& part : plan_.group(spec.partial_over).parts) {
    ranks.insert(ranks.end(), part.begin(), part.end());
  }
  std::vector<FaultGroup> groups = faults_by_form(*sum, in.expect, ranks);
  std::vector<int> wrong;
  for (const FaultGroup& group : groups) {
    wrong.insert(wrong.end(), group.ranks.begin(), group.ranks.end());
  }
  Form repaired = forms_.at(*right);
  repaired.holders = RankSet::of(wrong);
  if (!wrong.empty()) put(in.tensor, forms_.add(std::move(repaired)));
  settle(operation, operand, std::move(groups), judged);
  return true;
}

std::optional<std::vector<FaultGroup>> Execution::faults_of_form(int operation, int output,
                                                                 SpecId spec_id) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  const StateSpec& spec = plan_.spec(spec_id);
  const Holding& holding = written_[first_output_of_[static_cast<std::size_t>(operation)] +
                                    static_cast<std::size_t>(output)];
  if (!holding.by_form() || spec.terms.empty()) return std::nullopt;
  FormId sum = holding.form;
  if (spec.partial_over.exists()) {
    if (!who(op).empty()) return std::nullopt;
    const auto total = forms_.sum_over(sum, spec.partial_over, spec.rows);
    if (!total) return std::nullopt;
    sum = *total;
  }
  const Form& form = forms_.at(sum);
  const bool fits = form.plain() && form.columns_over == spec.columns_over &&
                    forms_.rows().same(form.rows, spec.rows);
  if (!fits) return std::nullopt;
  if (forms_.common_value(sum) == judge_.reference_value(spec_id)) {
    return std::vector<FaultGroup>{};
  }
  return faults_by_form(sum, spec_id, ranks_of(op));
}

// ---- operations -------------------------------------------------------------------------------

bool Execution::tell_by_form(int operation) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  if (op.kind == OpKind::require) return true;
  if (!has_form(op)) return false;
  std::optional<FormId> result = result_by_form(op);
  if (!result) return scatter_by_form(operation);
  if (forms_.at(*result).holders != who(op)) {
    Form narrowed = forms_.at(*result);
    narrowed.holders = who(op);
    result = forms_.add(std::move(narrowed));
  }
  written_[first_output_of_[static_cast<std::size_t>(operation)]] = {*result, {}};
  put(op.out.front().tensor, *result);
  return true;
}

// The result; its holders may be more than the ranks of the operation.
std::optional<FormId> Execution::result_by_form(const Operation& op) {
  const SpecId declared = op.out.front().declared;
  if (is_nonlinear(op.kind)) {
    return forms_.produced(who(op), rows_of_result(op), plan_.spec(declared).columns_over,
                           judge_.column_count(declared), op.produces);
  }
  std::vector<FormId> in;
  for (const Operand& operand : op.in) {
    in.push_back(form_of(operand.tensor, who(op)));
    if (!in.back().exists()) return std::nullopt;
  }
  switch (op.kind) {
    case OpKind::copy_rows:
      return forms_.copied(in[0], op.moves, op.fill, plan_.spec(declared).rows);
    case OpKind::add:
      return forms_.sum(in[0], in[1]);
    case OpKind::scale:
      return forms_.scaled(in[0], op.factor);
    case OpKind::slice_columns:
      return forms_.sliced(in[0], op.group);
    default:
      return whole_parts(op) ? collective_by_form(op, in[0]) : std::nullopt;
  }
}

// Every part is called by all of its members or by none: no call waits for another line.
bool Execution::whole_parts(const Operation& op) const {
  if (who(op).empty()) return true;
  return std::ranges::all_of(plan_.group(op.group).parts, [&](const std::vector<int>& part) {
    const bool first = who(op).contains(part.front());
    return std::ranges::all_of(part, [&](int rank) { return who(op).contains(rank) == first; });
  });
}

std::optional<FormId> Execution::collective_by_form(const Operation& op, FormId in) {
  const StateSpec& declared = plan_.spec(op.out.front().declared);
  RowLemmas& rows = forms_.rows();
  if (!rows.accepts(op, forms_.at(in).rows, forms_.at(in).moves)) return std::nullopt;
  if (op.kind == OpKind::all_reduce) return forms_.sum_over(in, op.group, declared.rows);
  if (!forms_.at(in).plain()) return std::nullopt;
  if (sums(op.kind)) {
    const auto total = forms_.sum_over(in, op.group, forms_.at(in).rows);
    if (!total || !rows.cuts_to(forms_.at(*total).rows, op, declared.rows)) return std::nullopt;
    Form cut = forms_.at(*total);
    cut.rows = declared.rows;
    return forms_.add(std::move(cut));
  }
  Form joined = forms_.at(in);
  const bool alike = std::ranges::all_of(joined.sum, [&](const Addend& a) {
    return forms_.patterns().same_in_parts(a.pattern, op.group);
  });
  if (!alike) return std::nullopt;
  if (op.kind == OpKind::all_gather && op.axis == Axis::columns) {
    if (joined.columns_over != op.group || !rows.same_in_parts(joined.rows, op.group)) {
      return std::nullopt;
    }
    joined.columns_over = GroupId::none();
    return forms_.add(std::move(joined));
  }
  if (joined.columns_over.exists() || !rows.joins_to(joined.rows, op.group, declared.rows)) {
    return std::nullopt;
  }
  joined.rows = declared.rows;
  return forms_.add(std::move(joined));
}

// A sum that a form tells, but whose chunks are no layout of the plan: one state for each part.
bool Execution::scatter_by_form(int operation) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  if (!is_collective(op.kind) || !sums(op.kind) || op.kind == OpKind::all_reduce) return false;
  const FormId in = form_of(op.in.front().tensor, RankSet());
  if (!in.exists() || !who(op).empty() || !forms_.at(in).plain()) return false;
  if (!forms_.rows().accepts(op, forms_.at(in).rows, MovesId::none())) return false;
  const auto total = forms_.sum_over(in, op.group, forms_.at(in).rows);
  if (!total) return false;
  const LayoutId home = plan_.spec(op.out.front().declared).rows;
  for (const std::vector<int>& part : plan_.group(op.group).parts) {
    const std::int64_t rows = forms_.row_count(*total, part.front());
    std::vector<std::int64_t> counts;
    for (std::size_t i = 0; i < part.size(); ++i) {
      counts.push_back(forms_.rows().chunk(op, part[i], i, rows, home));
    }
    const std::vector<StateId> chunks = states_.slices(forms_.state(*total, part.front()), counts);
    for (std::size_t i = 0; i < part.size(); ++i) write(operation, 0, part[i], chunks[i]);
  }
  return true;
}

}  // namespace lockstep::contract

#include "sim/contract/form.h"

#include <algorithm>

#include "sim/base/require.h"

namespace lockstep::contract {

FormTable::FormTable(const Plan& plan, const Places& places, ValueTable& values, StateTable& states)
    : plan_(plan),
      places_(places),
      values_(values),
      states_(states),
      patterns_(plan, places),
      rows_(plan, places) {}

FormId FormTable::add(Form form) {
  forms_.push_back({std::move(form), ValueId::none(), {}});
  return FormId{static_cast<std::int32_t>(forms_.size()) - 1};
}

std::optional<FormId> FormTable::add_closed(Form form) {
  if (!close(form.sum) || patterns_.overflowed()) return std::nullopt;
  return add(std::move(form));
}

void FormTable::add_term(std::vector<Addend>& sum, TermId term, PatternId pattern) {
  const auto at = std::ranges::lower_bound(sum, term, {}, &Addend::term);
  const bool known = at != sum.end() && at->term == term;
  const PatternId total = known ? patterns_.sum(at->pattern, pattern) : pattern;
  if (total == patterns_.nothing()) {
    if (known) sum.erase(at);
  } else if (known) {
    at->pattern = total;
  } else {
    sum.insert(at, {term, total});
  }
}

// ---- closed streams ---------------------------------------------------------------------------

// Whether ValueTable would fold the parts of a closing into its handle: on no rank, on all, or on
// some (or not by one coefficient).
FormTable::Closes FormTable::closes(int closing, const std::vector<Addend>& sum) {
  const Closing& c = plan_.closings[static_cast<std::size_t>(closing)];
  std::vector<PatternId> patterns;
  for (const TermId part : c.parts) {
    const auto found = std::ranges::lower_bound(sum, part, {}, &Addend::term);
    if (found == sum.end() || found->term != part) return Closes::never;
    patterns.push_back(found->pattern);
  }
  const auto key = std::pair(closing, patterns);
  const auto known = closes_.find(key);
  if (known != closes_.end()) return known->second;
  const auto on = [&](int rank) {
    std::optional<Rational> first;
    for (std::size_t i = 0; i < patterns.size(); ++i) {
      const auto here = patterns_.complete(patterns[i], rank, values_.shares_of(c.parts[i]));
      if (!here || (first && *first != *here)) return false;
      first = here;
    }
    return true;
  };
  const bool alike =
      std::ranges::all_of(patterns, [&](PatternId p) { return patterns_.is_uniform(p); });
  Closes answer = Closes::never;
  if (alike) {
    answer = on(0) ? Closes::always : Closes::never;
  } else {
    for (int rank = 0; rank < plan_.world && answer == Closes::never; ++rank) {
      if (on(rank)) answer = Closes::sometimes;
    }
  }
  return closes_.emplace(key, answer).first->second;
}

// As ValueTable folds a value; false if it would do so on some ranks only.
bool FormTable::close(std::vector<Addend>& sum) {
  for (std::size_t i = 0; i < sum.size();) {
    const int closing = values_.closing_that_begins_with(sum[i].term);
    const Closes answer = closing < 0 ? Closes::never : closes(closing, sum);
    if (answer == Closes::sometimes) return false;
    if (answer == Closes::never) {
      ++i;
      continue;
    }
    const Closing& c = plan_.closings[static_cast<std::size_t>(closing)];
    const auto times = patterns_.complete(sum[i].pattern, 0, values_.shares_of(sum[i].term));
    std::erase_if(
        sum, [&](const Addend& a) { return std::ranges::find(c.parts, a.term) != c.parts.end(); });
    add_term(sum, c.handle, patterns_.whole(values_.shares_of(c.handle), *times));
    i = 0;
  }
  return true;
}

// ---- operations -------------------------------------------------------------------------------

std::optional<FormId> FormTable::produced(const RankSet& holders, LayoutId rows,
                                          GroupId columns_over, std::int64_t columns,
                                          const std::vector<Production>& produces) {
  Form form{holders, rows, columns_over, columns, {}, {}, Fill::zero};
  for (const Production& p : produces) {
    const bool again =
        std::ranges::any_of(form.sum, [&](const Addend& a) { return a.term == p.term; });
    if (!adds_up(p.term) && (again || p.placement.exists())) return std::nullopt;
    add_term(form.sum, p.term, patterns_.produced(p));
  }
  return add_closed(std::move(form));
}

std::optional<FormId> FormTable::reference(const StateSpec& spec, std::int64_t columns) {
  const bool adds = std::ranges::all_of(spec.terms, [this](TermId t) { return adds_up(t); });
  if (spec.terms.empty() || (spec.partial_over.exists() && !adds)) return std::nullopt;
  Form form{{}, spec.rows, spec.columns_over, columns, {}, {}, Fill::zero};
  for (const TermId term : spec.terms) {
    add_term(form.sum, term, patterns_.whole(values_.shares_of(term)));
  }
  if (!close(form.sum)) return std::nullopt;
  if (spec.partial_over.exists()) {
    for (Addend& a : form.sum) {
      a.pattern = patterns_.first_of_part(spec.partial_over, values_.shares_of(a.term));
    }
  }
  return add(std::move(form));
}

std::optional<FormId> FormTable::sum(FormId a, FormId b) {
  const Form& left = at(a);
  const Form& right = at(b);
  const bool fits = left.plain() && right.plain() && left.columns_over == right.columns_over &&
                    left.columns == right.columns && rows_.same(left.rows, right.rows);
  if (!fits || !(only_adds_up(left) || only_adds_up(right))) return std::nullopt;
  Form total = left;
  for (const Addend& more : right.sum) add_term(total.sum, more.term, more.pattern);
  return add_closed(std::move(total));
}

std::optional<FormId> FormTable::scaled(FormId id, Rational factor) {
  if (!at(id).plain()) return std::nullopt;
  Form form = at(id);
  std::vector<Addend> sum;
  for (const Addend& a : form.sum) add_term(sum, a.term, patterns_.scaled(a.pattern, factor));
  form.sum = std::move(sum);
  return add_closed(std::move(form));
}

std::optional<FormId> FormTable::sliced(FormId id, GroupId columns_over) {
  if (!at(id).plain() || at(id).columns_over.exists()) return std::nullopt;
  Form form = at(id);
  form.columns_over = columns_over;
  return add(std::move(form));
}

bool FormTable::only_adds_up(const Form& form) const {
  return std::ranges::all_of(form.sum, [this](const Addend& a) { return adds_up(a.term); });
}

std::optional<FormId> FormTable::copied(FormId id, MovesId moves, Fill fill, LayoutId declared) {
  if (!at(id).plain() || fill == Fill::keep) return std::nullopt;
  Form form = at(id);
  if (rows_.copies_to(form.rows, moves, fill, declared)) {
    form.rows = declared;
  } else {
    form.moves = moves;
    form.fill = fill;
  }
  return add(std::move(form));
}

std::optional<FormId> FormTable::sum_over(FormId id, GroupId group, LayoutId declared) {
  Form form = at(id);
  // Members with other columns add up what does not belong together: no form tells that.
  if (!only_adds_up(form) || form.columns_over.exists()) return std::nullopt;
  if (form.plain()) {
    if (!rows_.same_in_parts(form.rows, group)) return std::nullopt;
    std::vector<Addend> sum;
    for (const Addend& a : form.sum) add_term(sum, a.term, patterns_.sum_over(a.pattern, group));
    form.sum = std::move(sum);
    return add_closed(std::move(form));
  }
  if (form.fill != Fill::zero) return std::nullopt;
  const Tiling* tiling = rows_.tiling(form.rows, form.moves, group, declared);
  if (tiling == nullptr) return std::nullopt;
  std::vector<Addend> sum;
  for (const Addend& a : form.sum) {
    const std::optional<PatternId> of_class = patterns_.sum_of_class(a.pattern, *tiling);
    if (!of_class) return std::nullopt;
    add_term(sum, a.term, *of_class);
  }
  form.sum = std::move(sum);
  form.rows = declared;
  form.moves = MovesId::none();
  return add_closed(std::move(form));
}

std::optional<FormId> FormTable::merged(FormId inside, FormId outside) {
  const Form& in = at(inside);
  const Form& out = at(outside);
  if (in.holders.empty()) return inside;
  const bool fits = in.moves == out.moves && (in.plain() || in.fill == out.fill) &&
                    in.columns_over == out.columns_over && in.columns == out.columns &&
                    rows_.same(in.rows, out.rows);
  if (!fits) return std::nullopt;
  Form both = in;
  both.sum.clear();
  const auto pattern_in = [&](const Form& form, TermId term) {
    const auto found = std::ranges::lower_bound(form.sum, term, {}, &Addend::term);
    return found != form.sum.end() && found->term == term ? found->pattern : patterns_.nothing();
  };
  const auto take = [&](TermId term) {
    return patterns_.where(in.holders, pattern_in(in, term), pattern_in(out, term));
  };
  for (const Addend& a : in.sum) add_term(both.sum, a.term, take(a.term));
  for (const Addend& a : out.sum) {
    const bool done = std::ranges::binary_search(in.sum, a.term, {}, &Addend::term);
    if (!done) add_term(both.sum, a.term, take(a.term));
  }
  both.holders = {};
  if (!out.holders.empty()) {
    std::vector<int> ranks = in.holders.to_vector();
    for (const int rank : out.holders.to_vector()) ranks.push_back(rank);
    RankSet holders = RankSet::of(ranks);
    if (holders.size() < plan_.world) both.holders = std::move(holders);
  }
  return add(std::move(both));
}

// ---- values and states ------------------------------------------------------------------------

bool FormTable::uniform(const Form& form) const {
  return std::ranges::all_of(form.sum,
                             [&](const Addend& a) { return patterns_.is_uniform(a.pattern); });
}

ValueId FormTable::common_value(FormId id) {
  Entry& entry = forms_[id.index()];
  if (!entry.common.exists() && uniform(entry.form)) entry.common = value(id, 0);
  return entry.common;
}

ValueId FormTable::value(FormId id, int rank) {
  const Entry& entry = forms_[id.index()];
  if (entry.common.exists()) return entry.common;
  elements_.clear();
  for (const Addend& a : entry.form.sum) {
    for (const Piece& p : patterns_.pieces(a.pattern, rank)) {
      elements_.push_back({0, a.term, p.first, p.last, p.coefficient});
    }
  }
  return values_.sum_of(elements_);
}

ColumnRange FormTable::columns_of(const Form& form, int rank) const {
  if (!form.columns_over.exists()) return {0, form.columns};
  const Membership m = places_.membership(form.columns_over, rank);
  const ShareRange slice = column_slice(form.columns, m.index, static_cast<int>(m.members->size()));
  return {slice.first, slice.last};
}

StateId FormTable::plain_state(FormId id, int rank) {
  const ValueId common = common_value(id);
  Entry& entry = forms_[id.index()];
  const PerRank<RowMap>& rows = plan_.layout(entry.form.rows).rows;
  const auto map = static_cast<std::size_t>(rows.index_of_rank[static_cast<std::size_t>(rank)]);
  const bool keeps = common.exists() && !entry.form.columns_over.exists();
  if (keeps && entry.states.empty()) entry.states.resize(rows.distinct.size());
  if (keeps && entry.states[map].exists()) return entry.states[map];
  const ValueId held = value(id, rank);
  runs_.clear();
  for (const RowRun& run : rows.distinct[map]) {
    append_run(runs_, {run.token, run.count, run.token == kPadding ? kUndefined : held});
  }
  const StateId state = states_.make(columns_of(entry.form, rank), runs_);
  if (keeps) entry.states[map] = state;
  return state;
}

StateId FormTable::state(FormId id, int rank) {
  const Form& form = at(id);
  if (!form.holders.empty() && !form.holders.contains(rank)) return StateId::none();
  const StateId plain = plain_state(id, rank);
  if (form.plain()) return plain;
  return states_.copy(plain, StateId::none(), plan_.move_table(form.moves).of.at(rank), form.fill,
                      columns_of(form, rank));
}

std::int64_t FormTable::row_count(FormId id, int rank) {
  const Form& form = at(id);
  return form.plain() ? rows_.row_count(form.rows, rank)
                      : plan_.move_table(form.moves).of.at(rank).rows_out;
}

}  // namespace lockstep::contract

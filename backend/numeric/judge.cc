#include "backend/numeric/judge.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "backend/numeric/reduction.h"

namespace lockstep::numeric {
namespace {

std::size_t executing_ranks(const Plan& plan, const Operation& op) {
  return static_cast<std::size_t>(op.ranks.empty() ? plan.world : op.ranks.size());
}

// One object, or two of the same numbers: those that several processes hold are never one object.
bool are_equal(const Held& a, const Held& b) {
  if (a == b) return true;
  if (!a || !b || a->columns != b->columns || a->values.rows() != b->values.rows()) return false;
  const auto same = [](float x, float y) { return x == y || (std::isnan(x) && std::isnan(y)); };
  for (std::int64_t r = 0; r < a->values.rows(); ++r) {
    if (!std::ranges::equal(a->values.row(r), b->values.row(r), same)) return false;
  }
  return true;
}

// Column of the largest element; the lowest of equals. -1 if an element is no number.
std::int64_t top(std::span<const double> row) {
  if (std::ranges::any_of(row, [](double v) { return std::isnan(v); })) return -1;
  return std::ranges::max_element(row) - row.begin();
}

// Whether the likeliest word is the reference's, or one that rounding may take for it: each of two
// elements may be off by a tolerance of the row's root mean square (row_error()).
bool is_word_kept(std::span<const double> actual, std::span<const double> target,
                  double tolerance) {
  const std::int64_t own = top(actual);
  const std::int64_t wanted = top(target);
  if (own == wanted) return true;
  if (own < 0 || wanted < 0) return false;
  double squares = 0;
  for (const double v : target) squares += v * v;
  const double size = std::sqrt(squares / static_cast<double>(target.size()));
  const double gap =
      target[static_cast<std::size_t>(wanted)] - target[static_cast<std::size_t>(own)];
  return gap <= 2 * tolerance * size;
}

}  // namespace

Judge::Judge(const Plan& plan, const ReplayOptions& options, PlanReference& reference, Ranks& ranks)
    : plan_(plan),
      options_(options),
      reference_(reference),
      ranks_(ranks),
      tolerance_(tolerance_of(plan, options.storage)) {}

void Judge::judge(int operation, const std::vector<int>& ranks) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  for (std::size_t i = 0; i < op.in.size(); ++i) {
    if (op.in[i].expect.exists()) judge_operand(operation, static_cast<int>(i), ranks);
  }
}

void Judge::judge_operand(int operation, int operand, const std::vector<int>& ranks) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  const Operand& in = op.in[static_cast<std::size_t>(operand)];
  SoFar now;
  if (plan_.spec(in.expect).partial_over.exists()) {
    judge_parts(operation, operand, ranks, now);
  } else {
    judge_ranks(in, ranks, now);
  }
  const std::vector<Judged> judged = now.judged;
  tell(operation, operand, std::move(now));
  if (op.boundary || op.kind == OpKind::norm) follow(in.expect, judged);
  if (options_.propagate) return note_words(in.expect, judged);
  for (const Judged& one : judged) {
    if (!one.part_met) repair(in, one);
  }
}

// Ranks may come to an obligation one after the other; it is told as one.
void Judge::tell(int operation, int operand, SoFar now) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  SoFar& all = so_far_[{operation, operand}];
  all.ranks += now.ranks;
  std::ranges::move(now.judged, std::back_inserter(all.judged));
  if (all.ranks < executing_ranks(plan_, op)) return;
  const Operand& in = op.in[static_cast<std::size_t>(operand)];
  Comparison& c = comparisons_.emplace_back(comparison_of(in, all.judged));
  c.operation = operation;
  c.operand = operand;
  c.site = op.site;
  c.boundary = op.boundary;
  so_far_.erase({operation, operand});
}

// Ranks that hold the same and owe the same rows are judged once.
void Judge::judge_ranks(const Operand& operand, const std::vector<int>& ranks, SoFar& now) {
  const StateSpec& spec = plan_.spec(operand.expect);
  const std::vector<int>& rows = plan_.layout(spec.rows).rows.index_of_rank;
  std::vector<std::pair<Held, int>> seen;
  now.ranks = ranks.size();
  for (const int rank : ranks) {
    const std::pair<Held, int> key{ranks_.held(operand.tensor, rank),
                                   rows[static_cast<std::size_t>(rank)]};
    const auto same = std::ranges::find_if(seen, [&](const std::pair<Held, int>& other) {
      return other.second == key.second && are_equal(other.first, key.first);
    });
    if (same != seen.end() && !spec.columns_over.exists()) {
      now.judged[static_cast<std::size_t>(same - seen.begin())].ranks.push_back(rank);
      continue;
    }
    seen.push_back(key);
    Judged& one = now.judged.emplace_back();
    one.ranks = {rank};
    one.actual = sum<double>({&key.first, 1});
    one.target = reference_.target(operand.expect, plan_.tensor(operand.tensor).columns, rank);
    one.measured = measure(one.actual, one.target, kDecisive * tolerance_);
    one.part_met = met(one);
  }
}

// The holders of a partial value are judged together, by what they had when they came.
void Judge::judge_parts(int operation, int operand, const std::vector<int>& ranks, SoFar& now) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  const Operand& in = op.in[static_cast<std::size_t>(operand)];
  const std::vector<std::vector<int>>& parts =
      plan_.group(plan_.spec(in.expect).partial_over).parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    std::map<int, Held>& come = gathering_[{operation, operand, i}];
    const auto is_here = [&](int r) { return std::ranges::binary_search(ranks, r); };
    const auto ever_comes = [&](int r) { return executes(op, r); };
    for (const int rank : parts[i]) {
      if (is_here(rank)) come.emplace(rank, ranks_.held(in.tensor, rank));
    }
    const auto expected = std::ranges::count_if(parts[i], ever_comes);
    if (come.empty() || static_cast<std::ptrdiff_t>(come.size()) < expected) continue;
    now.ranks += come.size();
    judge_part(op, in, parts[i], come, now);
    gathering_.erase({operation, operand, i});
  }
}

void Judge::judge_part(const Operation& op, const Operand& operand, const std::vector<int>& part,
                       const std::map<int, Held>& come, SoFar& now) {
  const StateSpec& spec = plan_.spec(operand.expect);
  std::vector<Held> all;
  std::map<int, Judged> by_rows;
  for (const int rank : part) {
    const auto own = come.find(rank);
    all.push_back(own != come.end() ? own->second : ranks_.held(operand.tensor, rank));
    Judged& one =
        by_rows[plan_.layout(spec.rows).rows.index_of_rank[static_cast<std::size_t>(rank)]];
    one.ranks.push_back(rank);
    one.held.push_back(all.back());
  }
  // A product of parts is a part of the product only where the parts add up.
  const Reduction way = op.kind == OpKind::linear ? Reduction::sum : way_to_combine(plan_, spec);
  const Sum<double> actual = combined(all, way);
  bool all_met = true;
  for (auto& [rows, one] : by_rows) {
    one.members = part.size();
    one.leads = one.ranks.front() == part.front();
    one.actual = actual;
    one.target =
        reference_.target(operand.expect, plan_.tensor(operand.tensor).columns, one.ranks.front());
    one.measured = measure(one.actual, one.target, kDecisive * tolerance_);
    all_met = all_met && met(one);
  }
  for (auto& [rows, one] : by_rows) {
    one.part_met = all_met;
    now.judged.push_back(std::move(one));
  }
}

Comparison Judge::comparison_of(const Operand& operand, const std::vector<Judged>& judged) const {
  Comparison c;
  std::vector<int> wrong;
  double worst = 0;
  for (const Judged& one : judged) {
    worst = std::max(worst, one.measured.worst_row);
    c.relative_error = std::max(c.relative_error, one.measured.relative);
    if (!met(one)) {
      wrong.insert(wrong.end(), one.ranks.begin(), one.ranks.end());
    }
  }
  c.met = wrong.empty();
  c.inconclusive = c.met && worst > tolerance_;
  c.wrong = RankSet::of(wrong);
  std::vector<Sample> samples;
  for (const Judged& one : judged) {
    if (!one.measured.fits || one.actual.columns.empty()) continue;
    samples.push_back({&one.actual, &one.target, c.met ? one.measured.real : one.measured.wrong});
  }
  const bool owes_rows =
      std::ranges::any_of(judged, [](const Judged& j) { return !j.measured.real.empty(); });
  if (!owes_rows) return c;
  const Fit found = fit(samples);
  c.scale = found.scale;
  c.error_after_scale = found.error_after_scale;
  const std::vector<TermId>& terms = plan_.spec(operand.expect).terms;
  for (std::size_t i = 0; i < terms.size() && i < found.terms.size(); ++i) {
    c.terms.push_back({plan_.term(terms[i]).name, found.terms[i]});
  }
  return c;
}

// Of a partial sum the first member holds the whole from here on, the others zero; of a maximum
// each holds it all, of a logsumexp each an equal part. A member that has gone on and written
// something else keeps that.
void Judge::repair(const Operand& operand, const Judged& judged) {
  const StateSpec& spec = plan_.spec(operand.expect);
  const Held right = PlanReference::held(judged.target);
  if (!spec.partial_over.exists()) {
    for (const int rank : judged.ranks) ranks_.put(operand.tensor, rank, right);
    return;
  }
  const Reduction way = way_to_combine(plan_, spec);
  const auto size = static_cast<double>(judged.members);
  const Held others = way == Reduction::sum ? scaled(right, 0.0) : right;
  const Held equal = PlanReference::held_shifted(judged.target, -std::log(size));
  for (std::size_t i = 0; i < judged.ranks.size(); ++i) {
    if (!are_equal(ranks_.held(operand.tensor, judged.ranks[i]), judged.held[i])) continue;
    const Held& own = way == Reduction::logsumexp ? equal : i == 0 && judged.leads ? right : others;
    ranks_.put(operand.tensor, judged.ranks[i], own);
  }
}

// Lets the reference continue from what was right: the stream before a block, and what a block
// added to it. Each block is then compared with the reference applied to that block's actual input,
// and rounding does not grow with depth. A wrong row is never followed.
void Judge::follow(SpecId spec, const std::vector<Judged>& judged) {
  if (plan_.spec(spec).columns_over.exists()) return;
  for (const Judged& one : judged) {
    const bool is_wide = one.target.columns.size() == plan_.model.hidden_size;
    if (!is_wide || !one.measured.fits || !met(one)) continue;
    for (const std::int64_t r : one.measured.real) {
      follow_row(spec, one.target.rows[static_cast<std::size_t>(r)], one.actual.values.row(r));
    }
  }
}

void Judge::follow_row(SpecId spec, std::int64_t row, std::span<const double> actual) {
  if (const auto stream = reference_.stream(spec)) {
    reference_.reference().replace_stream(*stream, row, actual);
    return;
  }
  const auto block = reference_.contribution(spec);
  if (!block) return;
  std::vector<double> added(actual.begin(), actual.end());
  for (const Matrix<double>* residual : block->residual) {
    for (std::size_t c = 0; c < added.size(); ++c) added[c] -= residual->row(row)[c];
  }
  reference_.reference().replace_contribution(block->step, block->layer, block->half, row, added);
}

// Whether the likeliest next word of each token is still the reference's. The logits are judged
// more than once on their way; the last time counts.
void Judge::note_words(SpecId id, const std::vector<Judged>& judged) {
  const StateSpec& spec = plan_.spec(id);
  const bool are_logits = std::ranges::all_of(
      spec.terms, [&](TermId t) { return plan_.term(t).kind == TermKind::logits; });
  if (spec.terms.empty() || !are_logits || spec.columns_over.exists()) return;
  const int step = plan_.term(spec.terms.front()).step;
  std::map<std::int64_t, bool> changed;
  for (const Judged& one : judged) {
    const std::vector<std::int64_t>& tokens = reference_.rows(spec.rows, one.ranks.front());
    for (const std::int64_t r : one.measured.real) {
      const bool same = one.measured.fits && is_word_kept(one.actual.values.row(r),
                                                          target_row(one.target, r), tolerance_);
      bool& differs = changed[tokens[static_cast<std::size_t>(r)]];
      differs = differs || !same;
    }
  }
  for (const auto& [token, differs] : changed) word_changed_[{step, token}] = differs;
}

// An obligation to which not all ranks came is told by nobody, but those that came owed it.
bool Judge::come_late_and_unmet() const {
  return std::ranges::any_of(so_far_, [&](const auto& entry) {
    return !std::ranges::all_of(entry.second.judged, [&](const Judged& one) { return met(one); });
  });
}

bool Judge::is_gathering(int rank) const {
  return std::ranges::any_of(gathering_,
                             [&](const auto& entry) { return entry.second.contains(rank); });
}

std::vector<StepWords> Judge::words() const {
  std::vector<StepWords> all;
  for (const auto& [token, changed] : word_changed_) {
    if (all.empty() || all.back().step != token.first) all.push_back({token.first, 0, 0});
    ++all.back().total;
    if (changed) ++all.back().changed;
  }
  return all;
}

ReplayResult Judge::result() {
  ReplayResult result;
  std::ranges::stable_sort(comparisons_, {},
                           [](const Comparison& c) { return std::pair(c.operation, c.operand); });
  result.words = words();
  result.tolerance = tolerance_;
  if (come_late_and_unmet() || !std::ranges::all_of(comparisons_, &Comparison::met)) {
    result.verdict = ReplayVerdict::diverges;
  } else if (std::ranges::any_of(comparisons_, &Comparison::inconclusive)) {
    result.verdict = ReplayVerdict::inconclusive;
  }
  result.comparisons = std::move(comparisons_);
  return result;
}

}  // namespace lockstep::numeric

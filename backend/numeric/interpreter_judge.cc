// The obligations of an Interpreter: measuring, repairing, and following what was computed.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "backend/numeric/interpreter.h"
#include "backend/numeric/reduction.h"

namespace lockstep::numeric {
namespace {

std::size_t executing_ranks(const Plan& plan, const Operation& op) {
  return static_cast<std::size_t>(op.ranks.empty() ? plan.world : op.ranks.size());
}

// Column of the largest element; the lowest of equals. -1 if an element is no number.
std::int64_t top(std::span<const double> row) {
  if (std::ranges::any_of(row, [](double v) { return std::isnan(v); })) return -1;
  return std::ranges::max_element(row) - row.begin();
}

}  // namespace

void Interpreter::judge(int operation, const std::vector<int>& ranks) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  for (std::size_t i = 0; i < op.in.size(); ++i) {
    if (op.in[i].expect.exists()) judge_operand(operation, static_cast<int>(i), ranks);
  }
}

void Interpreter::judge_operand(int operation, int operand, const std::vector<int>& ranks) {
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
    if (!one.measured.met(kDecisive * tolerance_)) repair(op, in, one);
  }
}

// Ranks may come to an obligation one after the other; it is told as one.
void Interpreter::tell(int operation, int operand, SoFar now) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  SoFar& all = so_far_[{operation, operand}];
  all.ranks += now.ranks;
  std::ranges::move(now.judged, std::back_inserter(all.judged));
  if (all.ranks < executing_ranks(plan_, op)) return;
  const Operand& in = op.in[static_cast<std::size_t>(operand)];
  Comparison& c = result_.comparisons.emplace_back(comparison_of(in, all.judged));
  c.operation = operation;
  c.operand = operand;
  c.site = op.site;
  c.boundary = op.boundary;
  so_far_.erase({operation, operand});
}

// Ranks that hold the same object and owe the same rows are judged once.
void Interpreter::judge_ranks(const Operand& operand, const std::vector<int>& ranks, SoFar& now) {
  const StateSpec& spec = plan_.spec(operand.expect);
  const std::vector<int>& rows = plan_.layout(spec.rows).rows.index_of_rank;
  std::vector<std::pair<Held, int>> seen;
  now.ranks = ranks.size();
  for (const int rank : ranks) {
    const std::pair<Held, int> key{held(operand.tensor, rank),
                                   rows[static_cast<std::size_t>(rank)]};
    const auto same = std::ranges::find(seen, key);
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
  }
}

// The holders of a partial value are judged together, by what they had when they came.
void Interpreter::judge_parts(int operation, int operand, const std::vector<int>& ranks,
                              SoFar& now) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  const Operand& in = op.in[static_cast<std::size_t>(operand)];
  const std::vector<std::vector<int>>& parts =
      plan_.group(plan_.spec(in.expect).partial_over).parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    std::map<int, Held>& come = gathering_[{operation, operand, i}];
    const auto is_here = [&](int r) { return std::ranges::binary_search(ranks, r); };
    const auto ever_comes = [&](int r) { return executes(op, r); };
    for (const int rank : parts[i]) {
      if (is_here(rank)) come.emplace(rank, held(in.tensor, rank));
    }
    const auto expected = std::ranges::count_if(parts[i], ever_comes);
    if (come.empty() || static_cast<std::ptrdiff_t>(come.size()) < expected) continue;
    now.ranks += come.size();
    now.judged.push_back(judge_part(op, in, parts[i], come));
    gathering_.erase({operation, operand, i});
  }
}

Interpreter::Judged Interpreter::judge_part(const Operation& op, const Operand& operand,
                                            const std::vector<int>& part,
                                            const std::map<int, Held>& come) {
  Judged one;
  one.ranks = part;
  for (const int rank : part) {
    const auto own = come.find(rank);
    one.held.push_back(own != come.end() ? own->second : held(operand.tensor, rank));
  }
  // A product of parts is a part of the product only where the parts add up.
  const Reduction way = op.kind == OpKind::linear
                            ? Reduction::sum
                            : way_to_combine(plan_, plan_.spec(operand.expect));
  one.actual = combined(one.held, way);
  one.target =
      reference_.target(operand.expect, plan_.tensor(operand.tensor).columns, part.front());
  one.measured = measure(one.actual, one.target, kDecisive * tolerance_);
  return one;
}

Comparison Interpreter::comparison_of(const Operand& operand,
                                      const std::vector<Judged>& judged) const {
  Comparison c;
  std::vector<int> wrong;
  double worst = 0;
  for (const Judged& one : judged) {
    worst = std::max(worst, one.measured.worst_row);
    c.relative_error = std::max(c.relative_error, one.measured.relative);
    if (!one.measured.met(kDecisive * tolerance_)) {
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
// something else keeps that. Before a product the parts are equal ones: no rank makes it all.
void Interpreter::repair(const Operation& op, const Operand& operand, const Judged& judged) {
  const StateSpec& spec = plan_.spec(operand.expect);
  const Held right = PlanReference::held(judged.target);
  if (!spec.partial_over.exists()) {
    for (const int rank : judged.ranks) held(operand.tensor, rank) = right;
    return;
  }
  const Reduction way = way_to_combine(plan_, spec);
  const auto size = static_cast<double>(judged.ranks.size());
  const Held others = way == Reduction::sum ? scaled(right, 0.0) : right;
  const Held equal = PlanReference::held_shifted(judged.target, -std::log(size));
  for (std::size_t i = 0; i < judged.ranks.size(); ++i) {
    Held& own = held(operand.tensor, judged.ranks[i]);
    if (own != judged.held[i]) continue;
    own = i == 0 ? right : others;
    if (way == Reduction::logsumexp) own = equal;
    if (op.kind == OpKind::linear) own = scaled(right, 1.0 / size);
  }
}

// Lets the reference continue from what was right: the stream before a block, and what a block
// added to it. Each block is then compared with the reference applied to that block's actual input,
// and rounding does not grow with depth. A wrong row is never followed.
void Interpreter::follow(SpecId spec, const std::vector<Judged>& judged) {
  if (plan_.spec(spec).columns_over.exists()) return;
  for (const Judged& one : judged) {
    if (!one.measured.fits || !one.measured.met(kDecisive * tolerance_)) continue;
    for (const std::int64_t r : one.measured.real) {
      follow_row(spec, one.target.rows[static_cast<std::size_t>(r)], one.actual.values.row(r));
    }
  }
}

void Interpreter::follow_row(SpecId spec, std::int64_t row, std::span<const double> actual) {
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
void Interpreter::note_words(SpecId id, const std::vector<Judged>& judged) {
  const StateSpec& spec = plan_.spec(id);
  const bool are_logits = std::ranges::all_of(
      spec.terms, [&](TermId t) { return plan_.term(t).kind == TermKind::logits; });
  if (spec.terms.empty() || !are_logits || spec.columns_over.exists()) return;
  std::map<std::int64_t, bool> changed;
  for (const Judged& one : judged) {
    const std::vector<std::int64_t>& tokens = reference_.rows(spec.rows, one.ranks.front());
    for (const std::int64_t r : one.measured.real) {
      const bool same =
          one.measured.fits && top(one.actual.values.row(r)) == top(target_row(one.target, r));
      bool& differs = changed[tokens[static_cast<std::size_t>(r)]];
      differs = differs || !same;
    }
  }
  for (const auto& [token, differs] : changed) word_changed_[token] = differs;
}

// An obligation to which not all ranks came is told by nobody, but those that came owed it.
bool Interpreter::come_late_and_unmet() const {
  return std::ranges::any_of(so_far_, [&](const auto& entry) {
    return std::ranges::any_of(entry.second.judged, [&](const Judged& one) {
      return !one.measured.met(kDecisive * tolerance_);
    });
  });
}

void Interpreter::finish() {
  stop_for_waiting();
  stop_for_waiting_peers();
  std::ranges::stable_sort(result_.comparisons, {},
                           [](const Comparison& c) { return std::pair(c.operation, c.operand); });
  for (const auto& [token, changed] : word_changed_) {
    ++result_.tokens_total;
    if (changed) ++result_.tokens_changed;
  }
  result_.tolerance = tolerance_;
  const auto& all = result_.comparisons;
  if (result_.stopped_at >= 0) {
    result_.verdict = ReplayVerdict::stopped;
  } else if (come_late_and_unmet() || !std::ranges::all_of(all, &Comparison::met)) {
    result_.verdict = ReplayVerdict::diverges;
  } else if (std::ranges::any_of(all, &Comparison::inconclusive)) {
    result_.verdict = ReplayVerdict::inconclusive;
  }
}

}  // namespace lockstep::numeric

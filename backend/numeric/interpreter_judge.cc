// The obligations of an Interpreter: measuring, repairing, and following what was computed.
#include <algorithm>
#include <cmath>
#include <limits>

#include "backend/numeric/interpreter.h"
#include "backend/numeric/reduction.h"

namespace lockstep::numeric {
namespace {

std::size_t executing_ranks(const Plan& plan, const Operation& op) {
  return static_cast<std::size_t>(op.ranks.empty() ? plan.world : op.ranks.size());
}

bool any_of_part(const std::vector<int>& part, const std::vector<int>& ranks) {
  return std::ranges::any_of(part, [&](int r) { return std::ranges::binary_search(ranks, r); });
}

// Column of the largest element; the lowest of equals. -1 if an element is no number.
std::int64_t top(std::span<const double> row) {
  if (std::ranges::any_of(row, [](double v) { return std::isnan(v); })) return -1;
  return std::ranges::max_element(row) - row.begin();
}

}  // namespace

// The comparison of an operand is complete, and recorded, when all ranks that execute the operation
// stand at it together; ranks that come late are judged all the same.
void Interpreter::judge(int operation, const std::vector<int>& ranks) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  for (std::size_t i = 0; i < op.in.size(); ++i) {
    const Operand& operand = op.in[i];
    if (!operand.expect.exists()) continue;
    const std::vector<Judged> judged = judge_operand(operand, ranks);
    const double limit = kDecisive * tolerance_;
    if (ranks.size() != executing_ranks(plan_, op)) {
      late_unmet_ = late_unmet_ || std::ranges::any_of(judged, [&](const Judged& one) {
                      return !one.measured.met(limit);
                    });
    } else {
      Comparison& c = result_.comparisons.emplace_back(comparison_of(operand, judged));
      c.operation = operation;
      c.operand = static_cast<int>(i);
      c.site = op.site;
      c.boundary = op.boundary;
    }
    if (op.boundary || op.kind == OpKind::norm) follow(operand.expect, judged);
    if (options_.propagate) {
      note_words(operand.expect, judged);
      continue;
    }
    for (const Judged& one : judged) {
      if (!one.measured.met(limit)) repair(operand, one);
    }
  }
}

std::vector<Interpreter::Judged> Interpreter::judge_operand(const Operand& operand,
                                                            const std::vector<int>& ranks) {
  std::vector<Judged> judged;
  if (plan_.spec(operand.expect).partial_over.exists()) {
    judge_parts(operand, ranks, judged);
  } else {
    judge_ranks(operand, ranks, judged);
  }
  return judged;
}

// Ranks that hold the same object and owe the same rows are judged once.
void Interpreter::judge_ranks(const Operand& operand, const std::vector<int>& ranks,
                              std::vector<Judged>& judged) {
  const StateSpec& spec = plan_.spec(operand.expect);
  const std::vector<int>& rows = plan_.layout(spec.rows).rows.index_of_rank;
  std::vector<std::pair<Held, int>> seen;
  for (const int rank : ranks) {
    const std::pair<Held, int> key{held(operand.tensor, rank),
                                   rows[static_cast<std::size_t>(rank)]};
    const auto same = std::ranges::find(seen, key);
    if (same != seen.end() && !spec.columns_over.exists()) {
      judged[static_cast<std::size_t>(same - seen.begin())].ranks.push_back(rank);
      continue;
    }
    seen.push_back(key);
    Judged& one = judged.emplace_back();
    one.ranks = {rank};
    one.actual = sum<double>({&key.first, 1});
    one.target = reference_.target(operand.expect, plan_.tensor(operand.tensor).columns, rank);
    one.measured = measure(one.actual, one.target, kDecisive * tolerance_);
  }
}

// The holders of a partial value are judged together, by their sum or maximum.
void Interpreter::judge_parts(const Operand& operand, const std::vector<int>& ranks,
                              std::vector<Judged>& judged) {
  const StateSpec& spec = plan_.spec(operand.expect);
  for (const std::vector<int>& part : plan_.group(spec.partial_over).parts) {
    if (!any_of_part(part, ranks)) continue;
    std::vector<Held> members;
    for (const int rank : part) members.push_back(held(operand.tensor, rank));
    Judged& one = judged.emplace_back();
    one.ranks = part;
    one.actual = combined(members, way_to_combine(plan_, spec));
    one.target =
        reference_.target(operand.expect, plan_.tensor(operand.tensor).columns, part.front());
    one.measured = measure(one.actual, one.target, kDecisive * tolerance_);
  }
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

// The first member of a part holds the whole value from here on, the others what adds nothing.
void Interpreter::repair(const Operand& operand, const Judged& judged) {
  const Held right = PlanReference::held(judged.target);
  const StateSpec& spec = plan_.spec(operand.expect);
  if (!spec.partial_over.exists()) {
    for (const int rank : judged.ranks) held(operand.tensor, rank) = right;
    return;
  }
  const Held nothing =
      PlanReference::held_constant(judged.target, neutral(way_to_combine(plan_, spec)));
  for (const int rank : judged.ranks) {
    held(operand.tensor, rank) = rank == judged.ranks.front() ? right : nothing;
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
  } else if (late_unmet_ || !std::ranges::all_of(all, &Comparison::met)) {
    result_.verdict = ReplayVerdict::diverges;
  } else if (std::ranges::any_of(all, &Comparison::inconclusive)) {
    result_.verdict = ReplayVerdict::inconclusive;
  }
}

}  // namespace lockstep::numeric

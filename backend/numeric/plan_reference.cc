#include "backend/numeric/plan_reference.h"

#include <algorithm>

#include "backend/numeric/tolerance.h"

namespace lockstep::numeric {
namespace {

int step_count(const Plan& plan) {
  auto steps = static_cast<int>(plan.steps.size());
  for (const Term& term : plan.terms) steps = std::max(steps, term.step + 1);
  return std::max(steps, 1);
}

// The operations of a hand-written program may produce terms of no declared kind.
TermKind kind_made_by(OpKind kind) {
  switch (kind) {
    case OpKind::embed:
      return TermKind::embedding;
    case OpKind::norm:
      return TermKind::norm;
    case OpKind::qk_statistics:
      return TermKind::statistics;
    case OpKind::attention:
      return TermKind::attention;
    case OpKind::dense:
      return TermKind::dense;
    case OpKind::router:
      return TermKind::router;
    case OpKind::experts:
      return TermKind::routed;
    case OpKind::shared_expert:
      return TermKind::shared;
    case OpKind::lm_head:
      return TermKind::logits;
    default:
      return TermKind::other;
  }
}

// What a program's own operations make is no quantity of the model, whatever its kind says; nor is
// the sum of such terms, or a quantity in another unit.
void leave_out_programs(const Plan& plan, std::vector<std::optional<QuantityName>>& quantities) {
  for (const Operation& op : plan.operations) {
    if (!is_of_program(op.kind)) continue;
    for (const Production& p : op.produces) quantities[p.term.index()].reset();
  }
  for (std::size_t i = 0; i < plan.terms.size(); ++i) {
    if (plan.terms[i].same_as.exists()) quantities[i].reset();
  }
  for (const Closing& closing : plan.closings) {
    const bool all = std::ranges::all_of(
        closing.parts, [&](TermId part) { return quantities[part.index()].has_value(); });
    if (!all) quantities[closing.handle.index()].reset();
  }
}

std::vector<std::optional<QuantityName>> quantities(const Plan& plan) {
  std::vector<Term> terms = plan.terms;
  for (const Operation& op : plan.operations) {
    for (const Production& p : op.produces) {
      TermKind& kind = terms[p.term.index()].kind;
      if (kind == TermKind::other) kind = kind_made_by(op.kind);
    }
  }
  std::vector<std::optional<QuantityName>> all;
  for (const Term& term : terms) all.push_back(quantity_of(term));
  leave_out_programs(plan, all);
  return all;
}

bool is_of_attention(Quantity q) { return q == Quantity::attention || q == Quantity::bias; }
bool is_of_feed_forward(Quantity q) {
  return q == Quantity::dense || q == Quantity::routed || q == Quantity::shared;
}

std::vector<std::vector<LayerContents>> contents_of(
    const Plan& plan, const std::vector<std::optional<QuantityName>>& quantities) {
  int layers = 1;
  for (const auto& q : quantities) layers = std::max(layers, q ? q->layer + 1 : 0);
  std::vector<std::vector<LayerContents>> contents(
      static_cast<std::size_t>(step_count(plan)),
      std::vector<LayerContents>(static_cast<std::size_t>(layers)));
  for (const auto& q : quantities) {
    if (!q) continue;
    LayerContents& layer =
        contents[static_cast<std::size_t>(q->step)][static_cast<std::size_t>(q->layer)];
    if (is_of_attention(q->quantity)) layer.attention.push_back(q->quantity);
    if (is_of_feed_forward(q->quantity)) layer.feed_forward.push_back(q->quantity);
  }
  for (const Operation& op : plan.operations) {
    if (op.kind != OpKind::attention || op.in.size() < 2) continue;
    for (const Production& p : op.produces) {
      const auto& q = quantities[p.term.index()];
      if (!q) continue;
      contents[static_cast<std::size_t>(q->step)][static_cast<std::size_t>(q->layer)]
          .heads_are_normed = true;
    }
  }
  return contents;
}

std::vector<std::int64_t> expanded(const RowMap& map) {
  std::vector<std::int64_t> rows;
  for (const RowRun& run : map) {
    for (std::int64_t i = 0; i < run.count; ++i) {
      rows.push_back(run.token == kPadding ? kPadding : run.token + i);
    }
  }
  return rows;
}

}  // namespace

TokenTable token_table(const Plan& plan) {
  std::vector<TokenRun> runs;
  std::map<std::pair<int, int>, int> latest;  // by shard and index
  for (std::size_t step = 0; step < plan.steps.size(); ++step) {
    std::map<std::pair<int, int>, int> of_step;
    for (const Request& request : plan.steps[step].requests) {
      const std::pair<int, int> key{request.shard, request.index};
      const auto index = static_cast<int>(runs.size());
      TokenRun run{static_cast<int>(step), request.first_token, request.tokens, request.prefix};
      const auto before = latest.find(key);
      if (before != latest.end() && request.prefix > 0) {
        TokenRun& earlier = runs[static_cast<std::size_t>(before->second)];
        if (earlier.prefix + earlier.tokens == request.prefix) {
          run.continues = before->second;
          earlier.is_continued = true;
        }
      }
      runs.push_back(run);
      of_step[key] = index;
    }
    for (const auto& [key, index] : of_step) latest[key] = index;
  }
  return {std::move(runs), step_count(plan)};
}

std::optional<QuantityName> quantity_of(const Term& term) {
  const int layer = std::max(term.layer, 0);
  const bool is_final = term.index == 2;
  switch (term.kind) {
    case TermKind::embedding:
      return QuantityName{Quantity::embedding, term.step, 0, 0};
    case TermKind::residual:
      return QuantityName{Quantity::stream, term.step, is_final ? 0 : layer, term.index};
    case TermKind::norm:
      return QuantityName{Quantity::norm, term.step, is_final ? 0 : layer, term.index};
    case TermKind::attention:
      return QuantityName{Quantity::attention, term.step, layer, 0};
    case TermKind::dense:
      return QuantityName{Quantity::dense, term.step, layer, 0};
    case TermKind::router:
      return QuantityName{Quantity::router, term.step, layer, 0};
    case TermKind::routed:
      return QuantityName{Quantity::routed, term.step, layer, 0};
    case TermKind::shared:
      return QuantityName{Quantity::shared, term.step, layer, 0};
    case TermKind::logits:
      return QuantityName{Quantity::logits, term.step, 0, 0};
    case TermKind::statistics:
      return QuantityName{Quantity::statistics, term.step, layer, 0};
    case TermKind::bias:
      return QuantityName{Quantity::bias, term.step, layer, 0};
    case TermKind::other:
      break;
  }
  return std::nullopt;
}

PlanReference::PlanReference(const Plan& plan, Weights& weights, Storage storage)
    : plan_(plan),
      tokens_(token_table(plan)),
      quantity_of_term_(quantities(plan)),
      contents_(contents_of(plan, quantity_of_term_)),
      reference_(weights, tokens_, contents_, near_tie_of(plan, storage)),
      program_(plan, weights, *this) {
  for (const Closing& closing : plan.closings) closing_of_[closing.handle] = &closing;
  for (const RowLayout& layout : plan.layouts) {
    std::vector<std::vector<std::int64_t>>& maps = rows_.emplace_back();
    for (const RowMap& map : layout.rows.distinct) maps.push_back(expanded(map));
  }
  define_streams();
}

const std::vector<std::int64_t>& PlanReference::rows(LayoutId layout, int rank) const {
  const int index = plan_.layout(layout).rows.index_of_rank[static_cast<std::size_t>(rank)];
  return rows_[layout.index()][static_cast<std::size_t>(index)];
}

const Matrix<double>& PlanReference::term_value(TermId id) {
  const std::optional<QuantityName>& quantity = quantity_of_term_[id.index()];
  if (quantity) return reference_.value(*quantity);
  const auto closing = closing_of_.find(id);
  if (closing == closing_of_.end() || program_.makes(id)) return program_.value(id);
  const auto found = closed_.find(id);
  if (found != closed_.end()) return found->second;
  return closed_.emplace(id, sum_of(closing->second->parts)).first->second;
}

Matrix<double> PlanReference::sum_of(const std::vector<TermId>& terms) {
  Matrix<double> sum = term_value(terms.front());
  for (std::size_t i = 1; i < terms.size(); ++i) {
    const Matrix<double>& part = term_value(terms[i]);
    if (part.rows() == sum.rows()) add_scaled(sum, part, 1.0);
  }
  return sum;
}

// A norm is of what its operand should be, to which a program's own operations may have added.
void PlanReference::define_streams() {
  const auto in_model = [&](TermId t) { return quantity_of_term_[t.index()].has_value(); };
  for (const Closing& closing : plan_.closings) {
    const auto name = quantity_of(plan_.term(closing.handle));
    if (in_model(closing.handle) || !name || name->quantity != Quantity::stream) continue;
    reference_.define_stream(*name, [this, &closing] { return sum_of(closing.parts); });
  }
  for (const Operation& op : plan_.operations) {
    if (op.kind != OpKind::norm || op.produces.empty()) continue;
    const std::vector<TermId>& terms = plan_.spec(op.in.front().expect).terms;
    std::optional<QuantityName> name = quantity_of_term_[op.produces.front().term.index()];
    if (!name || std::ranges::all_of(terms, in_model)) continue;
    name->quantity = Quantity::stream;
    reference_.define_stream(*name, [this, &terms] { return sum_of(terms); });
  }
}

Interval columns_on(const Plan& plan, SpecId spec, const std::string& columns, int rank) {
  const std::int64_t count = plan.column_count(columns);
  const GroupId over = plan.spec(spec).columns_over;
  if (!over.exists()) return {0, count};
  const Membership m = membership(plan, over, rank);
  if (m.members == nullptr) return {0, count};
  const ShareRange slice = column_slice(count, m.index, static_cast<int>(m.members->size()));
  return {slice.first, slice.last};
}

Target PlanReference::target(SpecId id, const std::string& columns, int rank) {
  const StateSpec& spec = plan_.spec(id);
  Target target{this->columns(id, columns, rank), {}, {}, spec.zero_padding};
  for (const TermId term : spec.terms) target.terms.push_back(&term_value(term));
  const int step = spec.terms.empty() ? 0 : plan_.term(spec.terms.front()).step;
  for (const std::int64_t token : rows(spec.rows, rank)) {
    const std::optional<TokenPlace> place = tokens_.find(token);
    if (token == kPadding) {
      target.rows.push_back(kPaddingRow);
    } else {
      target.rows.push_back(place && place->step == step ? place->row : kUnknownRow);
    }
  }
  return target;
}

Held PlanReference::held(const Target& target) { return held_shifted(target, 0.0); }

Held PlanReference::held_shifted(const Target& target, double shift) {
  const float padding = target.zero_padding ? 0.0F : kUndefinedElement;
  Matrix<float> values(static_cast<std::int64_t>(target.rows.size()), target.columns.size(),
                       padding);
  for (std::int64_t r = 0; r < values.rows(); ++r) {
    if (target.rows[static_cast<std::size_t>(r)] == kPaddingRow) continue;
    const std::vector<double> row = target_row(target, r);
    std::ranges::transform(row, values.row(r).begin(),
                           [&](double v) { return static_cast<float>(v + shift); });
  }
  return make_held({target.columns}, std::move(values));
}

std::optional<PlanReference::Contribution> PlanReference::contribution(SpecId id) {
  Contribution found;
  std::vector<Quantity> parts;
  for (const TermId term : plan_.spec(id).terms) {
    const std::optional<QuantityName>& q = quantity_of_term_[term.index()];
    if (!q) return std::nullopt;
    if (q->quantity == Quantity::stream || q->quantity == Quantity::embedding) {
      found.residual.push_back(&term_value(term));
      continue;
    }
    if (!is_of_attention(q->quantity) && !is_of_feed_forward(q->quantity)) return std::nullopt;
    found.step = q->step;
    found.layer = q->layer;
    found.half = is_of_attention(q->quantity) ? HalfLayer::attention : HalfLayer::feed_forward;
    parts.push_back(q->quantity);
  }
  if (parts.empty()) return std::nullopt;
  const LayerContents& layer =
      contents_[static_cast<std::size_t>(found.step)][static_cast<std::size_t>(found.layer)];
  std::vector<Quantity> all =
      found.half == HalfLayer::attention ? layer.attention : layer.feed_forward;
  std::ranges::sort(all);
  std::ranges::sort(parts);
  if (parts != all) return std::nullopt;
  return found;
}

std::optional<QuantityName> PlanReference::stream(SpecId id) const {
  const std::vector<TermId>& terms = plan_.spec(id).terms;
  if (terms.size() != 1) return std::nullopt;
  const std::optional<QuantityName>& q = quantity_of_term_[terms.front().index()];
  return q && q->quantity == Quantity::stream ? q : std::nullopt;
}

}  // namespace lockstep::numeric

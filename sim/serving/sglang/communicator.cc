#include "sim/serving/sglang/communicator.h"

#include <utility>

namespace lockstep::sglang {
namespace {

constexpr const char* kGlobalBuffer = "global_dp_buffer";
constexpr const char* kLocalBuffer = "local_dp_buffer";

LayoutId rows_of(const StepContext& c, ScatterMode mode) {
  switch (mode) {
    case ScatterMode::scattered:
      return c.tables.slice();
    case ScatterMode::tp_attn_full:
      return c.tables.own();
    case ScatterMode::full:
      return c.tables.all();
  }
  return {};
}

const LayerTerms& terms_of(const StepContext& c, const LayerFacts& facts) {
  return c.terms.layers[static_cast<std::size_t>(facts.layer)];
}

// residual := residual + hidden.
Value add_residual(const StepContext& c, const std::string& name, const Value& hidden,
                   const Value& residual, TermId handle) {
  Value sum = c.emit.result(name, residual.rows, {handle});
  c.emit.add(name, residual, hidden, sum);
  return sum;
}

// Slices of the shard's rows back to all of them.
Value gather_slices(const StepContext& c, const std::string& name, const Value& slices) {
  Value all = c.emit.result(name, c.tables.own(), slices.terms, {}, kLocalBuffer);
  c.emit.collective(OpKind::all_gather, name, slices, all, c.groups.attn_tp);
  return all;
}

Value as_parts(const StepContext& c, Value whole) {
  whole.partial_over = c.groups.tp;
  return whole;
}

// SUM_LEN: every rank places its rows in a buffer of zeros, and all are summed. With
// SGLANG_DP_USE_GATHERV (#28216) each rank's rows are gathered instead.
void gather_sum_len(const StepContext& c, const Value& own, const Value& all, const Who& who) {
  const bool gatherv = c.settings.dp_use_gatherv && c.parallel.attn_dp == c.parallel.tp;
  if (gatherv) {
    Operation& op = c.emit.collective(OpKind::all_gatherv, "dp_gather", own, all, c.groups.tp, who);
    op.sizes = c.tables.rows_per_shard();
    return;
  }
  c.emit.copy("dp_gather copy", own, as_parts(c, all), c.tables.own_to_all(), who);
  c.emit.collective(OpKind::all_reduce, "dp_gather", as_parts(c, all), all, c.groups.tp, who);
}

void gather_max_len(const StepContext& c, const Value& own, const Value& all, const Who& who) {
  Value part = own;
  if (c.parallel.attn_tp > 1) {
    part = c.emit.result("gather_slice", c.tables.slice(), own.terms);
    c.emit.collective(OpKind::reduce_scatter, "dp_gather reduce_scatter", own, part,
                      c.groups.attn_tp, who);
  }
  c.emit.collective(OpKind::all_gather, "dp_gather", part, all, c.groups.tp, who);
}

// dp_gather (3.5). `own` is the shard's rows, complete where attn_tp is 1, else partial over
// ATTN_TP: every rank contributes.
Value dp_gather(const StepContext& c, const Value& own) {
  const Value all = c.emit.result("gathered", c.tables.all(), own.terms, {}, kGlobalBuffer);
  for (const PaddingRanks& mode : c.padding) {
    const Who who{mode.ranks, {}};
    if (mode.padding == Padding::max_len) {
      gather_max_len(c, own, all, who);
    } else {
      gather_sum_len(c, own, all, who);
    }
  }
  return all;
}

// P1c: the residual joins the partial on one rank of ATTN_TP, so that it is in the sum once.
Value gather_with_residual(const StepContext& c, const LayerTerms& terms, const Value& attention,
                           Stream& stream) {
  Value joined = attention;
  joined.terms = {terms.middle};
  Who first;
  for (int rank = 0; rank < c.parallel.world(); rank += c.parallel.attn_tp)
    first.ranks.insert(rank);
  c.emit.add("add residual on attn_tp_rank 0", attention, *stream.residual, joined, first);
  const Value gathered = dp_gather(c, joined);
  stream.residual = c.emit.result("mid_residual", c.tables.own(), {terms.middle});
  c.emit.copy("dp_scatter", gathered, *stream.residual, c.tables.all_to_own());
  return c.emit.norm("norm2", gathered, terms.norm2);
}

// P1.
Value gather(const StepContext& c, const LayerTerms& terms, Value attention, Stream& stream) {
  if (c.parallel.attn_tp > 1 && stream.residual->rows != c.tables.own()) {
    stream.residual = gather_slices(c, "residual_gathered", *stream.residual);
  }
  if (c.parallel.attn_dp > 1 && c.parallel.attn_tp > 1) {
    return gather_with_residual(c, terms, attention, stream);
  }
  if (attention.partial_over.exists()) {
    attention = c.emit.all_reduce("attention all_reduce", attention, c.groups.attn_tp);
  }
  stream.residual = add_residual(c, "mid_residual", attention, *stream.residual, terms.middle);
  const Value normed = c.emit.norm("norm2", *stream.residual, terms.norm2);
  return c.parallel.attn_dp > 1 ? dp_gather(c, normed) : normed;
}

// P3.
Value scatter(const StepContext& c, const LayerTerms& terms, const Value& attention,
              Stream& stream) {
  const Value part = c.emit.result("attn_slice", c.tables.slice(), attention.terms);
  c.emit.collective(OpKind::reduce_scatter, "attention reduce_scatter", attention, part,
                    c.groups.attn_tp);
  if (stream.residual->rows != c.tables.slice()) {
    const Value sliced = c.emit.result("residual_slice", c.tables.slice(), stream.residual->terms);
    c.emit.copy("residual slice", *stream.residual, sliced, c.tables.own_to_slice());
    stream.residual = sliced;
  }
  stream.residual = add_residual(c, "mid_residual", part, *stream.residual, terms.middle);
  return c.emit.norm("norm2", *stream.residual, terms.norm2);
}

// In deterministic inference: the sum of a copy on every rank, then the own rows of it.
void deterministic_reduce_scatterv(const StepContext& c, const Value& output, const Value& home,
                                   const Who& who, const std::string& prefix) {
  const Value sum = c.emit.result(prefix + "ffn_sum", output.rows, output.terms);
  c.emit.collective(OpKind::all_reduce, "reduce_scatterv all_reduce", output, sum, c.groups.tp,
                    who);
  c.emit.copy("reduce_scatterv slice", sum, home, c.tables.all_to_own(), who);
}

void reduce_scatterv(const StepContext& c, const Value& output, const Value& home, const Who& who,
                     const std::string& prefix) {
  if (c.settings.enable_deterministic_inference) {
    deterministic_reduce_scatterv(c, output, home, who, prefix);
    return;
  }
  Operation& op =
      c.emit.collective(OpKind::reduce_scatterv, "reduce_scatterv", output, home, c.groups.tp, who);
  op.sizes = c.tables.rows_per_shard();
}

void reduce_scatter(const StepContext& c, const Value& output, const Value& home, const Who& who,
                    const std::string& prefix) {
  if (c.parallel.attn_tp == 1) {
    c.emit.collective(OpKind::reduce_scatter, "dp_reduce_scatter", output, home, c.groups.tp, who);
    return;
  }
  const Value part = c.emit.result(prefix + "ffn_slice", c.tables.slice(), output.terms);
  c.emit.collective(OpKind::reduce_scatter, "dp_reduce_scatter", output, part, c.groups.tp, who);
  c.emit.collective(OpKind::all_gather, "dp_reduce_scatter all_gather", part, home,
                    c.groups.attn_tp, who);
}

bool same_rows(const StepContext& c, ScatterMode a, ScatterMode b) {
  return group_size(a, c.parallel) == group_size(b, c.parallel);
}

// Before #32963 the sum deferred after experts ran over MOE_EP alone where both are sharded.
GroupId deferred_group(const StepContext& c, const LeftOver& left) {
  const bool hybrid = left.facts.sparse && c.parallel.ep > 1 && c.parallel.moe_tp > 1;
  return hybrid && !left.decision->deferred_covers_moe_tp ? c.groups.moe_ep : c.groups.tp;
}

bool returns_over_dp(const StepContext& c, const LayerFacts& facts) {
  return facts.modes.mlp == ScatterMode::full && !same_rows(c, facts.modes.mlp, facts.modes.output);
}

// A deferred sum, in place. A fused kernel that declines did add and norm alone until #41193 (6.4).
Value deferred_sum(const StepContext& c, const LeftOver& left, const Value& hidden) {
  const LayerDecision& decision = *left.decision;
  Value sum = hidden;
  sum.partial_over = {};
  const bool declines = decision.fuses && decision.kernel_declines;
  if (declines && !decision.declined_reduces) return sum;
  const char* name =
      decision.fuses && !declines ? "fused all_reduce + add + norm1" : "deferred all_reduce";
  c.emit.collective(OpKind::all_reduce, name, hidden, sum, deferred_group(c, left),
                    {{}, decision.deferral});
  return sum;
}

// Names of the layer before's tensors among this layer's, which may have its own of that name.
constexpr const char* kLeft = "left_";

// Completes what the layer before left, and brings it home.
Value complete(const StepContext& c, const LeftOver& left, const Value& hidden) {
  if (!left.decision->defers_sum) {
    return return_home(c, left.facts, *left.decision, hidden, kLeft);
  }
  const Value sum = deferred_sum(c, left, hidden);
  if (!returns_over_dp(c, left.facts)) return sum;
  return return_home(c, left.facts, *left.decision, sum, kLeft);
}

}  // namespace

Value prepare_attention(const StepContext& c, const LayerFacts& facts, Stream& stream) {
  const LayerTerms& terms = terms_of(c, facts);
  c.emit.enter_module("boundary");
  if (stream.left) {
    stream.hidden = complete(c, *stream.left, stream.hidden);
    stream.left.reset();
  }
  if (stream.residual) {
    stream.residual = add_residual(c, "residual", stream.hidden, *stream.residual, terms.input);
  } else {
    stream.residual = stream.hidden;
    stream.residual->terms = {terms.input};
  }
  const Value normed = c.emit.norm("norm1", *stream.residual, terms.norm1);
  if (same_rows(c, facts.modes.input, facts.modes.attention)) return normed;
  return gather_slices(c, "attn_in", normed);
}

Value prepare_mlp(const StepContext& c, const LayerFacts& facts, Value attention, Stream& stream) {
  const LayerTerms& terms = terms_of(c, facts);
  c.emit.enter_module("boundary");
  if (facts.modes.mlp == ScatterMode::full) return gather(c, terms, std::move(attention), stream);
  if (!same_rows(c, facts.modes.attention, facts.modes.mlp)) {
    return scatter(c, terms, attention, stream);
  }
  stream.residual = add_residual(c, "mid_residual", attention, *stream.residual, terms.middle);
  return c.emit.norm("norm2", *stream.residual, terms.norm2);
}

Value return_home(const StepContext& c, const LayerFacts& facts, const LayerDecision& decision,
                  const Value& output, const std::string& prefix) {
  Value home = output;
  home.partial_over = {};
  if (!returns_over_dp(c, facts)) return home;
  c.emit.enter_module("boundary");
  home = c.emit.result(prefix + "ffn_out", rows_of(c, facts.modes.output), output.terms, {},
                       kLocalBuffer);
  for (const RankDecision& ranks : decision.ranks) {
    switch (ranks.return_step) {
      case ReturnStep::reduce_scatterv:
        reduce_scatterv(c, output, home, ranks.consumer, prefix);
        break;
      case ReturnStep::reduce_scatter:
        reduce_scatter(c, output, home, ranks.consumer, prefix);
        break;
      case ReturnStep::dp_scatter:
        c.emit.copy("dp_scatter", output, home, c.tables.all_to_own(), ranks.consumer);
        break;
    }
  }
  return home;
}

void join_slices(const StepContext& c, const LayerFacts& facts, Stream& stream) {
  const bool joins = facts.modes.mlp == ScatterMode::scattered &&
                     facts.modes.output != ScatterMode::scattered &&
                     !same_rows(c, facts.modes.mlp, facts.modes.output);
  if (!joins) return;
  c.emit.enter_module("boundary");
  const TermId after = c.terms.after(static_cast<std::size_t>(facts.layer));
  const Value joined = add_residual(c, "joined", stream.hidden, *stream.residual, after);
  stream.hidden = gather_slices(c, "output", joined);
  stream.residual.reset();
}

}  // namespace lockstep::sglang

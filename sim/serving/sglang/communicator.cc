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

// dp_gather (3.5). `own` is the shard's rows, complete where attn_tp is 1, else partial over
// ATTN_TP: every rank contributes.
Value dp_gather(const StepContext& c, const Value& own) {
  Value all = c.emit.result("gathered", c.tables.all(), own.terms, {}, kGlobalBuffer);
  if (c.padding != Padding::max_len) {
    Value placed = all;
    placed.partial_over = c.groups.tp;
    c.emit.copy("dp_gather copy", own, placed, c.tables.own_to_all());
    return c.emit.all_reduce("dp_gather", placed, c.groups.tp);
  }
  Value part = own;
  if (c.parallel.attn_tp > 1) {
    part = c.emit.result("gather_slice", c.tables.slice(), own.terms);
    c.emit.collective(OpKind::reduce_scatter, "dp_gather reduce_scatter", own, part,
                      c.groups.attn_tp);
  }
  c.emit.collective(OpKind::all_gather, "dp_gather", part, all, c.groups.tp);
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
  if (c.parallel.attn_tp > 1) {
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

void reduce_scatterv(const StepContext& c, const Value& output, const Value& home, const Who& who) {
  Operation& op =
      c.emit.collective(OpKind::reduce_scatterv, "reduce_scatterv", output, home, c.groups.tp, who);
  op.sizes = c.tables.rows_per_shard();
}

void reduce_scatter(const StepContext& c, const Value& output, const Value& home, const Who& who) {
  if (c.parallel.attn_tp == 1) {
    c.emit.collective(OpKind::reduce_scatter, "dp_reduce_scatter", output, home, c.groups.tp, who);
    return;
  }
  const Value part = c.emit.result("ffn_slice", c.tables.slice(), output.terms);
  c.emit.collective(OpKind::reduce_scatter, "dp_reduce_scatter", output, part, c.groups.tp, who);
  c.emit.collective(OpKind::all_gather, "dp_reduce_scatter all_gather", part, home,
                    c.groups.attn_tp, who);
}

bool same_rows(const StepContext& c, ScatterMode a, ScatterMode b) {
  return group_size(a, c.parallel) == group_size(b, c.parallel);
}

}  // namespace

Value prepare_attention(const StepContext& c, const LayerFacts& facts, Stream& stream) {
  const LayerTerms& terms = terms_of(c, facts);
  c.emit.enter_module("boundary");
  if (stream.deferred_over.exists()) {
    stream.hidden = c.emit.all_reduce("fused all_reduce + add + norm1", stream.hidden,
                                      stream.deferred_over, {{}, stream.deferred_because});
    stream.deferred_over = {};
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
                  const Value& output) {
  Value home = output;
  home.partial_over = {};
  const bool over_dp =
      facts.modes.mlp == ScatterMode::full && !same_rows(c, facts.modes.mlp, facts.modes.output);
  if (!over_dp) return home;
  c.emit.enter_module("boundary");
  home = c.emit.result("ffn_out", rows_of(c, facts.modes.output), output.terms, {}, kLocalBuffer);
  for (const RankDecision& ranks : decision.ranks) {
    switch (ranks.return_step) {
      case ReturnStep::reduce_scatterv:
        reduce_scatterv(c, output, home, ranks.consumer);
        break;
      case ReturnStep::reduce_scatter:
        reduce_scatter(c, output, home, ranks.consumer);
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

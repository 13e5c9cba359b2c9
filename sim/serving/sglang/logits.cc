#include "sim/serving/sglang/logits.h"

namespace lockstep::sglang {
namespace {

// lm_head cut over `group` by vocabulary, then gathered.
Value head(const StepContext& c, const Value& normed, GroupId group, int size) {
  const TermId term = c.terms.logits;
  Value slice =
      c.emit.result(size > 1 ? "vocab_slice" : "logits", normed.rows, {term}, {}, {}, "vocab");
  if (size > 1) slice.columns_over = group;
  c.emit.produce(OpKind::lm_head, "lm_head", {normed}, slice, {{term, {}, {}, 1, 1}});
  if (size == 1) return slice;
  const Value whole = c.emit.result("logits", normed.rows, {term}, {}, {}, "vocab");
  Operation& op = c.emit.collective(OpKind::all_gather, "logits all_gather", slice, whole, group);
  op.axis = Axis::columns;
  return whole;
}

// The wanted rows of every shard on every rank: a dp_gather of replicas, so that one rank of each
// shard contributes.
Value gather_wanted(const StepContext& c, const Value& wanted) {
  Value all = c.emit.result("logits_gathered", c.tables.logits_all(), wanted.terms, c.groups.tp);
  c.emit.copy("logits dp_gather copy", wanted, all, c.tables.logits_to_all());
  return c.emit.all_reduce("logits dp_gather", all, c.groups.tp);
}

}  // namespace

void emit_logits(const StepContext& c, Stream stream) {
  c.emit.enter_layer(-1);
  c.emit.enter_module("logits");
  Value last = stream.hidden;
  last.partial_over = {};
  last.terms = {c.terms.final_residual};
  if (stream.residual) {
    const Value sum = c.emit.result("final_residual", stream.residual->rows, last.terms);
    c.emit.add("final_residual", *stream.residual, stream.hidden, sum);
    last = sum;
  }
  const Value normed = c.emit.norm("final_norm", last, c.terms.final_norm);
  const Value wanted = c.emit.result("pruned", c.tables.logits_own(), normed.terms);
  c.emit.copy("prune", normed, wanted, c.tables.own_to_logits());
  if (!c.parallel.dp_attention) {
    c.emit.boundary(head(c, wanted, c.groups.tp, c.parallel.tp));
  } else if (c.parallel.dp_lm_head) {
    c.emit.boundary(head(c, wanted, c.groups.attn_tp, c.parallel.attn_tp));
  } else {
    const Value all = head(c, gather_wanted(c, wanted), c.groups.tp, c.parallel.tp);
    const Value own =
        c.emit.result("own_logits", c.tables.logits_own(), all.terms, {}, {}, "vocab");
    c.emit.copy("logits dp_scatter", all, own, c.tables.logits_to_own());
    c.emit.boundary(own);
  }
}

}  // namespace lockstep::sglang

#include "sim/serving/sglang/producers.h"

#include <algorithm>
#include <utility>

namespace lockstep::sglang {
namespace {

const LayerTerms& terms_of(const StepContext& c, const LayerFacts& facts) {
  return c.terms.layers[static_cast<std::size_t>(facts.layer)];
}

// The reasons of all ranks' producers, on the operation that they all execute.
Who all_producers(const LayerDecision& decision) {
  Who who;
  for (const RankDecision& ranks : decision.ranks) {
    for (const ReasonId reason : ranks.producer.because) {
      const auto known = std::ranges::find(who.because, reason);
      if (known == who.because.end()) who.because.push_back(reason);
    }
  }
  return who;
}

GroupId group_of(const StepContext& c, OwnSum sum) {
  switch (sum) {
    case OwnSum::moe_ep:
      return c.groups.moe_ep;
    case OwnSum::moe_tp:
      return c.groups.moe_tp;
    case OwnSum::tp:
      return c.groups.tp;
  }
  return GroupId::none();
}

const char* name_of(OwnSum sum) {
  switch (sum) {
    case OwnSum::moe_ep:
      return "moe_ep all_reduce";
    case OwnSum::moe_tp:
      return "moe_tp all_reduce";
    case OwnSum::tp:
      return "post-experts all_reduce";
  }
  return "";
}

// What a value partial over TP is still partial over once `sum` was taken: experts are sharded over
// MOE_EP x MOE_TP.
GroupId still_owed(const StepContext& c, OwnSum sum) {
  if (sum == OwnSum::moe_ep && c.parallel.moe_tp > 1) return c.groups.moe_tp;
  if (sum == OwnSum::moe_tp && c.parallel.ep > 1) return c.groups.moe_ep;
  return GroupId::none();
}

// The sums that the producer runs itself, in place, on the ranks that do not leave them to others;
// from #42301 on the boundary runs them.
void reduce_output(const StepContext& c, const LayerDecision& decision, const char* name,
                   const Value& output) {
  if (c.parallel.tp == 1) return;
  if (decision.boundary_completes) c.emit.enter_module("boundary");
  for (const RankDecision& ranks : decision.ranks) {
    Value value = output;
    for (const OwnSum sum : ranks.sums) {
      Value summed = value;
      summed.partial_over =
          value.partial_over == c.groups.tp ? still_owed(c, sum) : GroupId::none();
      const char* own_name = decision.boundary_completes ? "boundary all_reduce"
                             : sum == OwnSum::tp         ? name
                                                         : name_of(sum);
      c.emit.collective(OpKind::all_reduce, own_name, value, summed, group_of(c, sum),
                        ranks.producer);
      value = summed;
    }
  }
}

Value dense(const StepContext& c, const LayerFacts& facts, const LayerDecision& decision,
            const Value& normed) {
  const TermId term = terms_of(c, facts).dense;
  if (facts.modes.mlp == ScatterMode::scattered) {
    const Value out = c.emit.result("mlp_out", normed.rows, {term});
    c.emit.produce(OpKind::dense, "mlp", {normed}, out, {{term, {}, {}, 1, 1}});
    return out;
  }
  const Value out = c.emit.result("mlp_out", normed.rows, {term}, c.owed_to_tp());
  c.emit.produce(OpKind::dense, "mlp", {normed}, out, {{term, c.groups.tp, {}, c.parallel.tp, 1}},
                 all_producers(decision));
  reduce_output(c, decision, "down_proj all_reduce", out);
  return out;
}

Value route(const StepContext& c, const LayerTerms& terms, const Value& normed) {
  Value routing = c.emit.result("routing", normed.rows, {terms.router}, {}, {}, "experts");
  c.emit.produce(OpKind::router, "gate", {normed}, routing, {{terms.router, {}, {}, 1, 1}});
  return routing;
}

Production routed_production(const StepContext& c, const LayerTerms& terms) {
  return {terms.routed, c.groups.moe_ep, c.groups.moe_tp, c.model.n_routed_experts, 1};
}

// Shared experts, sharded over TP, or whole on every rank. `stream` is where they run.
Value shared_experts(const StepContext& c, const LayerTerms& terms, SharedExperts shared,
                     const Value& normed, const Emitter::Stream& stream = {}) {
  const bool whole = shared == SharedExperts::replicated;
  const Value out = c.emit.result("shared_out", normed.rows, {terms.shared},
                                  whole ? GroupId::none() : c.owed_to_tp());
  const Production production = whole ? Production{terms.shared, {}, {}, 1, 1}
                                      : Production{terms.shared, c.groups.tp, {}, c.parallel.tp, 1};
  c.emit.on_stream(stream);
  c.emit.produce(OpKind::shared_expert, "shared_experts", {normed}, out, {production});
  c.emit.on_stream({});
  return out;
}

// The experts' output before any sum, on the rows of `normed`.
Value run_experts(const StepContext& c, const LayerTerms& terms, SharedExperts shared,
                  const Value& normed, const std::string& name, const Who& who) {
  const Value routing = route(c, terms, normed);
  Value out = c.emit.result(name, normed.rows, {terms.routed}, c.owed_to_tp());
  std::vector<Production> produces{routed_production(c, terms)};
  if (shared == SharedExperts::fused) {
    out.terms.push_back(terms.shared);
    produces.push_back({terms.shared, {}, c.groups.moe_tp, 1, Rational(1, c.parallel.ep)});
  }
  c.emit.produce(OpKind::experts, "experts", {normed, routing}, out, std::move(produces), who);
  return out;
}

constexpr const char* kExpertSum = "post-experts all_reduce";

// A TP-1 shared expert is added after the producer's sum. Where that sum is owed to somebody else,
// every rank adds the whole of it to its part, from #41195 on the first rank of TP alone.
Value replicated_experts(const StepContext& c, const LayerTerms& terms,
                         const LayerDecision& decision, const Value& routed, const Value& whole) {
  const bool once = decision.shared_on_one_rank;
  if (!decision.boundary_completes) reduce_output(c, decision, kExpertSum, routed);
  Value sum = once ? routed : c.emit.result("mlp_out", routed.rows, {}, c.owed_to_tp());
  sum.terms = {terms.routed, terms.shared};
  for (const RankDecision& ranks : decision.ranks) {
    const bool owed = ranks.sums.empty() || decision.boundary_completes;
    Value declared = sum;
    if (!owed) declared.partial_over = {};
    Who who{ranks.producer.ranks, decision.shared};
    if (once && owed && c.parallel.tp > 1) {
      if (!who.ranks.empty() && !who.ranks.contains(0)) continue;
      who.ranks = RankSet::range(0, 1);
    }
    c.emit.add("add shared experts", routed, whole, declared, who);
  }
  if (decision.boundary_completes) reduce_output(c, decision, kExpertSum, sum);
  return sum;
}

// Shared experts next to the routed ones, on a stream of their own where the layer is captured:
// it waits for the layer's input, and the sum of both waits for it.
Value separate_experts(const StepContext& c, const LayerTerms& terms, const LayerDecision& decision,
                       const Value& normed) {
  constexpr int kSecondStream = 1;
  const bool dual = decision.shared_on_second_stream;
  Emitter::Stream second;
  if (dual) second = {kSecondStream, {c.emit.record_event()}};
  const Value routed =
      run_experts(c, terms, SharedExperts::separate, normed, "expert_out", all_producers(decision));
  const Value part = shared_experts(c, terms, SharedExperts::separate, normed, second);
  const Value sum =
      c.emit.result("mlp_out", normed.rows, {terms.routed, terms.shared}, c.owed_to_tp());
  if (dual) c.emit.on_stream({0, {c.emit.record_event()}});
  c.emit.add("add shared experts", routed, part, sum);
  c.emit.on_stream({});
  reduce_output(c, decision, kExpertSum, sum);
  return sum;
}

Value gathered_experts(const StepContext& c, const LayerFacts& facts, const LayerDecision& decision,
                       SharedExperts shared, const Value& normed) {
  const LayerTerms& terms = terms_of(c, facts);
  if (shared == SharedExperts::separate) return separate_experts(c, terms, decision, normed);
  const bool alone = shared != SharedExperts::replicated;
  const Value routed = run_experts(c, terms, shared, normed, alone ? "mlp_out" : "expert_out",
                                   all_producers(decision));
  if (alone) {
    reduce_output(c, decision, kExpertSum, routed);
    return routed;
  }
  const Value whole = shared_experts(c, terms, shared, normed);
  return replicated_experts(c, terms, decision, routed, whole);
}

Value dispatch(const StepContext& c, const std::string& name, const Value& slices,
               const std::string& columns) {
  const Value all = c.emit.result(name, c.tables.dispatched(), slices.terms, {}, {}, columns);
  c.emit.collective(OpKind::dispatch, "dispatch", slices, all, c.groups.moe_ep);
  return all;
}

// Experts behind an all-to-all: every rank works on its own slice, complete on return.
Value dispatched_experts(const StepContext& c, const LayerFacts& facts, SharedExperts shared,
                         const Value& normed) {
  const LayerTerms& terms = terms_of(c, facts);
  const Value routing = route(c, terms, normed);
  const Value rows = dispatch(c, "dispatched", normed, "hidden");
  const Value choices = dispatch(c, "dispatched_routing", routing, "experts");
  const Value parts = c.emit.result("expert_out", rows.rows, {terms.routed}, c.groups.moe_ep);
  c.emit.produce(OpKind::experts, "experts", {rows, choices}, parts, {routed_production(c, terms)});
  const bool alone = shared == SharedExperts::none;
  const Value home = c.emit.result(alone ? "mlp_out" : "combined", normed.rows, {terms.routed});
  c.emit.collective(OpKind::combine, "combine", parts, home, c.groups.moe_ep);
  if (alone) return home;
  const Value whole = shared_experts(c, terms, shared, normed);
  const Value sum = c.emit.result("mlp_out", normed.rows, {terms.routed, terms.shared});
  c.emit.add("add shared experts", home, whole, sum);
  return sum;
}

}  // namespace

Value embed(const StepContext& c, bool sharded) {
  c.emit.enter_module("embedding");
  const TermId term = c.terms.embedding;
  const bool partial = sharded && c.parallel.attn_tp > 1;
  Value out = c.emit.result("embedded", c.tables.own(), {term},
                            partial ? c.groups.attn_tp : GroupId::none());
  const Production production = partial
                                    ? Production{term, c.groups.attn_tp, {}, c.parallel.attn_tp, 1}
                                    : Production{term, {}, {}, 1, 1};
  c.emit.produce(OpKind::embed, "embed_tokens", {}, out, {production});
  if (partial) out = c.emit.all_reduce("embed_tokens all_reduce", out, c.groups.attn_tp);
  c.emit.boundary(out);
  return out;
}

namespace {

// Queries and keys normed over the heads of all ranks: the sums of squares, summed over ATTN_TP.
Value qk_statistics(const StepContext& c, const LayerTerms& terms, const Value& normed) {
  Value sums = c.emit.result("qk_statistics", normed.rows, {terms.qk_statistics},
                             c.owed_to_attn_tp(), {}, "qk_statistics");
  c.emit.produce(OpKind::qk_statistics, "qk_norm", {normed}, sums,
                 {{terms.qk_statistics, c.groups.attn_tp, {}, c.parallel.attn_tp, 1}});
  if (c.parallel.attn_tp == 1) return sums;
  return c.emit.all_reduce("qk_norm all_reduce", sums, c.groups.attn_tp);
}

// RowParallelLinear adds the bias on the first rank of its group only (6.1).
Production bias_production(const StepContext& c, TermId bias) {
  Production production{bias, {}, {}, 1, 1};
  if (c.parallel.attn_tp > 1) production.placement = c.tables.first_of_attn_tp();
  return production;
}

}  // namespace

Value attend(const StepContext& c, const LayerFacts& facts, const Value& normed) {
  c.emit.enter_module("attention");
  const LayerTerms& terms = terms_of(c, facts);
  std::vector<Value> in{normed};
  if (terms.qk_statistics.exists()) in.push_back(qk_statistics(c, terms, normed));
  Value out = c.emit.result("attn_out", c.tables.own(), {terms.attention}, c.owed_to_attn_tp());
  std::vector<Production> produces{{terms.attention, c.groups.attn_tp, {}, c.parallel.attn_tp, 1}};
  if (terms.attention_bias.exists()) {
    out.terms.push_back(terms.attention_bias);
    produces.push_back(bias_production(c, terms.attention_bias));
  }
  c.emit.produce(OpKind::attention, "self_attn", in, out, std::move(produces));
  if (c.family.o_proj_sums && c.parallel.attn_tp > 1) {
    out = c.emit.all_reduce("o_proj all_reduce", out, c.groups.attn_tp);
  }
  c.emit.boundary(out);
  return out;
}

Value feed_forward(const StepContext& c, const LayerFacts& facts, const LayerDecision& decision,
                   SharedExperts shared, const Value& normed) {
  c.emit.enter_module(facts.sparse ? "moe" : "mlp");
  if (!facts.sparse) return dense(c, facts, decision, normed);
  if (facts.modes.mlp == ScatterMode::scattered && c.parallel.tp > 1) {
    return dispatched_experts(c, facts, shared, normed);
  }
  return gathered_experts(c, facts, decision, shared, normed);
}

}  // namespace lockstep::sglang

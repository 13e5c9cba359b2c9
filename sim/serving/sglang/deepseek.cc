#include "sim/serving/sglang/deepseek.h"

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

// The producer's own sum, in place, on the ranks that do not skip it.
void reduce_output(const StepContext& c, const LayerDecision& decision, const std::string& name,
                   const Value& output) {
  if (c.parallel.tp == 1) return;
  for (const RankDecision& ranks : decision.ranks) {
    if (!ranks.skips_sum) c.emit.all_reduce(name, output, c.groups.tp, ranks.producer);
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

// Shared experts, sharded over TP, or whole on every rank.
Value shared_experts(const StepContext& c, const LayerTerms& terms, SharedExperts shared,
                     const Value& normed) {
  const bool whole = shared == SharedExperts::replicated;
  const Value out = c.emit.result("shared_out", normed.rows, {terms.shared},
                                  whole ? GroupId::none() : c.owed_to_tp());
  const Production production = whole ? Production{terms.shared, {}, {}, 1, 1}
                                      : Production{terms.shared, c.groups.tp, {}, c.parallel.tp, 1};
  c.emit.produce(OpKind::shared_expert, "shared_experts", {normed}, out, {production});
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

// A TP-1 shared expert is added after the producer's sum; where that sum is owed to somebody else,
// every rank adds the whole of it to its part.
Value add_replicated(const StepContext& c, const LayerDecision& decision, const Value& routed,
                     const Value& shared) {
  Value sum = c.emit.result("mlp_out", routed.rows, {routed.terms.front(), shared.terms.front()},
                            c.owed_to_tp());
  for (const RankDecision& ranks : decision.ranks) {
    Value declared = sum;
    if (!ranks.skips_sum) declared.partial_over = {};
    c.emit.add("add shared experts", routed, shared, declared, {ranks.producer.ranks, {}});
  }
  return sum;
}

Value gathered_experts(const StepContext& c, const LayerFacts& facts, const LayerDecision& decision,
                       SharedExperts shared, const Value& normed) {
  constexpr const char* kSum = "post-experts all_reduce";
  const LayerTerms& terms = terms_of(c, facts);
  const bool alone = shared == SharedExperts::none || shared == SharedExperts::fused;
  const Value routed = run_experts(c, terms, shared, normed, alone ? "mlp_out" : "expert_out",
                                   all_producers(decision));
  if (alone) {
    reduce_output(c, decision, kSum, routed);
    return routed;
  }
  if (shared == SharedExperts::replicated) {
    const Value whole = shared_experts(c, terms, shared, normed);
    reduce_output(c, decision, kSum, routed);
    return add_replicated(c, decision, routed, whole);
  }
  const Value part = shared_experts(c, terms, shared, normed);
  const Value sum =
      c.emit.result("mlp_out", normed.rows, {terms.routed, terms.shared}, c.owed_to_tp());
  c.emit.add("add shared experts", routed, part, sum);
  reduce_output(c, decision, kSum, sum);
  return sum;
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

Value attend(const StepContext& c, const LayerFacts& facts, const Value& normed) {
  c.emit.enter_module("attention");
  const TermId term = terms_of(c, facts).attention;
  const Value out = c.emit.result("attn_out", c.tables.own(), {term}, c.owed_to_attn_tp());
  c.emit.produce(OpKind::attention, "self_attn", {normed}, out,
                 {{term, c.groups.attn_tp, {}, c.parallel.attn_tp, 1}});
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

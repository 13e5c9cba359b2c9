#include "sim/serving/sglang/decisions.h"

#include <algorithm>
#include <array>
#include <map>

namespace lockstep::sglang {
namespace {

constexpr std::array kLayerInputs{Input::layer, Input::last_layer, Input::kind, Input::mlp_mode,
                                  Input::output_mode};

Symbol symbol_of(ScatterMode mode) {
  switch (mode) {
    case ScatterMode::scattered:
      return Symbol::scattered;
    case ScatterMode::tp_attn_full:
      return Symbol::tp_attn_full;
    case ScatterMode::full:
      return Symbol::full;
  }
  return Symbol::other;
}

void set_layer(Environment& environment, const LayerFacts& facts) {
  environment.set(Input::layer, facts.layer);
  environment.set(Input::last_layer, facts.last);
  environment.set(Input::kind, facts.sparse ? Symbol::sparse : Symbol::dense);
  environment.set(Input::mlp_mode, symbol_of(facts.modes.mlp));
  environment.set(Input::output_mode, symbol_of(facts.modes.output));
}

template <class T>
void add_once(std::vector<T>& all, const std::vector<T>& more) {
  for (const T& item : more) {
    if (std::ranges::find(all, item) == all.end()) all.push_back(item);
  }
}

// A sum after the experts: the rules that say whether there is one and whether it is skipped.
struct ExpertSum {
  OwnSum sum;
  Input exists;
  Input skipped;
};
constexpr std::array<ExpertSum, 3> kExpertSums{
    {{OwnSum::moe_ep, Input::sums_experts_over_moe_ep, Input::skip_moe_ep_all_reduce},
     {OwnSum::moe_tp, Input::sums_experts_over_moe_tp, Input::skip_moe_tp_all_reduce},
     {OwnSum::tp, Input::sums_experts_over_tp, Input::skip_post_experts_all_reduce}}};

bool leaves_sum(const Environment& e) {
  return e.is(Input::sum_moves_to_next_layer) || e.is(Input::use_reduce_scatter);
}

std::vector<OwnSum> sums_of(const Environment& e, bool sparse) {
  if (e.is(Input::boundary_completes_sum)) {
    return leaves_sum(e) ? std::vector<OwnSum>{} : std::vector{OwnSum::tp};
  }
  if (!sparse) {
    return e.is(Input::skip_mlp_all_reduce) ? std::vector<OwnSum>{} : std::vector{OwnSum::tp};
  }
  std::vector<OwnSum> sums;
  for (const ExpertSum& s : kExpertSums) {
    if (e.is(s.exists) && !e.is(s.skipped)) sums.push_back(s.sum);
  }
  return sums;
}

// The rules on which something in such a layer depends.
std::vector<Input> consulted(const Environment& e, const LayerFacts& of) {
  if (of.modes.mlp == ScatterMode::scattered) return {Input::sum_moves_to_next_layer};
  std::vector<Input> rules{Input::sum_moves_to_next_layer, Input::boundary_completes_sum};
  if (e.is(Input::returns_over_dp)) {
    rules.insert(rules.end(),
                 {Input::return_uses_reduce_scatterv, Input::return_uses_reduce_scatter});
  }
  const bool deferred_hybrid = e.is(Input::sum_moves_to_next_layer) && of.sparse &&
                               e.at(Input::ep) > 1 && e.at(Input::moe_tp) > 1;
  if (deferred_hybrid) rules.push_back(Input::deferred_sum_covers_moe_tp);
  if (of.sparse && e.at(Input::n_shared_experts) > 0) rules.push_back(Input::shared_experts_fused);
  if (e.is(Input::boundary_completes_sum)) {
    rules.push_back(Input::use_reduce_scatter);
  } else if (!of.sparse) {
    rules.push_back(Input::skip_mlp_all_reduce);
  } else {
    for (const ExpertSum& s : kExpertSums) {
      rules.push_back(s.exists);
      if (e.is(s.exists)) rules.push_back(s.skipped);
    }
  }
  return rules;
}

bool decides_alike(const RankDecision& a, const RankDecision& b) {
  return a.sums == b.sums && a.return_step == b.return_step;
}

}  // namespace

Decisions::Decisions(const RuleBook& book, PlanBuilder& builder,
                     std::vector<Environment> facts_of_rank)
    : book_(book), builder_(builder), layer_inputs_{Input::kind} {
  std::vector<Input> rank_inputs;
  for (const Input input : book.facts()) {
    const bool of_layer = std::ranges::find(kLayerInputs, input) != kLayerInputs.end();
    if (of_layer && input != Input::kind) layer_inputs_.push_back(input);
    if (!of_layer) rank_inputs.push_back(input);
  }
  std::map<Key, std::size_t> known;
  for (std::size_t rank = 0; rank < facts_of_rank.size(); ++rank) {
    Key key;
    for (const Input input : rank_inputs) {
      key.push_back(book.told_apart(input, facts_of_rank[rank].at(input)));
    }
    const auto [found, is_new] = known.try_emplace(std::move(key), classes_.size());
    if (is_new) classes_.push_back({{}, facts_of_rank[rank]});
    classes_[found->second].ranks.push_back(static_cast<int>(rank));
  }
  whole_model_ = facts_of_rank.front();
  book_.decide(whole_model_);
}

Decisions::Key Decisions::key_of(const Environment& environment,
                                 const std::vector<Input>& inputs) const {
  Key key;
  for (const Input input : inputs) key.push_back(environment.at(input));
  return key;
}

const LayerDecision& Decisions::at(const LayerFacts& facts) {
  Environment environment;
  set_layer(environment, facts);
  Key key = key_of(environment, layer_inputs_);
  const auto found = std::ranges::find(known_, key, &std::pair<Key, LayerDecision>::first);
  if (found != known_.end()) return found->second;
  return known_.emplace_back(std::move(key), decide(facts)).second;
}

LayerDecision Decisions::decide(const LayerFacts& facts) {
  LayerDecision layer;
  for (const RankClass& ranks : classes_) add(layer, ranks, facts);
  for (RankDecision& one : layer.ranks) {
    if (layer.ranks.size() == 1) one.producer.ranks = {};
    one.consumer.ranks = one.producer.ranks;
  }
  return layer;
}

void Decisions::add(LayerDecision& layer, const RankClass& ranks, const LayerFacts& of) {
  Environment decided = ranks.facts;
  set_layer(decided, of);
  book_.decide(decided);
  note_unknown(layer, decided, of);
  settle(layer, layer.ranks.empty(), decided, of);
  RankDecision one = decide_rank(decided, of);
  one.producer.ranks = RankSet::of(ranks.ranks);
  const auto alike = std::ranges::find_if(
      layer.ranks, [&](const RankDecision& other) { return decides_alike(one, other); });
  if (alike == layer.ranks.end()) {
    layer.ranks.push_back(std::move(one));
    return;
  }
  alike->producer.ranks.insert(one.producer.ranks);
  add_once(alike->producer.because, one.producer.because);
  add_once(alike->consumer.because, one.consumer.because);
}

// The decisions that all ranks must share.
void Decisions::settle(LayerDecision& layer, bool first, const Environment& e,
                       const LayerFacts& of) {
  const auto same = [&](bool& field, Input decided, const char* rule) {
    if (!first && field != e.is(decided)) layer.fault = rule;
    field = e.is(decided);
  };
  same(layer.defers_sum, Input::sum_moves_to_next_layer, "should_allreduce_fusion");
  same(layer.fuses, Input::allreduce_fusion, "should_allreduce_fusion");
  same(layer.kernel_declines, Input::fused_kernel_declines, "fused_kernel_declines");
  same(layer.declined_reduces, Input::declined_kernel_still_reduces,
       "declined_kernel_still_reduces");
  same(layer.deferred_covers_moe_tp, Input::deferred_sum_covers_moe_tp,
       "deferred_sum_covers_moe_tp");
  same(layer.boundary_completes, Input::boundary_completes_sum, "boundary_completes_sum");
  same(layer.shared_fused, Input::shared_experts_fused, "shared_experts_fused");
  same(layer.shared_on_one_rank, Input::shared_experts_on_one_rank, "shared_experts_on_one_rank");
  same(layer.shared_on_second_stream, Input::shared_experts_on_second_stream,
       "shared_experts_on_second_stream");
  bool carries = layer.carries_return;
  same(carries, Input::return_moves_to_next_layer, "return_moves_to_next_layer");
  layer.carries_return = carries && of.modes.mlp == ScatterMode::full;
  if (of.sparse && e.is(Input::shared_expert_tp1)) {
    add_once(layer.shared, {builder_.reason(book_.reason(Input::shared_experts_on_one_rank, e))});
  }
  if (!layer.defers_sum) return;
  add_once(layer.deferral, {builder_.reason(book_.reason(Input::sum_moves_to_next_layer, e))});
  if (e.is(Input::allreduce_fusion)) {
    add_once(layer.deferral, {builder_.reason(book_.reason(Input::allreduce_fusion, e))});
  }
}

void Decisions::note_unknown(LayerDecision& layer, const Environment& decided,
                             const LayerFacts& of) const {
  for (const Input rule : consulted(decided, of)) {
    add_once(layer.unknown, book_.unknown_facts(rule, decided));
  }
}

// Why a fused kernel that was to take the sum does not.
std::vector<ReasonId> Decisions::reasons_of_decline(const Environment& e) {
  if (!e.is(Input::allreduce_fusion) || !e.is(Input::fused_kernel_declines)) return {};
  return {builder_.reason(book_.reason(Input::fused_kernel_declines, e)),
          builder_.reason(book_.reason(Input::declined_kernel_still_reduces, e))};
}

std::vector<ReasonId> Decisions::reasons_of_producer(const Environment& e, bool sparse) {
  const auto reason = [&](Input rule) { return builder_.reason(book_.reason(rule, e)); };
  const Input told = e.is(Input::sum_moves_to_next_layer) ? Input::sum_moves_to_next_layer
                                                          : Input::use_reduce_scatter;
  if (e.is(Input::boundary_completes_sum)) {
    return {reason(Input::boundary_completes_sum), reason(told)};
  }
  if (!sparse) return {reason(Input::skip_mlp_all_reduce), reason(told)};
  std::vector<ReasonId> reasons;
  for (const ExpertSum& s : kExpertSums) {
    if (e.is(s.exists)) reasons.push_back(reason(s.skipped));
  }
  if (!e.is(Input::sums_experts_over_tp)) reasons.push_back(reason(Input::sums_experts_over_tp));
  reasons.push_back(reason(told));
  return reasons;
}

RankDecision Decisions::decide_rank(const Environment& decided, const LayerFacts& of) {
  const auto reason = [&](Input rule) { return builder_.reason(book_.reason(rule, decided)); };
  RankDecision decision;
  decision.sums = sums_of(decided, of.sparse);
  const bool rsv = decided.is(Input::return_uses_reduce_scatterv);
  const bool scatter = decided.is(Input::return_uses_reduce_scatter);
  decision.return_step = rsv       ? ReturnStep::reduce_scatterv
                         : scatter ? ReturnStep::reduce_scatter
                                   : ReturnStep::dp_scatter;
  if (book_.facts().empty()) return decision;  // a system without rules gives no reasons
  decision.producer.because = reasons_of_producer(decided, of.sparse);
  add_once(decision.producer.because, reasons_of_decline(decided));
  decision.consumer.because = {
      reason(Input::return_uses_reduce_scatterv),
      reason(rsv ? Input::use_dp_reduce_scatterv : Input::return_uses_reduce_scatter)};
  return decision;
}

}  // namespace lockstep::sglang

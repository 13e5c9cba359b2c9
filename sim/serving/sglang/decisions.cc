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

void add_once(std::vector<ReasonId>& reasons, const std::vector<ReasonId>& more) {
  for (const ReasonId reason : more) {
    if (std::ranges::find(reasons, reason) == reasons.end()) reasons.push_back(reason);
  }
}

bool decides_alike(const RankDecision& a, const RankDecision& b) {
  return a.skips_sum == b.skips_sum && a.return_step == b.return_step;
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

bool Decisions::whole_model(Input decided) const {
  Environment environment = classes_.front().facts;
  book_.decide(environment);
  return environment.is(decided);
}

LayerDecision Decisions::decide(const LayerFacts& facts) {
  LayerDecision layer;
  for (const RankClass& ranks : classes_) {
    Environment decided = ranks.facts;
    set_layer(decided, facts);
    book_.decide(decided);
    const bool defers = decided.is(Input::allreduce_fusion);
    const bool fused = decided.is(Input::shared_experts_fused);
    const bool first = &ranks == &classes_.front();
    if (!first && defers != layer.defers_sum) layer.fault = "should_allreduce_fusion";
    if (!first && fused != layer.shared_fused) layer.fault = "shared_experts_fused";
    layer.defers_sum = defers;
    layer.shared_fused = fused;
    if (defers)
      add_once(layer.fusion, {builder_.reason(book_.reason(Input::allreduce_fusion, decided))});
    RankDecision one = decide(ranks, decided, facts.sparse);
    const auto alike = std::ranges::find_if(
        layer.ranks, [&](const RankDecision& other) { return decides_alike(one, other); });
    if (alike == layer.ranks.end()) {
      layer.ranks.push_back(std::move(one));
      continue;
    }
    alike->producer.ranks.insert(one.producer.ranks);
    add_once(alike->producer.because, one.producer.because);
    add_once(alike->consumer.because, one.consumer.because);
  }
  for (RankDecision& one : layer.ranks) {
    if (layer.ranks.size() == 1) one.producer.ranks = {};
    one.consumer.ranks = one.producer.ranks;
  }
  return layer;
}

RankDecision Decisions::decide(const RankClass& ranks, const Environment& decided, bool sparse) {
  const auto reason = [&](Input rule) { return builder_.reason(book_.reason(rule, decided)); };
  const Input skip = sparse ? Input::skip_post_experts_all_reduce : Input::skip_mlp_all_reduce;
  RankDecision decision;
  decision.producer.ranks = RankSet::of(ranks.ranks);
  decision.skips_sum = decided.is(skip);
  const bool deferred = decided.is(Input::allreduce_fusion);
  if (book_.facts().empty()) return decision;  // a system without rules gives no reasons
  decision.producer.because = {
      reason(skip), reason(deferred ? Input::allreduce_fusion : Input::use_reduce_scatter)};
  if (decided.is(Input::return_uses_reduce_scatterv)) {
    decision.return_step = ReturnStep::reduce_scatterv;
    decision.consumer.because = {reason(Input::return_uses_reduce_scatterv),
                                 reason(Input::use_dp_reduce_scatterv)};
  } else {
    const bool scatter = decided.is(Input::return_uses_reduce_scatter);
    decision.return_step = scatter ? ReturnStep::reduce_scatter : ReturnStep::dp_scatter;
    decision.consumer.because = {reason(Input::return_uses_reduce_scatterv),
                                 reason(Input::return_uses_reduce_scatter)};
  }
  return decision;
}

}  // namespace lockstep::sglang

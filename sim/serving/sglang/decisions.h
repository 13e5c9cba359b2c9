// What the rules decide for each layer, and on which ranks: rules are evaluated per rank, equal
// questions once.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "sim/plan/builder.h"
#include "sim/serving/rule.h"
#include "sim/serving/sglang/emitter.h"
#include "sim/serving/sglang/scatter_modes.h"

namespace lockstep::sglang {

enum class ReturnStep : std::uint8_t { dp_scatter, reduce_scatter, reduce_scatterv };

// Ranks on which every rule decides alike.
struct RankDecision {
  Who producer;  // `because`: why the producer skips its sum or does not
  Who consumer;  // `because`: why the return is what it is. Both have the same ranks
  bool skips_sum = false;
  ReturnStep return_step = ReturnStep::dp_scatter;
};

struct LayerDecision {
  std::vector<RankDecision> ranks;  // a partition; one entry with an empty set if all agree
  bool defers_sum = false;          // the next layer's fused all-reduce does it
  bool shared_fused = false;
  std::vector<ReasonId> fusion;  // why the sum is deferred
  std::string fault;             // a decision that must not depend on the rank does
};

struct LayerFacts {
  int layer = 0;
  bool sparse = false;
  bool last = false;
  ScatterModes modes;
};

class Decisions {
 public:
  // `facts_of_rank` has, per rank, everything but the facts of the layer. The references outlive
  // this object.
  Decisions(const RuleBook& book, PlanBuilder& builder, std::vector<Environment> facts_of_rank);

  const LayerDecision& at(const LayerFacts& facts);
  // The value of a rule that does not look at layers, on rank 0.
  bool whole_model(Input decided) const;

 private:
  struct RankClass {
    std::vector<int> ranks;
    Environment facts;
  };
  using Key = std::vector<std::int64_t>;

  Key key_of(const Environment& environment, const std::vector<Input>& inputs) const;
  LayerDecision decide(const LayerFacts& facts);
  RankDecision decide(const RankClass& ranks, const Environment& decided, bool sparse);

  const RuleBook& book_;
  PlanBuilder& builder_;
  std::vector<RankClass> classes_;
  std::vector<Input> layer_inputs_;  // facts of a layer that some rule reads, and its kind
  std::deque<std::pair<Key, LayerDecision>> known_;  // keeps references valid
};

}  // namespace lockstep::sglang

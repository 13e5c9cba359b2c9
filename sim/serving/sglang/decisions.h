// What the rules decide for each layer, and on which ranks: rules are evaluated per rank, equal
// questions once.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sim/plan/builder.h"
#include "sim/serving/rule.h"
#include "sim/serving/sglang/emitter.h"
#include "sim/serving/sglang/scatter_modes.h"

namespace lockstep::sglang {

enum class ReturnStep : std::uint8_t { dp_scatter, reduce_scatter, reduce_scatterv };

// The sums that a producer runs over its output, in this order.
enum class OwnSum : std::uint8_t { moe_ep, moe_tp, tp };

// Ranks on which every rule decides alike.
struct RankDecision {
  Who producer;  // `because`: why the producer skips its sums or does not
  Who consumer;  // `because`: why the return is what it is. Both have the same ranks
  std::vector<OwnSum> sums;
  ReturnStep return_step = ReturnStep::dp_scatter;
};

// Decisions that must not depend on the rank.
struct LayerDecision {
  std::vector<RankDecision> ranks;  // a partition; one entry with an empty set if all agree
  bool defers_sum = false;          // the next layer does it
  bool carries_return = false;      // the next layer runs the return step
  bool fuses = false;               // a deferred sum is one kernel with add and norm
  bool kernel_declines = false;     // the fault of section 6.4: then it does add and norm alone,
  bool declined_reduces = false;    // unless this
  bool deferred_covers_moe_tp = true;
  bool boundary_completes = false;  // sums that remain are the boundary's, not the producer's
  bool shared_fused = false;
  bool shared_on_one_rank = false;
  bool shared_on_second_stream = false;
  std::vector<ReasonId> deferral;    // why the sum is deferred
  std::vector<ReasonId> shared;      // who adds a shared expert that every rank has whole
  std::vector<std::string> unknown;  // facts that nobody knows and that decide something here
  std::string fault;                 // a decision that must not depend on the rank does
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
  // Everything decided on rank 0, with no layer: for rules that do not look at layers.
  const Environment& whole_model() const { return whole_model_; }
  const RuleBook& book() const { return book_; }

 private:
  // Ranks that no rule tells apart.
  struct RankClass {
    std::vector<int> ranks;
    Environment facts;
  };
  using Key = std::vector<std::int64_t>;

  Key key_of(const Environment& environment, const std::vector<Input>& inputs) const;
  LayerDecision decide(const LayerFacts& facts);
  void add(LayerDecision& layer, const RankClass& ranks, const LayerFacts& of);
  void settle(LayerDecision& layer, bool first, const Environment& e, const LayerFacts& of);
  void note_unknown(LayerDecision& layer, const Environment& decided, const LayerFacts& of) const;
  RankDecision decide_rank(const Environment& decided, const LayerFacts& of);
  std::vector<ReasonId> reasons_of_decline(const Environment& e);
  std::vector<ReasonId> reasons_of_producer(const Environment& e, bool sparse);

  const RuleBook& book_;
  PlanBuilder& builder_;
  std::vector<RankClass> classes_;
  Environment whole_model_;
  std::vector<Input> layer_inputs_;  // facts of a layer that some rule reads, and its kind
  std::deque<std::pair<Key, LayerDecision>> known_;  // keeps references valid
};

}  // namespace lockstep::sglang

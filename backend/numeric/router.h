// Which experts a token goes to, as the families have it: sigmoid or softmax scores; the best, or
// the best within the best groups; a correction bias that counts in the choice and not in the
// weight. Sources: MoEGate of DeepSeek-V2's and V3's published model code (`group_limited_greedy`
// and `noaux_tc`), which SGLang's topk.py computes, too.
#pragma once

#include <span>
#include <vector>

#include "backend/numeric/weights.h"
#include "sim/model/model.h"

namespace lockstep::numeric {

struct ExpertChoice {
  std::vector<int> experts;  // ascending
  // The smallest relative distance between a group or expert that was kept and one that was not:
  // how far the choice is from being another. Infinite if there was nothing to choose.
  double margin = 0;
};

// Of one layer's router; empty where the model has none.
struct RouterBiases {
  std::vector<float> logits;
  std::vector<float> correction;
};
RouterBiases router_biases(Weights& weights, int layer);

// Scores of one token from its router logits, by Model::scoring_func. In place. (GPT-OSS takes the
// softmax of the chosen logits: the softmax of all, normalised over the chosen.)
void score(std::span<double> logits, const Model& model);

// By what experts are chosen: their scores plus the correction.
std::vector<double> ranking(std::span<const double> scores, const RouterBiases& biases);

// `ranks`: one number per expert, the higher the better. With n_group > 1, unless topk_method is
// "greedy", only experts of the topk_group best groups take part; a group counts as its best expert
// with "group_limited_greedy", else as the sum of its two best. Ties go to the lower index; a NaN
// loses to every number. At most num_experts_per_tok experts, and never more than there are.
ExpertChoice choose_experts(std::span<const double> ranks, const Model& model);

// The weight of each chosen expert, in the order of `experts`: its score, divided by their sum with
// norm_topk_prob, times routed_scaling_factor.
std::vector<double> combine_weights(std::span<const double> scores, const std::vector<int>& experts,
                                    const Model& model);

}  // namespace lockstep::numeric

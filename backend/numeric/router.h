// Which experts a token goes to: DeepSeek-V3's group-limited top-k (`noaux_tc` without a correction
// bias), from its published model code; SGLang's biased_grouped_topk computes the same.
#pragma once

#include <span>
#include <vector>

#include "sim/model/model.h"

namespace lockstep::numeric {

struct ExpertChoice {
  std::vector<int> experts;  // ascending
  // The smallest relative distance between a group or expert that was kept and one that was not:
  // how far the choice is from being another. Infinite if there was nothing to choose.
  double margin = 0;
};

// `scores`: one per expert, after sigmoid or softmax. With n_group > 1 a group's score is the sum
// of its two best experts, and only the topk_group best groups take part. Ties go to the lower
// index; a NaN loses to every number. At most num_experts_per_tok experts, and never more than
// there are.
ExpertChoice choose_experts(std::span<const double> scores, const Model& model);

// Scores of one token from its router logits, by Model::scoring_func. In place.
void score(std::span<double> logits, const Model& model);

// The weight of each chosen expert, in the order of `experts`: its score, divided by their sum with
// norm_topk_prob, times routed_scaling_factor.
std::vector<double> combine_weights(std::span<const double> scores, const std::vector<int>& experts,
                                    const Model& model);

}  // namespace lockstep::numeric

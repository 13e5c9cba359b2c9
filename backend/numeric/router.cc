#include "backend/numeric/router.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "backend/numeric/arithmetic.h"

namespace lockstep::numeric {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Selection {
  std::vector<int> kept;  // ascending
  double margin = kInfinity;
};

// The `count` best of `candidates`; ties to the lower index.
Selection best(std::span<const double> values, std::vector<int> candidates, std::size_t count) {
  const auto value = [&](int i) {
    const double v = values[static_cast<std::size_t>(i)];
    return std::isnan(v) ? -kInfinity : v;
  };
  count = std::min(count, candidates.size());
  const auto better = [&](int a, int b) {
    return value(a) != value(b) ? value(a) > value(b) : a < b;
  };
  std::partial_sort(
      candidates.begin(),
      candidates.begin() + static_cast<std::ptrdiff_t>(std::min(count + 1, candidates.size())),
      candidates.end(), better);
  Selection selection;
  if (count > 0 && count < candidates.size()) {
    const double last_kept = value(candidates[count - 1]);
    const double first_lost = value(candidates[count]);
    const double size = std::max(std::abs(last_kept), std::abs(first_lost));
    selection.margin = size > 0 && size < kInfinity ? (last_kept - first_lost) / size : 0;
  }
  candidates.resize(count);
  std::ranges::sort(candidates);
  selection.kept = std::move(candidates);
  return selection;
}

std::vector<int> all_of(std::size_t count) {
  std::vector<int> indices(count);
  for (std::size_t i = 0; i < count; ++i) indices[i] = static_cast<int>(i);
  return indices;
}

// What a group counts: the sum of its `count` best.
double sum_of_best(std::span<const double> ranks, std::size_t count) {
  const Selection kept = best(ranks, all_of(ranks.size()), count);
  double sum = 0;
  for (const int i : kept.kept) sum += ranks[static_cast<std::size_t>(i)];
  return sum;
}

// The experts of the groups that are kept.
Selection in_best_groups(std::span<const double> ranks, std::size_t groups, const Model& model) {
  const std::size_t size = ranks.size() / groups;
  const std::size_t counted = model.topk_method == "group_limited_greedy" ? 1 : 2;
  std::vector<double> of_groups;
  for (std::size_t g = 0; g < groups; ++g) {
    of_groups.push_back(sum_of_best(ranks.subspan(g * size, size), counted));
  }
  const auto wanted = static_cast<std::size_t>(std::max(1, model.topk_group));
  const Selection kept = best(of_groups, all_of(groups), wanted);
  Selection experts{{}, kept.margin};
  for (const int g : kept.kept) {
    for (std::size_t i = 0; i < size; ++i) {
      experts.kept.push_back(static_cast<int>(static_cast<std::size_t>(g) * size + i));
    }
  }
  return experts;
}

}  // namespace

RouterBiases router_biases(Weights& weights, int layer) {
  RouterBiases biases;
  const Model& model = weights.model();
  if (model.router_bias) biases.logits = weights.at({WeightKind::router_bias, layer}).row();
  if (model.topk_method == "noaux_tc") {
    biases.correction = weights.at({WeightKind::correction_bias, layer}).row();
  }
  return biases;
}

std::vector<double> ranking(std::span<const double> scores, const RouterBiases& biases) {
  std::vector<double> ranks(scores.begin(), scores.end());
  for (std::size_t e = 0; e < biases.correction.size(); ++e) {
    ranks[e] += static_cast<double>(biases.correction[e]);
  }
  return ranks;
}

ExpertChoice choose_experts(std::span<const double> ranks, const Model& model) {
  const auto groups = static_cast<std::size_t>(std::max(1, model.n_group));
  const bool is_grouped = groups > 1 && ranks.size() % groups == 0 && model.topk_method != "greedy";
  Selection candidates{all_of(ranks.size()), kInfinity};
  if (is_grouped) candidates = in_best_groups(ranks, groups, model);
  const auto wanted = static_cast<std::size_t>(std::max(0, model.num_experts_per_tok));
  Selection chosen = best(ranks, std::move(candidates.kept), wanted);
  return {std::move(chosen.kept), std::min(candidates.margin, chosen.margin)};
}

void score(std::span<double> logits, const Model& model) {
  if (model.scoring_func == "softmax") {
    softmax(logits);
    return;
  }
  for (double& v : logits) v = sigmoid(v);
}

std::vector<double> combine_weights(std::span<const double> scores, const std::vector<int>& experts,
                                    const Model& model) {
  std::vector<double> weights;
  double total = 0;
  for (const int e : experts) {
    weights.push_back(scores[static_cast<std::size_t>(e)]);
    total += weights.back();
  }
  for (double& w : weights) {
    if (model.norm_topk_prob && total > 0) w /= total;
    w *= model.routed_scaling_factor;
  }
  return weights;
}

}  // namespace lockstep::numeric

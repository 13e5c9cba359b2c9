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

double sum_of_two_best(std::span<const double> scores) {
  const Selection two = best(scores, all_of(scores.size()), 2);
  double sum = 0;
  for (const int i : two.kept) sum += scores[static_cast<std::size_t>(i)];
  return sum;
}

}  // namespace

ExpertChoice choose_experts(std::span<const double> scores, const Model& model) {
  const auto groups = static_cast<std::size_t>(std::max(1, model.n_group));
  std::vector<int> candidates = all_of(scores.size());
  double margin = kInfinity;
  if (groups > 1 && scores.size() % groups == 0) {
    const std::size_t size = scores.size() / groups;
    std::vector<double> group_scores;
    for (std::size_t g = 0; g < groups; ++g) {
      group_scores.push_back(sum_of_two_best(scores.subspan(g * size, size)));
    }
    const auto wanted = static_cast<std::size_t>(std::max(1, model.topk_group));
    const Selection kept = best(group_scores, all_of(groups), wanted);
    margin = kept.margin;
    candidates.clear();
    for (const int g : kept.kept) {
      for (std::size_t i = 0; i < size; ++i) {
        candidates.push_back(static_cast<int>(static_cast<std::size_t>(g) * size + i));
      }
    }
  }
  const auto wanted = static_cast<std::size_t>(std::max(0, model.num_experts_per_tok));
  Selection chosen = best(scores, std::move(candidates), wanted);
  return {std::move(chosen.kept), std::min(margin, chosen.margin)};
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

// The pieces of the router's kernel on the host, put together as the kernel does: router.h's
// choice.
#include <doctest/doctest.h>

#include <limits>
#include <vector>

#include "backend/nccl/kernels_router.cuh"
#include "backend/numeric/router.h"
#include "sim/base/random.h"

namespace lockstep::test {
namespace {

using nccl::Candidate;

constexpr int kLanes = 32;

// As the lanes of a warp do it: each looks at every 32nd, then the best of all.
Candidate best_of_lanes(const std::vector<double>& ranks, const std::vector<unsigned char>& taken) {
  Candidate best{0.0, -1};
  const int count = static_cast<int>(ranks.size());
  for (int lane = 0; lane < kLanes; ++lane) {
    best = nccl::better(best, nccl::best_of(ranks.data(), taken.data(), lane, count, kLanes));
  }
  return best;
}

std::vector<unsigned char> taken_best(const std::vector<double>& ranks,
                                      std::vector<unsigned char> taken, int wanted) {
  for (int i = 0; i < wanted; ++i) {
    const Candidate best = best_of_lanes(ranks, taken);
    if (best.index < 0) break;
    taken[static_cast<std::size_t>(best.index)] = 2;
  }
  return taken;
}

std::vector<int> chosen(const std::vector<double>& ranks, const Model& model) {
  const int experts = static_cast<int>(ranks.size());
  std::vector<unsigned char> taken(ranks.size(), 0);
  const int groups = model.n_group;
  if (groups > 1 && experts % groups == 0 && model.topk_method != "greedy") {
    const int size = experts / groups;
    std::vector<double> values;
    for (int g = 0; g < groups; ++g) {
      values.push_back(nccl::group_value(ranks.data() + g * size, size,
                                         model.topk_method != "group_limited_greedy"));
    }
    const std::vector<unsigned char> kept =
        taken_best(values, std::vector<unsigned char>(values.size(), 0), model.topk_group);
    for (int e = 0; e < experts; ++e) {
      taken[static_cast<std::size_t>(e)] = kept[static_cast<std::size_t>(e / size)] == 2 ? 0 : 1;
    }
  }
  taken = taken_best(ranks, taken, model.num_experts_per_tok);
  std::vector<int> experts_chosen;
  for (int e = 0; e < experts; ++e) {
    if (taken[static_cast<std::size_t>(e)] == 2) experts_chosen.push_back(e);
  }
  return experts_chosen;
}

// Few different values, so that there are ties, and some that are no number.
std::vector<double> any_ranks(Random& random, int count) {
  std::vector<double> ranks;
  const bool has_nan = random.chance(1, 4);
  for (int e = 0; e < count; ++e) {
    const bool is_nan = has_nan && random.chance(1, 3);
    ranks.push_back(is_nan ? std::numeric_limits<double>::quiet_NaN()
                           : static_cast<double>(random.below(12) - 3) / 8);
  }
  return ranks;
}

TEST_CASE("the kernel's pieces choose the experts that router.h chooses, ties and NaN included") {
  Random random(17);
  for (int i = 0; i < 5000; ++i) {
    Model model;
    model.n_group = random.chance(1, 2) ? 1 : static_cast<int>(2 + random.below(7));
    const int size = static_cast<int>(1 + random.below(40));
    const int count = model.n_group * size + (random.chance(1, 5) ? 1 : 0);
    model.topk_group = static_cast<int>(1 + random.below(model.n_group));
    model.num_experts_per_tok = static_cast<int>(random.below(10));
    const std::vector<std::string> methods = {"", "greedy", "group_limited_greedy", "noaux_tc"};
    model.topk_method = methods[static_cast<std::size_t>(random.below(4))];
    const std::vector<double> ranks = any_ranks(random, count);
    CAPTURE(i);
    REQUIRE(chosen(ranks, model) == numeric::choose_experts(ranks, model).experts);
  }
}

}  // namespace
}  // namespace lockstep::test

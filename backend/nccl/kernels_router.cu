#include "backend/nccl/kernels_router.cuh"

#include "backend/nccl/kernels.h"
#include "backend/nccl/kernels_launch.cuh"

namespace lockstep::nccl {
namespace {

// What a block has in shared memory, one after the other: scores, ranks (one per expert), values of
// groups, and for each expert and each group whether it is taken.
struct Scratch {
  double* scores;
  double* ranks;
  double* groups;
  unsigned char* taken;
  unsigned char* group_taken;
};

__device__ Scratch scratch_of(double* memory, const RouterRules& rules) {
  double* const groups = memory + 2 * rules.experts;
  auto* const flags = reinterpret_cast<unsigned char*>(groups + rules.groups);
  return {memory, memory + rules.experts, groups, flags, flags + rules.experts};
}

std::size_t scratch_bytes(const RouterRules& rules) {
  const auto doubles = static_cast<std::size_t>(2 * rules.experts + rules.groups);
  const auto flags = static_cast<std::size_t>(rules.experts + rules.groups);
  return doubles * sizeof(double) + flags;
}

// The best of all lanes', in all of them.
__device__ Candidate warp_best(Candidate own) {
  for (unsigned offset = kWarp / 2; offset > 0; offset /= 2) {
    const Candidate other{__shfl_xor_sync(kAllLanes, own.value, static_cast<int>(offset)),
                          __shfl_xor_sync(kAllLanes, own.index, static_cast<int>(offset))};
    own = better(own, other);
  }
  return own;
}

// scores := the scores of the logits; the sum of the softmax in the order of experts, as the host
// has it.
__device__ void score(const float* logits, const RouterRules& rules, double* scores) {
  const int lane = static_cast<int>(threadIdx.x);
  const int step = static_cast<int>(kWarp);
  double top = 0.0;
  if (rules.softmax) {
    top = static_cast<double>(logits[0]);
    for (int e = 1; e < rules.experts; ++e) {
      const auto logit = static_cast<double>(logits[e]);
      if (top < logit) top = logit;
    }
  }
  for (int e = lane; e < rules.experts; e += step) {
    const auto logit = static_cast<double>(logits[e]);
    scores[e] = rules.softmax ? exp(logit - top) : 1.0 / (1.0 + exp(-logit));
  }
  __syncwarp();
  if (!rules.softmax) return;
  double total = 0.0;
  for (int e = 0; e < rules.experts; ++e) total += scores[e];
  __syncwarp();  // all lanes have read the scores
  for (int e = lane; e < rules.experts; e += step) scores[e] /= total;
  __syncwarp();
}

// Marks as taken all experts outside of the best groups.
__device__ void leave_groups_out(const RouterRules& rules, const Scratch& at) {
  const int lane = static_cast<int>(threadIdx.x);
  const int step = static_cast<int>(kWarp);
  const int size = rules.experts / rules.groups;
  for (int g = lane; g < rules.groups; g += step) {
    at.groups[g] = group_value(at.ranks + g * size, size, rules.counts_two);
    at.group_taken[g] = 0;
  }
  __syncwarp();
  for (int i = 0; i < rules.groups_wanted; ++i) {
    const Candidate best = warp_best(best_of(at.groups, at.group_taken, lane, rules.groups, step));
    if (best.index < 0) break;  // the same in all lanes
    __syncwarp();
    if (lane == 0) at.group_taken[best.index] = 1;
    __syncwarp();
  }
  for (int e = lane; e < rules.experts; e += step) at.taken[e] = at.group_taken[e / size] ? 0 : 1;
  __syncwarp();
}

// Marks the chosen experts with kChosen.
constexpr unsigned char kChosen = 2;
__device__ void choose(const RouterRules& rules, const Scratch& at) {
  const int lane = static_cast<int>(threadIdx.x);
  for (int i = 0; i < rules.wanted; ++i) {
    const Candidate best =
        warp_best(best_of(at.ranks, at.taken, lane, rules.experts, static_cast<int>(kWarp)));
    if (best.index < 0) break;
    __syncwarp();
    if (lane == 0) at.taken[best.index] = kChosen;
    __syncwarp();
  }
}

// A warp, which is a block, per token. logits, out: tokens x experts.
template <class T>
__global__ void route(const float* logits, const float* correction, RouterRules rules, T* out) {
  extern __shared__ double memory[];
  const Scratch at = scratch_of(memory, rules);
  const int lane = static_cast<int>(threadIdx.x);
  const int step = static_cast<int>(kWarp);
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * rules.experts;
  score(logits + row, rules, at.scores);
  for (int e = lane; e < rules.experts; e += step) {
    const double added = correction != nullptr ? static_cast<double>(correction[e]) : 0.0;
    at.ranks[e] = at.scores[e] + added;
    at.taken[e] = 0;
  }
  __syncwarp();
  if (rules.groups > 0) leave_groups_out(rules, at);
  choose(rules, at);
  double total = 0.0;
  for (int e = 0; e < rules.experts; ++e) {
    if (at.taken[e] == kChosen) total += at.scores[e];
  }
  for (int e = lane; e < rules.experts; e += step) {
    double weight = at.taken[e] == kChosen ? at.scores[e] : 0.0;
    if (rules.normalizes && total > 0.0) weight /= total;
    out[row + e] = rounded<T>(static_cast<float>(weight * rules.scaling));
  }
}

RouterRules rules_of(const Model& model, int experts) {
  RouterRules rules;
  rules.experts = experts;
  rules.wanted = std::max(0, model.num_experts_per_tok);
  const int groups = std::max(1, model.n_group);
  if (groups > 1 && experts % groups == 0 && model.topk_method != "greedy") rules.groups = groups;
  rules.groups_wanted = std::max(1, model.topk_group);
  rules.counts_two = model.topk_method != "group_limited_greedy";
  rules.softmax = model.scoring_func == "softmax";
  rules.normalizes = model.norm_topk_prob;
  rules.scaling = model.routed_scaling_factor;
  return rules;
}

}  // namespace

void choose_experts(Device& device, const DeviceValues& logits, const DeviceValues& correction,
                    const Model& model, DeviceValues& out) {
  if (out.element_count() == 0) return;
  LOCKSTEP_ASSERT(logits.type() == ElementType::float32);
  const RouterRules rules = rules_of(model, static_cast<int>(logits.columns()));
  const std::size_t bytes = scratch_bytes(rules);
  LOCKSTEP_ASSERT(bytes <= 48 * 1024 && logits.rows() < std::int64_t{1} << 31);
  with_type(out.type(), [&](auto type) {
    using T = decltype(type);
    route<T><<<static_cast<unsigned>(logits.rows()), kWarp, bytes, device.stream()>>>(
        elements<float>(logits), elements<float>(correction), rules, elements<T>(out));
  });
  check_launch("router");
}

}  // namespace lockstep::nccl

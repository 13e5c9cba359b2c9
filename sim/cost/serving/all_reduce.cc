#include "sim/cost/serving/all_reduce.h"

#include <string_view>

#include "sim/cost/serving/shots.h"

namespace lockstep {
namespace {

constexpr double kMiB = 1024.0 * 1024.0;
constexpr std::size_t kMostRanks = 8;

struct Limits {
  double one_shot_MiB;
  double multimem_MiB;  // 0: never
  double most_MiB;
};

Limits limits_of(std::size_t ranks, const AllReduceConstants& c) {
  if (ranks <= 2) return {c.one_shot_2_MiB, 0, c.limit_2_MiB};
  if (ranks <= 4) return {c.one_shot_4_MiB, 0, c.limit_4_MiB};
  return {c.one_shot_8_MiB, c.multimem_8_MiB, c.limit_8_MiB};
}

std::string algorithm_of(double MiB, const Limits& limits, bool multicast) {
  if (multicast && limits.multimem_MiB > 0 && MiB >= limits.multimem_MiB) return "multimem";
  return MiB <= limits.one_shot_MiB ? "one-shot" : "two-shot";
}

Shot shot_of(std::string_view algorithm, int ranks, double bytes, const AllReduceConstants& c) {
  if (algorithm == "multimem") return multimem(ranks, bytes, c);
  if (algorithm == "two-shot") return two_shot(ranks, bytes, c);
  return one_shot(ranks, bytes, c);
}

bool is_shot(std::string_view algorithm) {
  return algorithm == "one-shot" || algorithm == "two-shot" || algorithm == "multimem";
}

}  // namespace

double all_reduce_limit_MiB(std::size_t ranks, const AllReduceConstants& constants) {
  return ranks < 2 || ranks > kMostRanks ? 0 : limits_of(ranks, constants).most_MiB;
}

std::optional<CollectiveTime> custom_all_reduce_time(const CollectiveCall& call,
                                                     const Hardware& hardware,
                                                     const AllReduceConstants& constants) {
  LOCKSTEP_ASSERT(call.kind == Collective::all_reduce);
  const std::size_t ranks = call.ranks.size();
  const double most_MiB = all_reduce_limit_MiB(ranks, constants);
  if (most_MiB <= 0 || !on_one_node(call, hardware)) return std::nullopt;
  const auto bytes = static_cast<double>(call.bytes);
  const Limits limits = limits_of(ranks, constants);
  const bool fused = call.algorithm == "fused-norm";
  const bool by_size = call.algorithm.empty() || fused;
  if (by_size && bytes / kMiB > most_MiB) return std::nullopt;
  if (!by_size && !is_shot(call.algorithm)) return std::nullopt;

  const std::string algorithm =
      by_size ? algorithm_of(bytes / kMiB, limits, hardware.node.multicast > 0) : call.algorithm;
  Shot shot = shot_of(algorithm, static_cast<int>(ranks), bytes, constants);
  if (fused) shot.floor_us += hardware.serving.fused_norm_us;
  return shot_time(shot, call, hardware, constants,
                   call.algorithm.empty() ? algorithm : call.algorithm);
}

}  // namespace lockstep

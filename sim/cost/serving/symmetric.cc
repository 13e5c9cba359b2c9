#include "sim/cost/serving/symmetric.h"

#include "sim/cost/serving/shots.h"

namespace lockstep {
namespace {

struct Named {
  Shot shot;
  std::string algorithm;
};

Named quickest_all_reduce(int ranks, double bytes, const Hardware& hardware) {
  const ServingConstants& serving = hardware.serving;
  Named best{one_shot(ranks, bytes, serving.sglang), "one-shot"};
  const auto offer = [&](const Shot& shot, const char* algorithm) {
    if (device_us(shot, hardware) < device_us(best.shot, hardware)) best = {shot, algorithm};
  };
  offer(two_shot(ranks, bytes, serving.sglang), "two-shot");
  if (hardware.node.multicast > 0) offer(multimem(ranks, bytes, serving.vllm), "multimem");
  return best;
}

Named half_a_two_shot(int ranks, double bytes, const Hardware& hardware) {
  Shot shot = two_shot(ranks, bytes, hardware.serving.sglang);
  shot.floor_us /= 2;
  shot.bytes /= 2;
  return {shot, "direct"};
}

}  // namespace

std::optional<CollectiveTime> symmetric_time(const CollectiveCall& call, const Hardware& hardware) {
  const int ranks = static_cast<int>(call.ranks.size());
  const bool halves =
      call.kind == Collective::all_gather || call.kind == Collective::reduce_scatter;
  if (!halves && call.kind != Collective::all_reduce) return std::nullopt;
  if (ranks < 2 || hardware.serving.sglang.limit_2_MiB <= 0 || !on_one_node(call, hardware)) {
    return std::nullopt;
  }
  const auto bytes = static_cast<double>(call.bytes);
  const Named named = halves ? half_a_two_shot(ranks, bytes, hardware)
                             : quickest_all_reduce(ranks, bytes, hardware);
  return shot_time(named.shot, call, hardware, hardware.serving.vllm, named.algorithm);
}

}  // namespace lockstep

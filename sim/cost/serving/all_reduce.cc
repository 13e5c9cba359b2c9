#include "sim/cost/serving/all_reduce.h"

#include <algorithm>

namespace lockstep {
namespace {

constexpr double kMiB = 1024.0 * 1024.0;
constexpr double kFullLinkBytes = 500'000;

// Of the form floor + bytes / rate.
struct Parts {
  double floor_us = 0;
  double bytes = 0;
  double GBps = 1;
};

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

std::string algorithm_of(double bytes, const Limits& limits, bool multicast) {
  const double MiB = bytes / kMiB;
  if (multicast && limits.multimem_MiB > 0 && MiB >= limits.multimem_MiB) return "multimem";
  return MiB <= limits.one_shot_MiB ? "one-shot" : "two-shot";
}

Parts parts_of(const std::string& algorithm, double ranks, double bytes,
               const AllReduceConstants& c) {
  const double peers = ranks - 1;
  if (algorithm == "multimem") {
    return {c.multimem_us, (ranks + 1) / ranks * bytes, c.multimem_GBps};
  }
  if (algorithm == "two-shot") {
    return {c.two_shot_us + (peers - 1) * c.two_shot_rank_us, 2 * peers / ranks * bytes,
            c.two_shot_GBps};
  }
  const double fill = c.fill_us * std::min(1.0, peers * bytes / kFullLinkBytes);
  return {c.one_shot_us + (peers - 1) * c.rank_us + fill, peers * bytes, c.one_shot_GBps};
}

bool on_one_node(const CollectiveCall& call, double gpus) {
  const auto node_size = static_cast<int>(gpus);
  return std::ranges::all_of(
      call.ranks, [&](int rank) { return rank / node_size == call.ranks.front() / node_size; });
}

// What an eager call waits for beyond the kernel: the copy, and the host.
double eager_us(double device_us, double bytes, const AllReduceConstants& c) {
  const double with_copy = device_us + 2 * bytes / c.copy_GBps / 1e3;
  return std::max(c.eager_us, with_copy) - device_us;
}

}  // namespace

std::optional<CollectiveTime> custom_all_reduce_time(const CollectiveCall& call,
                                                     const Hardware& hardware,
                                                     const AllReduceConstants& constants) {
  LOCKSTEP_ASSERT(call.kind == Collective::all_reduce);
  const std::size_t ranks = call.ranks.size();
  if (ranks < 2 || ranks > 8 || !on_one_node(call, hardware.node.gpus)) return std::nullopt;
  const auto bytes = static_cast<double>(call.bytes);
  const Limits limits = limits_of(ranks, constants);
  const bool by_size = call.algorithm.empty() || call.algorithm == "fused-norm";
  if (limits.most_MiB <= 0 || (by_size && bytes / kMiB > limits.most_MiB)) return std::nullopt;

  const std::string algorithm =
      by_size ? algorithm_of(bytes, limits, hardware.node.multicast > 0) : call.algorithm;
  Parts parts = parts_of(algorithm, static_cast<double>(ranks), bytes, constants);
  if (call.algorithm == "fused-norm") parts.floor_us += hardware.serving.fused_norm_us;
  const double transfer_us = parts.bytes / std::min(parts.GBps, hardware.node.link_GBps) / 1e3;
  const double device_us = parts.floor_us + transfer_us;

  const bool eager = call.launch == LaunchStyle::eager;
  const double node_us = std::min(parts.floor_us, hardware.launch.graph_node_us);
  CollectiveTime time;
  time.launch = from_microseconds(node_us + (eager ? eager_us(device_us, bytes, constants) : 0));
  time.latency = from_microseconds(parts.floor_us - node_us);
  time.transfer = from_microseconds(transfer_us);
  time.library = "custom";
  time.algorithm = call.algorithm == "fused-norm" ? algorithm + "+norm" : algorithm;
  return time;
}

}  // namespace lockstep

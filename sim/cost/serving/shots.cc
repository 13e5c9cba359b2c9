#include "sim/cost/serving/shots.h"

#include <algorithm>
#include <utility>

namespace lockstep {
namespace {

constexpr double kFullLinkBytes = 500'000;

// What an eager call waits for beyond the kernel: the copy, and the host.
double eager_us(double device_us, double bytes, const AllReduceConstants& c) {
  const double with_copy = device_us + 2 * bytes / c.copy_GBps / 1e3;
  return std::max(c.eager_us, with_copy) - device_us;
}

double transfer_us(const Shot& shot, const Hardware& hardware) {
  return shot.bytes / std::min(shot.GBps, hardware.node.link_GBps) / 1e3;
}

}  // namespace

Shot one_shot(int ranks, double bytes, const AllReduceConstants& constants) {
  const double peers = ranks - 1;
  const double fill = constants.fill_us * std::min(1.0, peers * bytes / kFullLinkBytes);
  return {constants.one_shot_us + (peers - 1) * constants.rank_us + fill, peers * bytes,
          std::min(constants.one_shot_GBps, peers * constants.one_peer_GBps)};
}

Shot two_shot(int ranks, double bytes, const AllReduceConstants& constants) {
  const double peers = ranks - 1;
  return {constants.two_shot_us + (peers - 1) * constants.two_shot_rank_us,
          2 * peers / ranks * bytes, constants.two_shot_GBps};
}

Shot multimem(int ranks, double bytes, const AllReduceConstants& constants) {
  return {constants.multimem_us, (ranks + 1.0) / ranks * bytes, constants.multimem_GBps};
}

double device_us(const Shot& shot, const Hardware& hardware) {
  return shot.floor_us + transfer_us(shot, hardware);
}

CollectiveTime shot_time(const Shot& shot, const CollectiveCall& call, const Hardware& hardware,
                         const AllReduceConstants& constants, std::string algorithm) {
  double launch_us = std::min(shot.floor_us, hardware.launch.graph_node_us);
  CollectiveTime time;
  time.latency = from_microseconds(shot.floor_us - launch_us);
  if (call.launch == LaunchStyle::eager) {
    launch_us += eager_us(device_us(shot, hardware), static_cast<double>(call.bytes), constants);
  }
  time.launch = from_microseconds(launch_us);
  time.transfer = from_microseconds(transfer_us(shot, hardware));
  time.library = call.library.empty() ? "custom" : call.library;
  time.algorithm = std::move(algorithm);
  return time;
}

bool on_one_node(const CollectiveCall& call, const Hardware& hardware) {
  const auto gpus = static_cast<int>(hardware.node.gpus);
  return std::ranges::all_of(call.ranks,
                             [&](int rank) { return rank / gpus == call.ranks.front() / gpus; });
}

}  // namespace lockstep

// What a kernel costs before it runs.
#pragma once

#include <cstdint>
#include <string>

namespace lockstep {

// How kernels and collectives are started. Times measured in one style are never used in another.
enum class LaunchStyle : std::uint8_t {
  nccl_tests,  // as nccl-tests does: one collective after another on a stream, no graph
  graph,       // nodes of a CUDA graph
  eager,       // one call of a framework each, dispatched by the host
};
std::string to_string(LaunchStyle style);

struct LaunchConstants {
  double graph_node_us = 0.7;    // between two kernels of a graph
  double graph_replay_us = 1.6;  // of the host, for a whole graph
  double eager_us = 4.1;         // of the host, for one kernel
  double eager_gap_us = 1.45;    // of the device, between two kernels
  bool operator==(const LaunchConstants&) const = default;
};

}  // namespace lockstep

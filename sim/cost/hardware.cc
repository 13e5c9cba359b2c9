#include "sim/cost/hardware.h"

#include "sim/cost/hardware_fields.h"

namespace lockstep {
namespace {

template <auto... Members>
constexpr auto kNode = &member<&Hardware::node, Members...>;
template <auto... Members>
constexpr auto kLaunch = &member<&Hardware::launch, Members...>;

constexpr double kMostRate = 100'000;  // GB/s
constexpr double kMostTime = 100'000;  // us

constexpr HardwareField kNodeFields[] = {
    {"node.gpus", "count", "GPUs of one node: of one NVLink or PCIe network", 1, 65'536,
     kNode<&NodeConstants::gpus>},
    {"node.host_gpus", "count", "GPUs of one host, an input of serving rules", 1, 65'536,
     kNode<&NodeConstants::host_gpus>},
    {"node.link_GBps", "GB/s", "what one GPU sends or receives within its node, at most", 0.001,
     kMostRate, kNode<&NodeConstants::link_GBps>},
    {"node.link_latency_us", "us", "from one GPU to another of its node", 0, kMostTime,
     kNode<&NodeConstants::link_latency_us>},
    {"node.multicast", "count", "1: the switch sums and copies (NVLS); 0: it does not", 0, 1,
     kNode<&NodeConstants::multicast>},
    {"node.nics", "count", "NICs of one node; 0: no other node can be reached", 0, 65'536,
     kNode<&NodeConstants::nics>},
    {"node.nic_GBps", "GB/s", "what one NIC sends or receives at most", 0.001, kMostRate,
     kNode<&NodeConstants::nic_GBps>},
    {"node.nic_latency_us", "us", "from a GPU to one of another node", 0, kMostTime,
     kNode<&NodeConstants::nic_latency_us>},
    {"node.uplink_GBps", "GB/s", "of a node into the network; 0: the sum of its NICs", 0, kMostRate,
     kNode<&NodeConstants::uplink_GBps>},
};

constexpr HardwareField kLaunchFields[] = {
    {"launch.graph_node_us", "us", "between two kernels of a graph", 0, kMostTime,
     kLaunch<&LaunchConstants::graph_node_us>},
    {"launch.graph_replay_us", "us", "of the host, for a whole graph", 0, kMostTime,
     kLaunch<&LaunchConstants::graph_replay_us>},
    {"launch.eager_us", "us", "of the host, for one kernel", 0, kMostTime,
     kLaunch<&LaunchConstants::eager_us>},
    {"launch.eager_gap_us", "us", "of the device, between two kernels", 0, kMostTime,
     kLaunch<&LaunchConstants::eager_gap_us>},
};

}  // namespace

std::span<const HardwareField> node_fields() { return kNodeFields; }
std::span<const HardwareField> launch_fields() { return kLaunchFields; }

std::vector<HardwareField> all_hardware_fields() {
  std::vector<HardwareField> all;
  for (const auto& part :
       {node_fields(), gpu_fields(), launch_fields(), nccl_fields(), serving_fields()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

std::string source_of(const Hardware& hardware, std::string_view path) {
  const std::pair<std::string, std::string>* best = nullptr;
  for (const auto& source : hardware.sources) {
    const std::string& prefix = source.first;
    const bool covers =
        path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '.');
    if (covers && (best == nullptr || prefix.size() > best->first.size())) best = &source;
  }
  return best == nullptr ? std::string() : best->second;
}

}  // namespace lockstep

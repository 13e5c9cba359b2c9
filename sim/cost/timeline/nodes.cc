#include "sim/cost/timeline/nodes.h"

#include <fmt/format.h>

#include <algorithm>

namespace lockstep {
namespace {

int gpus_of(const Hardware& hardware) { return std::max(1, static_cast<int>(hardware.node.gpus)); }

// `hardware`, if `ranks` ranks reach each other on it.
Result<Hardware> reachable(const Hardware& hardware, int ranks) {
  if (ranks <= gpus_of(hardware) || hardware.node.nics >= 1) return hardware;
  return path_fault(
      "hardware.node.nics",
      "the ranks are on several nodes, and the nodes of this hardware have no NIC",
      fmt::format("{} ranks on nodes of {} GPUs: set hardware.node.nics and "
                  "hardware.node.nic_GBps, or hardware.node.gpus to have all on one node",
                  ranks, gpus_of(hardware)));
}

}  // namespace

Result<Hardware> on_nodes(const Hardware& hardware, std::optional<int> nodes, int ranks) {
  if (!nodes) return reachable(hardware, ranks);
  const int gpus = gpus_of(hardware);
  const int each = (ranks + *nodes - 1) / *nodes;
  if (each > gpus) {
    return Diagnostic{{},
                      "",
                      fmt::format("{} ranks do not fit on {} node{} of {} GPUs", ranks, *nodes,
                                  *nodes == 1 ? "" : "s", gpus),
                      "",
                      fmt::format("hardware.nodes: {} or more; without it, as many as needed",
                                  (ranks + gpus - 1) / gpus)};
  }
  Hardware used = hardware;
  used.node.gpus = each;
  const bool has_nics = hardware.node.nics >= 1;
  if (has_nics) used.node.nics = std::max(1, static_cast<int>(hardware.node.nics) * each / gpus);
  return reachable(used, ranks);
}

std::string nodes_text(const Hardware& hardware, int ranks) {
  const int gpus = gpus_of(hardware);
  const int nodes = (ranks + gpus - 1) / gpus;
  return fmt::format("{} node{} of {} GPUs", nodes, nodes == 1 ? "" : "s", gpus);
}

}  // namespace lockstep

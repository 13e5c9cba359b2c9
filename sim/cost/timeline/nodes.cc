#include "sim/cost/timeline/nodes.h"

#include <fmt/format.h>

#include <algorithm>

namespace lockstep {
namespace {

int gpus_of(const Hardware& hardware) { return std::max(1, static_cast<int>(hardware.node.gpus)); }

}  // namespace

Result<Hardware> on_nodes(const Hardware& hardware, std::optional<int> nodes, int ranks) {
  if (!nodes) return hardware;
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
  used.node.nics = std::max(1, static_cast<int>(hardware.node.nics) * each / gpus);
  return used;
}

std::string nodes_text(const Hardware& hardware, int ranks) {
  const int gpus = gpus_of(hardware);
  const int nodes = (ranks + gpus - 1) / gpus;
  return fmt::format("{} node{} of {} GPUs", nodes, nodes == 1 ? "" : "s", gpus);
}

}  // namespace lockstep

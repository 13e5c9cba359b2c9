// How many nodes a plan runs on, and what of each it uses.
#pragma once

#include <optional>
#include <string>

#include "sim/base/error.h"
#include "sim/cost/hardware.h"

namespace lockstep {

// `hardware` as `ranks` ranks use it: as many nodes as they fill, unless `nodes` says how many;
// then each has the same number of them, rounded up, and NICs in proportion. A fault if they do
// not fit, or if several nodes have no NIC.
Result<Hardware> on_nodes(const Hardware& hardware, std::optional<int> nodes, int ranks);

// "2 nodes of 8 GPUs".
std::string nodes_text(const Hardware& hardware, int ranks);

}  // namespace lockstep

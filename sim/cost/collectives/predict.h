// What one collective takes on a machine, by a named algorithm of this folder.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sim/base/error.h"
#include "sim/cost/collective_call.h"
#include "sim/cost/collectives/algorithms.h"
#include "sim/cost/fidelity.h"
#include "sim/cost/hardware.h"

namespace lockstep {

struct Prediction {
  CollectiveTime time;
  std::optional<std::int64_t> messages;    // none: a library's model counts none
  std::optional<ClosedForm::Holds> holds;  // of a closed form
};

// By call.algorithm, on the links of `hardware`, without a launch. Faults: no such algorithm, a
// call or a group that it does not serve, no formula for several nodes, nodes without a NIC, a time
// beyond the clock.
Result<Prediction> predict(const CollectiveCall& call, const Hardware& hardware, Fidelity fidelity);

// As call.library does it, launch and all; "": the one that a server would take. Faults: no such
// library, an algorithm that it does not take for this call, nodes without a NIC, a
// time beyond the clock.
Result<Prediction> predict_library(const CollectiveCall& call, const Hardware& hardware);

}  // namespace lockstep

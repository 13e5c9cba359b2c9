// Steps of a table: sizes between which NCCL changes its protocol.
#pragma once

#include <vector>

#include "sim/cost/nccl/calibrate.h"

namespace lockstep {

// Where the measured time grows by much more than the same bytes cost beyond, and where the model
// changes its path; one entry where both are between the same two sizes. Points of one run stand
// together, by bytes.
std::vector<ProtocolStep> protocol_steps(const std::vector<CalibratedPoint>& points);

}  // namespace lockstep

// What `lockstep calibrate` found: constants, residuals, steps.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sim/cost/nccl/calibrate.h"

namespace lockstep {

std::string calibration_text(const Calibration& calibration, const std::vector<NcclRun>& runs);
// A line for each thing that a reader must know before he believes it: rows and runs that were left
// out, runs that stand there twice, hosts that are other nodes for the base, constants that no
// machine has. "" if there is none.
std::string calibration_warnings(const Calibration& calibration, const NcclLog& log);
// "lockstep.calibrate/1"
nlohmann::ordered_json calibration_json(const Calibration& calibration, const NcclLog& log);

}  // namespace lockstep

// What `lockstep calibrate` found: constants, residuals, steps.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sim/cost/nccl/calibrate.h"

namespace lockstep {

std::string calibration_text(const Calibration& calibration, const std::vector<NcclRun>& runs);
// "lockstep.calibrate/1"
nlohmann::ordered_json calibration_json(const Calibration& calibration,
                                        const std::vector<NcclRun>& runs);

}  // namespace lockstep

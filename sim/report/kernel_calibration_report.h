// What `lockstep calibrate --kernels` found: constants, and the error of each kind before and
// after.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "sim/cost/kernels/calibrate.h"

namespace lockstep {

std::string kernel_calibration_text(const KernelCalibration& calibration);
// {constants: [{path, before, after}], kinds: [{kind, rows, spread, median_before, median_after,
// worst_after}], left_out}
nlohmann::ordered_json kernel_calibration_json(const KernelCalibration& calibration);

}  // namespace lockstep

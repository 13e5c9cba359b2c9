// Kernels that were measured, from the JSON of `lockstep kernel --measure --json`.
#pragma once

#include <string>
#include <vector>

#include "sim/base/error.h"
#include "sim/cost/kernels/calibrate.h"

namespace lockstep::tools {

// The rows that have times; those that were not measured are left out. `file` is quoted in faults:
// no JSON, another schema, a shape or a time that is none.
Result<std::vector<MeasuredKernel>> read_kernel_rows(const std::string& text,
                                                     const std::string& file);

}  // namespace lockstep::tools

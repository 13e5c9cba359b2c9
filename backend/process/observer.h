// The member that judges: runs the plan as numeric::replay() does, on ranks that are elsewhere.
#pragma once

#include "backend/numeric/replay.h"
#include "backend/numeric/weights.h"
#include "backend/process/mesh.h"
#include "sim/plan/plan.h"

namespace lockstep::process {

// Reports the result. `products`: who multiplies for the reference; null: the CPU. Throws what the
// mesh throws, and BytesError.
void observe(const Plan& plan, const numeric::ReplayOptions& options, const MeshLimits& limits,
             Member& member, numeric::DoubleProducts* products = nullptr);

}  // namespace lockstep::process

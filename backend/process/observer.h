// The member that judges: runs the plan as numeric::replay() does, on ranks that are elsewhere.
#pragma once

#include "backend/numeric/replay.h"
#include "backend/process/mesh.h"
#include "sim/plan/plan.h"

namespace lockstep::process {

// Reports the result. Throws what the mesh throws, and BytesError.
void observe(const Plan& plan, const numeric::ReplayOptions& options, const MeshLimits& limits,
             Member& member);

}  // namespace lockstep::process

// How far rounding alone may move a value (docs/replay.md, "Judging").
#pragma once

#include "backend/numeric/storage.h"
#include "sim/plan/plan.h"

namespace lockstep::numeric {

// Of the error of a row: c * unit roundoff * sqrt(longest accumulation at storage precision).
double tolerance_of(const Plan& plan, Storage storage);
// How near to another choice, relatively, a router's choice may be for rounding to decide it.
double near_tie_of(const Plan& plan, Storage storage);

}  // namespace lockstep::numeric

// Why a program that cannot go on cannot go on.
#pragma once

#include <span>
#include <vector>

#include "sim/events/engine.h"
#include "sim/events/matching.h"

namespace lockstep {

// A deadlock, once nothing is left to happen. `stands` is by stream: the position of the action
// that it has not got over; -1: it has ended. REQUIRES: one stream at least has not.
Stuck find_deadlock(const Program& program, const Matching& matching,
                    std::span<const std::int32_t> stands, const Timeline& timeline);

// The calls of a meeting of which two differ.
Stuck tell_mismatch(const Program& program, const Matching& matching, const Meeting& meeting);

}  // namespace lockstep

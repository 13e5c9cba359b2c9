// A tensor as memory keeps it.
#pragma once

#include "backend/numeric/replay.h"
#include "backend/numeric/storage.h"
#include "backend/numeric/tensor.h"

namespace lockstep::numeric {

// In place of NaN: far from everything that a plan computes, and its square is a float32.
inline constexpr float kFiniteGarbage = 0x1p40F;

// In `storage`, with garbage where nobody wrote. What is as it must be stays one object, which
// ranks share.
Held as_kept(Held value, Storage storage, Garbage garbage);

}  // namespace lockstep::numeric

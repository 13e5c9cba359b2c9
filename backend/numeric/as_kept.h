// A tensor as memory keeps it.
#pragma once

#include "backend/numeric/replay.h"
#include "backend/numeric/storage.h"
#include "backend/numeric/tensor.h"

namespace lockstep::numeric {

// In `storage`, with garbage where nobody wrote: NaN, or finite_garbage(). What is as it must be
// stays one object, which ranks share.
Held as_kept(Held value, Storage storage, Garbage garbage);

}  // namespace lockstep::numeric

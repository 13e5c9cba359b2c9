// What a machine cannot have, or hardly, among fitted constants.
#pragma once

#include <string>

#include "sim/cost/hardware.h"

namespace lockstep {

// Why nobody should believe that the constant of `field` is `after`, in one clause: "is above the
// 370 GB/s of a link"; "" if nothing speaks against it. `base`: the hardware it was fitted from.
std::string doubt_about(const HardwareField& field, double after, const Hardware& base);

}  // namespace lockstep

// What a reader should know of the constants that a prediction comes from: are they a preset, and
// how far off have its predictions been?
#pragma once

#include <cstdint>
#include <string>

#include "sim/cost/hardware.h"

namespace lockstep {

// Of which predictions: what a preset says of others is left out.
enum class AccuracyOf : std::uint8_t { all, collectives, kernels };

// One line without its end: "preset hgx-h200: median / 95th percentile of ...". A preset with
// constants that were replaced is none any more, and what was measured of it does not count.
std::string accuracy_line(const Hardware& hardware, AccuracyOf part);

}  // namespace lockstep

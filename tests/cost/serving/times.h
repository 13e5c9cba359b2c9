// What the tests of the serving systems' collectives ask.
#pragma once

#include <doctest/doctest.h>

#include <string>

#include "sim/cost/cost_model.h"
#include "sim/cost/hardware_file.h"

namespace lockstep {

// Of a call that a serving system carries out itself.
inline double us(const CollectiveCall& call, const Hardware& hardware) {
  const auto time = serving_time(call, hardware);
  REQUIRE(time.has_value());
  return in_microseconds(time->total());
}

inline Hardware preset(const std::string& name) {
  Result<Hardware> hardware = load_hardware(name);
  REQUIRE(static_cast<bool>(hardware));
  return *hardware;
}

}  // namespace lockstep

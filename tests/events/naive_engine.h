// When the actions of a program happen, written from its definition without a thought for speed:
// every action is looked at again and again until nothing more is known, and whoever it meets is
// found by counting in the lists. It shares no code with sim/events but the program. Calls take
// their durations; schedules are not its matter.
#pragma once

#include <optional>
#include <vector>

#include "sim/events/program.h"

namespace lockstep {

struct NaiveMoment {
  std::optional<Time> ready;
  std::optional<Time> end;
};

std::vector<std::vector<NaiveMoment>> naive_run(const Program& program);

}  // namespace lockstep

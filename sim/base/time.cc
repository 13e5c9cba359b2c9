#include "sim/base/time.h"

#include <utility>

namespace lockstep {

ClockOverflow::ClockOverflow(const std::string& what, std::string hint)
    : std::overflow_error(what + " takes longer than the clock holds, 106 days"),
      hint_(std::move(hint)) {}

void clock_overflow() { throw ClockOverflow(); }

}  // namespace lockstep

#include "sim/base/time.h"

#include <utility>

namespace lockstep {

ClockOverflow::ClockOverflow(const std::string& what)
    : std::overflow_error(what + " takes longer than the clock holds, 106 days") {}

Diagnostic ClockOverflow::fault(std::string hint) const {
  return plain_fault(what(), std::move(hint));
}

void clock_overflow() { throw ClockOverflow(); }

}  // namespace lockstep

// The messages of a schedule, one by one, in the plainest way: all rates anew at every change.
#pragma once

#include "sim/events/exchange.h"

namespace lockstep::test {

// As run_exchange; no trace hash, and no events.
ExchangeResult naive_exchange(const Schedule& schedule, const Fabric& fabric);

}  // namespace lockstep::test

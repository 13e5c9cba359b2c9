// What run_exchange does, written from its definition without a thought for speed: a list of flows,
// all rates anew after every change, every party looked at again in every step. It shares no code
// with sim/events but Schedule, Fabric and Time.
#pragma once

#include <span>
#include <vector>

#include "sim/events/exchange.h"

namespace lockstep {

ExchangeResult naive_exchange(const Schedule& schedule, const Fabric& fabric,
                              std::span<const Time> starts = {});

}  // namespace lockstep

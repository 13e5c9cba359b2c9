// Which collectives each library has, for who names one.
#pragma once

#include <optional>
#include <string>

#include "sim/base/error.h"
#include "sim/cost/collective_call.h"
#include "sim/cost/hardware.h"

namespace lockstep {

// Is the call too large for the all-reduce of the library that it names, so that the system uses
// NCCL for it?
bool falls_back_by_size(const CollectiveCall& call, const Hardware& hardware);
// "above 16 MiB among 8 ranks SGLang falls back to NCCL". REQUIRES: falls_back_by_size().
std::string fallback_note(const CollectiveCall& call, const Hardware& hardware);

// `time` is that of another library than the one that the call names, and not by size: the named
// one has no such collective. The fault says which it has.
std::optional<Diagnostic> library_refusal(const CollectiveCall& call, const CollectiveTime& time,
                                          const Hardware& hardware);

}  // namespace lockstep

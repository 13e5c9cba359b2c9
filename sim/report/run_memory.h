// Does a run fit in GPU memory, and what is in it.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "sim/cost/memory.h"
#include "sim/plan/plan.h"
#include "sim/report/style.h"

namespace lockstep {

// Of the rank that holds the most.
struct RunMemory {
  int rank = 0;
  MemoryUse use;
  MemoryFit fit;
};

// Nothing for a plan that was written by hand: it has no weights. Of many ranks only those are
// looked at that have the most rows, or the most cached tokens, and the first and the last.
std::optional<RunMemory> memory_of(const Plan& plan, const GpuConstants& gpu);

// One line; a second one where it does not fit.
std::string memory_text(const RunMemory& memory, const Style& style);
// "does not fit: rank 0 needs 97.4 GB of 80.0 GB": what a person must not overlook.
std::string memory_warning(const RunMemory& memory);
// The member `memory` of a lockstep.run/1 object.
nlohmann::ordered_json memory_json(const RunMemory& memory);

}  // namespace lockstep

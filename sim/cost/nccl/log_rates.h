// Whether a row of nccl-tests agrees with itself: algbw is bytes / time, and busbw / algbw is a
// factor of the collective and its ranks (nccl-tests, doc/PERFORMANCE.md).
#pragma once

#include <optional>
#include <string>

#include "sim/cost/collective_call.h"
#include "sim/cost/nccl/log_table.h"

namespace lockstep {

// busbw / algbw: all_reduce 2 (n - 1) / n; all_gather, reduce_scatter, all_to_all (n - 1) / n;
// broadcast, reduce, send_recv 1. REQUIRES: ranks >= 2; one of these kinds.
double bus_factor(Collective kind, int ranks);

// Whether algbw is bytes / time, but for a few percent and the digits that were printed. `unit_us`:
// of the time. True where a figure is missing.
bool fits_time(const NcclRow& row, double unit_us);

// Whether busbw / algbw may be `factor`, by the digits that were printed. True where a figure is
// missing or zero.
bool fits_factor(const NcclRow& row, double factor);

// Whether the row sums as `kind` does: nccl-tests writes "none" where nothing is summed. True where
// the row does not say it.
bool fits_operation(const NcclRow& row, Collective kind);

// Which collectives and ranks `row` would fit: "all_reduce of 8 ranks; all_gather of 4 ranks".
std::string that_fit(const NcclRow& row, Collective kind, int ranks);

// The kind that the rates alone tell, of sums: gathers and all-to-alls look alike.
std::optional<Collective> kind_by_rates(const NcclRow& row, int ranks);

}  // namespace lockstep

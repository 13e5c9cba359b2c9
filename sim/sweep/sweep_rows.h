// The points of a sweep, computed on threads.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "sim/sweep/sweep_point.h"

namespace lockstep {

struct SweepHooks {
  // The row of a point that needs not be computed; null: it does. Called on all threads at once.
  // May be empty.
  std::function<const SweepRow*(const std::vector<std::string>& values)> known;
  // Told of each row as it is done, in any order, by one thread at a time. May be empty.
  std::function<void(const SweepRow& row, bool is_new)> done;
};

// The rows of `points`, in their order, whatever the number of threads. Throws what a hook or a
// point threw, when all threads have ended. REQUIRES: jobs >= 1.
std::vector<SweepRow> sweep_rows(const SweepBase& base, std::span<const std::int64_t> points,
                                 int jobs, const SweepHooks& hooks);

}  // namespace lockstep

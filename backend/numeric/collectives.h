// The collectives among members that all live in this process: the same turns as among processes
// (exchange.h), so the same bits.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backend/numeric/exchange.h"

namespace lockstep::numeric {

// What each member receives. Where all receive the same bits they share one tensor; the root of a
// broadcast shares what it passed. `passed`: by member, of the shapes that the Exchange was made
// for.
std::vector<Held> run(const Exchange& exchange, std::span<const Held> passed);

// The Exchange that `passed` calls for, made and run. Arguments as of Exchange.
std::vector<Held> exchange(const Plan& plan, std::span<const Call> calls, std::size_t output,
                           std::span<const Held> passed, std::span<const std::int64_t> home_rows,
                           Storage storage);

}  // namespace lockstep::numeric

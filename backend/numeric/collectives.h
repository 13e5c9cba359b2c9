// The collectives as pure functions: what the members of one part hold, in group order, to what
// each of them receives (sections 3.5 and 7.2 of the reference sheet). Sums are float32, in group
// order; `reduction` says what is done instead of adding. Arguments that a library would refuse are
// the rendezvous' business, not theirs.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backend/numeric/tensor.h"

namespace lockstep::numeric {

// Every member receives the sum over all members.
std::vector<Held> all_reduce(std::span<const Held> members, Reduction reduction = Reduction::sum);
// Member `root` receives the sum; what the others receive is undefined.
std::vector<Held> reduce(std::span<const Held> members, Reduction reduction, std::size_t root);
// Member i receives the next sizes[i] rows of the sum: reduce_scatterv; with equal sizes
// reduce_scatter; with the members' home rows combine.
std::vector<Held> reduce_scatter(std::span<const Held> members, std::span<const std::int64_t> sizes,
                                 Reduction reduction = Reduction::sum);
// Member j receives the rows that each member i has for it, in the order of i: of member i's rows
// the first sizes[i * n] are for member 0, and so on. all_to_all has equal sizes. What was never
// written has undefined rows all the same.
std::vector<Held> all_to_all(std::span<const Held> members, std::span<const std::int64_t> sizes);
// Every member receives all members' rows (columns), one after the other: all_gather, all_gatherv,
// and the formal result of dispatch.
std::vector<Held> all_gather(std::span<const Held> members, Axis axis);

}  // namespace lockstep::numeric

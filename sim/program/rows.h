// Row layouts as values: which token stands in each row, on each rank; and the copies between them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/plan/plan.h"

namespace lockstep::program {

// By rank.
using Rows = std::vector<RowMap>;

enum class Order : std::uint8_t { contiguous, zigzag, round_robin };

// Appends and joins runs that continue each other.
void append(RowMap& map, RowRun run);
// The rows [first, first + count) of `map`; what lies outside is left out.
RowMap slice(const RowMap& map, std::int64_t first, std::int64_t count);
// The members' rows, one after the other, for every member; other ranks have none.
Rows gathered(const Rows& rows, const Group& group);
// `map` with padding up to `count` rows; as it is where it has more.
RowMap padded(RowMap map, std::int64_t count);
// Part `index` of `count` of the rows: as even as possible, earlier parts larger. Zigzag: chunks
// index and 2 count - 1 - index of 2 count.
RowMap part_of(const RowMap& map, int index, int count, Order order);

// The moves that bring each token of `to` from its (first) row in `from`.
RowMoves moves_between(const RowMap& from, const RowMap& to);

}  // namespace lockstep::program

// Which row or column of a tensor each row or column of a copy of it is: what every backend moves
// elements by.
#pragma once

#include <cstdint>
#include <vector>

#include "backend/numeric/matrix.h"
#include "sim/plan/operation.h"

namespace lockstep::numeric {

// In a list of sources: what is none.
inline constexpr std::int64_t kNoSource = -1;    // undefined
inline constexpr std::int64_t kZeroSource = -2;  // zero
inline constexpr std::int64_t kOldSource = -3;   // what stood there before

// Of each row of a copy_rows: the row of the source, or what else it is. The destination had
// `old_rows` rows that stay where nothing is moved. A move that reaches outside its source copies
// undefined rows, outside the destination nothing.
std::vector<std::int64_t> row_sources(const RowMoves& moves, Fill fill, std::int64_t source_rows,
                                      std::int64_t old_rows);

// Of each column of `slice`: where it stands among `columns` (LocalTensor::columns), the first of
// it if it is there twice, or kNoSource.
std::vector<std::int64_t> column_sources(const std::vector<Interval>& columns, Interval slice);

}  // namespace lockstep::numeric

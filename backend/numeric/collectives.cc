#include "backend/numeric/collectives.h"

namespace lockstep::numeric {

std::vector<Held> all_reduce(std::span<const Held> members) {
  return std::vector<Held>(members.size(), added(members));
}

std::vector<Held> reduce_scatter(std::span<const Held> members,
                                 std::span<const std::int64_t> sizes) {
  const Held total = added(members);
  std::vector<Held> chunks;
  std::int64_t first = 0;
  for (const std::int64_t rows : sizes) {
    chunks.push_back(sliced_rows(total, first, rows));
    first += rows;
  }
  return chunks;
}

std::vector<Held> all_gather(std::span<const Held> members, Axis axis) {
  return std::vector<Held>(members.size(), axis == Axis::columns ? concatenated_columns(members)
                                                                 : concatenated_rows(members));
}

}  // namespace lockstep::numeric

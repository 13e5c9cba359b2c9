#include "backend/numeric/collectives.h"

#include <algorithm>

#include "backend/numeric/reduction.h"

namespace lockstep::numeric {

std::vector<Held> all_reduce(std::span<const Held> members, Reduction reduction) {
  return std::vector<Held>(members.size(), reduced(members, reduction));
}

std::vector<Held> reduce(std::span<const Held> members, Reduction reduction, std::size_t root) {
  const Held total = reduced(members, reduction);
  std::vector<Held> received(members.size());
  if (total) {
    const Matrix<float> nothing(total->values.rows(), total->values.columns(), kUndefinedElement);
    std::ranges::fill(received, make_held(total->columns, nothing));
  }
  received[root] = total;
  return received;
}

std::vector<Held> reduce_scatter(std::span<const Held> members, std::span<const std::int64_t> sizes,
                                 Reduction reduction) {
  const Held total = reduced(members, reduction);
  std::vector<Held> chunks;
  std::int64_t first = 0;
  for (const std::int64_t rows : sizes) {
    chunks.push_back(sliced_rows(total, first, rows));
    first += rows;
  }
  return chunks;
}

std::vector<Held> all_to_all(std::span<const Held> members, std::span<const std::int64_t> sizes) {
  const std::size_t n = members.size();
  const auto shape = std::ranges::find_if(members, [](const Held& h) { return h != nullptr; });
  if (shape == members.end()) return std::vector<Held>(n);
  std::vector<std::int64_t> passed(n, 0);  // rows of each member that are on their way
  std::vector<Held> received;
  for (std::size_t to = 0; to < n; ++to) {
    std::vector<Held> parts;
    for (std::size_t from = 0; from < n; ++from) {
      const std::int64_t rows = sizes[from * n + to];
      parts.push_back(members[from] ? sliced_rows(members[from], passed[from], rows)
                                    : sliced_rows(*shape, row_count(*shape), rows));
      passed[from] += rows;
    }
    received.push_back(concatenated_rows(parts));
  }
  return received;
}

std::vector<Held> all_gather(std::span<const Held> members, Axis axis) {
  return std::vector<Held>(members.size(), axis == Axis::columns ? concatenated_columns(members)
                                                                 : concatenated_rows(members));
}

}  // namespace lockstep::numeric

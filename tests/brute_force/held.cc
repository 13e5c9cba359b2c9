#include "tests/brute_force/held.h"

#include <algorithm>
#include <functional>
#include <set>

namespace lockstep::test {
namespace {

// True if the blocks lie side by side without gaps.
bool contiguous(const Held& held) {
  for (std::size_t i = 1; i < held.blocks.size(); ++i) {
    if (held.blocks[i - 1].last != held.blocks[i].first) return false;
  }
  return true;
}

bool same_blocks(const Held& a, const Held& b) {
  return std::ranges::equal(a.blocks, b.blocks, [](const Block& x, const Block& y) {
    return x.first == y.first && x.last == y.last;
  });
}

bool same_span(const Held& a, const Held& b) {
  return contiguous(a) && contiguous(b) && a.blocks.front().first == b.blocks.front().first &&
         a.blocks.back().last == b.blocks.back().last;
}

// `held` with its blocks cut at each of `cuts`, too.
Held cut_at(const Held& held, const std::set<std::int64_t>& cuts) {
  Held result;
  for (const Block& block : held.blocks) {
    std::int64_t first = block.first;
    for (const std::int64_t cut : cuts) {
      if (cut <= first || cut >= block.last) continue;
      result.blocks.push_back({first, cut, block.rows});
      first = cut;
    }
    result.blocks.push_back({first, block.last, block.rows});
  }
  return result;
}

const Cell& cell_at(const Held& held, std::size_t block, std::int64_t row) {
  static const Cell kNothing = undefined_cell();
  return row < held.rows() ? held.blocks[block].rows[static_cast<std::size_t>(row)] : kNothing;
}

using OfCells = std::function<Cell(const Cells&)>;

Held element_by_element(const std::vector<Held>& operands, const OfCells& of) {
  Held shape;
  std::int64_t rows = 0;
  for (const Held& held : operands) {
    rows = std::max(rows, held.rows());
    if (held.blocks.size() > shape.blocks.size()) shape = held;
  }
  if (!shape.exists()) return {};
  std::set<std::int64_t> cuts;
  for (const Held& held : operands) {
    if (!held.exists() || !same_span(held, shape)) continue;
    for (const Block& block : held.blocks) cuts.insert({block.first, block.last});
  }
  if (contiguous(shape)) shape = cut_at(shape, cuts);
  std::vector<Held> aligned;
  for (const Held& held : operands) {
    const bool spans = held.exists() && same_span(held, shape);
    aligned.push_back(spans ? cut_at(held, cuts) : held);
    if (!same_blocks(aligned.back(), shape)) aligned.back() = {};
  }
  for (std::size_t b = 0; b < shape.blocks.size(); ++b) {
    shape.blocks[b].rows.clear();
    for (std::int64_t row = 0; row < rows; ++row) {
      Cells cells;
      for (const Held& held : aligned) cells.push_back(&cell_at(held, b, row));
      shape.blocks[b].rows.push_back(of(cells));
    }
  }
  return shape;
}

}  // namespace

Held added(const std::vector<Held>& operands) {
  if (operands.size() == 1) return operands.front();
  return element_by_element(operands, [](const Cells& cells) { return added(cells); });
}

Held reduced(const Plan& plan, const std::vector<Held>& members, Reduction reduction) {
  if (members.size() == 1) return members.front();
  return element_by_element(members,
                            [&](const Cells& cells) { return reduced(plan, cells, reduction); });
}

Held together(const Plan& plan, const std::vector<Held>& members) {
  if (members.size() == 1) return members.front();
  return element_by_element(members, [&](const Cells& cells) { return together(plan, cells); });
}

Held scaled(const Held& held, Rational factor) {
  Held result = held;
  for (Block& block : result.blocks) {
    for (Cell& cell : block.rows) cell = scaled(cell, factor);
  }
  return result;
}

Held rows_of(const Held& held, std::int64_t first, std::int64_t count) {
  Held result = held;
  for (std::size_t b = 0; b < held.blocks.size(); ++b) {
    result.blocks[b].rows.clear();
    for (std::int64_t row = first; row < first + count; ++row) {
      result.blocks[b].rows.push_back(cell_at(held, b, row));
    }
  }
  return result;
}

Held below_each_other(const std::vector<Held>& parts) {
  Held all;
  for (const Held& part : parts) {
    if (!all.exists()) {
      all = part;
      continue;
    }
    if (!part.exists()) continue;
    std::set<std::int64_t> cuts;
    for (const Held* held : std::initializer_list<const Held*>{&all, &part}) {
      for (const Block& block : held->blocks) cuts.insert({block.first, block.last});
    }
    const bool spans = same_span(all, part);
    if (spans) all = cut_at(all, cuts);
    const Held aligned = spans ? cut_at(part, cuts) : part;
    const bool fits = same_blocks(all, aligned);
    for (std::size_t b = 0; b < all.blocks.size(); ++b) {
      for (std::int64_t row = 0; row < part.rows(); ++row) {
        all.blocks[b].rows.push_back(fits ? cell_at(aligned, b, row) : undefined_cell());
      }
    }
  }
  return all;
}

Held beside_each_other(const std::vector<Held>& parts) {
  Held all;
  for (const Held& part : parts) {
    for (const Block& block : part.blocks) {
      if (block.first < block.last) all.blocks.push_back(block);
    }
  }
  // Slices of few columns over many members may all be empty.
  for (const Held& part : parts) {
    if (!all.exists()) all = part;
  }
  return all;
}

Held columns_of(const Held& held, std::int64_t first, std::int64_t last) {
  if (!held.exists()) return {};
  const std::vector<Cell> nothing(static_cast<std::size_t>(held.rows()), undefined_cell());
  Held result;
  std::int64_t next = first;
  for (const Block& block : held.blocks) {
    const std::int64_t from = std::max(next, block.first);
    const std::int64_t until = std::min(last, block.last);
    if (from >= until) continue;
    if (next < from) result.blocks.push_back({next, from, nothing});
    result.blocks.push_back({from, until, block.rows});
    next = until;
  }
  if (next < last) result.blocks.push_back({next, last, nothing});
  if (first == last) result.blocks.push_back({first, last, held.blocks.front().rows});
  return result;
}

Held undefined_like(const Held& held, std::int64_t rows) {
  Held result = held;
  for (Block& block : result.blocks) {
    block.rows.assign(static_cast<std::size_t>(rows), undefined_cell());
  }
  return result;
}

Held copied(const Held& from, const Held& onto, const RowMoves& moves, Fill fill,
            std::int64_t columns) {
  Held result = from.exists() ? from : onto;
  if (!result.exists()) result.blocks = {{0, columns, {}}};
  const bool reads = from.exists();
  const bool keeps = fill == Fill::keep && onto.exists() && same_blocks(onto, result);
  for (std::size_t b = 0; b < result.blocks.size(); ++b) {
    std::vector<Cell>& rows = result.blocks[b].rows;
    rows.assign(static_cast<std::size_t>(moves.rows_out),
                fill == Fill::zero ? Cell{} : undefined_cell());
    for (std::int64_t row = 0; keeps && row < moves.rows_out; ++row) {
      rows[static_cast<std::size_t>(row)] = cell_at(onto, b, row);
    }
    for (const Move& move : moves.moves) {
      for (std::int64_t i = 0; i < move.count && move.to + i < moves.rows_out; ++i) {
        rows[static_cast<std::size_t>(move.to + i)] =
            reads ? cell_at(from, b, move.from + i) : undefined_cell();
      }
    }
  }
  return result;
}

}  // namespace lockstep::test

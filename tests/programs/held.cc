#include "tests/programs/held.h"

#include <algorithm>
#include <functional>
#include <optional>

namespace lockstep::test {
namespace {

using Cells = std::vector<const Cell*>;

const Closing* closing_of(const Plan& plan, TermId term) {
  const auto found = std::ranges::find(plan.closings, term, &Closing::handle);
  return found == plan.closings.end() ? nullptr : &*found;
}

std::map<Share, Rational> shares_of_term(const Cell& cell, TermId term) {
  std::map<Share, Rational> shares;
  for (const auto& [share, coefficient] : cell.sum) {
    if (share.term == term) shares[share] = coefficient;
  }
  return shares;
}

void put(Cell& cell, const Share& share, Rational coefficient) {
  if (!coefficient.is_zero()) cell.sum[share] = coefficient;
}

std::set<TermId> terms_in(const Cells& cells) {
  std::set<TermId> terms;
  for (const Cell* cell : cells) {
    for (const auto& [share, coefficient] : cell->sum) terms.insert(share.term);
  }
  return terms;
}

bool all_defined(const Cells& cells) {
  return std::ranges::all_of(cells, [](const Cell* cell) { return cell->defined; });
}

void add_up(const Cells& cells, TermId term, Rational factor, Cell& result) {
  std::map<Share, Rational> total;
  for (const Cell* cell : cells) {
    for (const auto& [share, coefficient] : shares_of_term(*cell, term)) {
      total[share] = total[share] + coefficient;
    }
  }
  for (const auto& [share, coefficient] : total) put(result, share, coefficient * factor);
}

// Shares that some member has once are there once; whoever has one otherwise spoils it.
void take_maximum(const Cells& cells, TermId term, Cell& result) {
  for (const Cell* cell : cells) {
    for (const auto& [share, coefficient] : shares_of_term(*cell, term)) {
      if (coefficient.is_one()) put(result, share, 1);
    }
  }
}

// The same value `count` times, reduced. Of a log of a sum of exponentials nothing can be said.
std::optional<Rational> times(Reduction reduction, std::size_t count) {
  if (reduction == Reduction::sum) return Rational(static_cast<std::int64_t>(count));
  if (reduction == Reduction::logsumexp) return std::nullopt;
  return Rational(1);
}

bool fits(Reduction reduction, Reduction combine) {
  return reduction == combine || (reduction == Reduction::average && combine == Reduction::sum);
}

void reduce_term(const Plan& plan, const Cells& cells, TermId term, Reduction reduction,
                 Cell& result) {
  const Reduction combine = plan.term(term).combine;
  const auto first = shares_of_term(*cells.front(), term);
  const bool alike = std::ranges::all_of(
      cells, [&](const Cell* cell) { return shares_of_term(*cell, term) == first; });
  const auto count = static_cast<std::int64_t>(cells.size());
  if (fits(reduction, combine) && reduction == Reduction::average) {
    return add_up(cells, term, Rational(1, count), result);
  }
  if (fits(reduction, combine) && reduction != Reduction::max)
    return add_up(cells, term, 1, result);
  if (alike) {
    const auto factor = times(reduction, cells.size());
    if (!factor) {
      result.broken.insert(term);
      return;
    }
    for (const auto& [share, coefficient] : first) put(result, share, coefficient * *factor);
    return;
  }
  if (fits(reduction, combine)) return take_maximum(cells, term, result);
  result.broken.insert(term);
}

// No `reduction`: that of each term.
Cell reduced_cell(const Plan& plan, const Cells& cells, std::optional<Reduction> reduction) {
  if (!all_defined(cells)) return undefined_cell();
  Cell result;
  for (const Cell* cell : cells) result.broken.insert(cell->broken.begin(), cell->broken.end());
  for (const TermId term : terms_in(cells)) {
    reduce_term(plan, cells, term, reduction.value_or(plan.term(term).combine), result);
  }
  return result;
}

// Shares that do not combine by adding can only be added to something else.
Cell added_cell(const Plan& plan, const Cells& cells) {
  if (!all_defined(cells)) return undefined_cell();
  Cell result;
  for (const Cell* cell : cells) result.broken.insert(cell->broken.begin(), cell->broken.end());
  for (const TermId term : terms_in(cells)) {
    const auto left = shares_of_term(*cells[0], term);
    const auto right = shares_of_term(*cells[1], term);
    const bool adds =
        plan.term(term).combine == Reduction::sum || left.empty() || right.empty() || left == right;
    if (adds) {
      add_up(cells, term, 1, result);
    } else {
      result.broken.insert(term);
    }
  }
  return result;
}

// ---- whole tensors ----------------------------------------------------------------------------

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

Cell undefined_cell() { return {false, {}, {}}; }

void add_shares(const Plan& plan, TermId term, ShareRange shares, std::int64_t token,
                Rational coefficient, Cell& cell) {
  if (const Closing* closing = closing_of(plan, term)) {
    for (const TermId part : closing->parts) {
      add_shares(plan, part, {0, plan.term(part).shares}, token, coefficient, cell);
    }
    return;
  }
  for (int share = shares.first; share < shares.last; ++share) {
    const Share key{term, share, token};
    const auto known = cell.sum.find(key);
    const Rational before = known == cell.sum.end() ? Rational(0) : known->second;
    cell.sum.erase(key);
    put(cell, key, before + coefficient);
  }
}

Cell complete_cell(const Plan& plan, const std::vector<TermId>& terms, std::int64_t token) {
  Cell cell;
  for (const TermId term : terms) {
    add_shares(plan, term, {0, plan.term(term).shares}, token, 1, cell);
  }
  return cell;
}

Held added(const Plan& plan, const Held& left, const Held& right) {
  return element_by_element({left, right},
                            [&](const Cells& cells) { return added_cell(plan, cells); });
}

Held reduced(const Plan& plan, const std::vector<Held>& members, Reduction reduction) {
  if (members.size() == 1) return members.front();
  return element_by_element(
      members, [&](const Cells& cells) { return reduced_cell(plan, cells, reduction); });
}

Held together(const Plan& plan, const std::vector<Held>& members) {
  if (members.size() == 1) return members.front();
  return element_by_element(
      members, [&](const Cells& cells) { return reduced_cell(plan, cells, std::nullopt); });
}

Held scaled(const Held& held, Rational factor) {
  Held result = held;
  for (Block& block : result.blocks) {
    for (Cell& cell : block.rows) {
      const auto before = std::move(cell.sum);
      cell.sum.clear();
      for (const auto& [share, coefficient] : before) put(cell, share, coefficient * factor);
      if (factor.is_zero()) cell.broken.clear();
    }
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
    all.blocks.insert(all.blocks.end(), part.blocks.begin(), part.blocks.end());
  }
  return all;
}

Held columns_of(const Held& held, std::int64_t first, std::int64_t last) {
  Held result;
  for (const Block& block : held.blocks) {
    const std::int64_t from = std::max(first, block.first);
    const std::int64_t until = std::min(last, block.last);
    if (from < until || (first == last && result.blocks.empty())) {
      result.blocks.push_back(
          {from < until ? from : first, from < until ? until : last, block.rows});
    }
  }
  return result;
}

Held undefined_like(const Held& held) {
  Held result = held;
  for (Block& block : result.blocks) {
    for (Cell& cell : block.rows) cell = undefined_cell();
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

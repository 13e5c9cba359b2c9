// Linear operations and obligations.
#include <algorithm>

#include "tests/brute_force/program_draws.h"

namespace lockstep::test {
namespace {

bool anything(const Live&) { return true; }

// `rows` of each rank in random order, perhaps without some, or with one twice.
Tokens selection(ProgramWriter& w, const Tokens& rows, RowMoves& moves) {
  Tokens taken;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    if (w.chance(1, 5)) continue;
    const int times = w.chance(1, 8) ? 2 : 1;
    for (int i = 0; i < times; ++i) {
      moves.moves.push_back({static_cast<std::int64_t>(row), moves.rows_out++, 1});
      taken.push_back(rows[row]);
    }
  }
  if (w.chance(1, 4) && taken.size() > 1) {
    std::ranges::reverse(taken);
    for (Move& move : moves.moves) move.to = moves.rows_out - 1 - move.to;
  }
  return taken;
}

}  // namespace

bool draw_copy(Bench& bench) {
  ProgramWriter& w = bench.w;
  Live* from = pick(bench, [](const Live& l) { return !l.partial.exists(); });
  if (from == nullptr) return false;
  Live to = *from;
  std::vector<RowMoves> moves(static_cast<std::size_t>(w.world()));
  const Fill fill = w.chance(2, 3) ? Fill::zero : w.chance(1, 2) ? Fill::undefined : Fill::keep;
  const bool alike = w.chance(1, 2);  // ranks that hold the same take the same
  bool has_padding = false;
  for (std::size_t r = 0; r < moves.size(); ++r) {
    if (alike && r > 0 && from->rows[r] == from->rows[r - 1]) {
      moves[r] = moves[r - 1];
      to.rows[r] = to.rows[r - 1];
      continue;
    }
    to.rows[r] = selection(w, from->rows[r], moves[r]);
    has_padding = has_padding || std::ranges::find(to.rows[r], kPadding) != to.rows[r].end();
    const int more = w.below(3);
    to.rows[r].resize(to.rows[r].size() + static_cast<std::size_t>(more), kPadding);
    moves[r].rows_out += more;
    if (to.rows[r].size() > kMostRows) return false;
  }
  to.tensor = w.tensor(to.columns);
  to.zero_padding = fill == Fill::zero && (from->zero_padding || !has_padding);
  Operation& op = w.add(OpKind::copy_rows, *from, to);
  op.fill = fill;
  const MovesId table = w.moves(std::move(moves));
  op.moves = table;
  bench.live.push_back(std::move(to));
  return true;
}

// Each member's rows at their place among zeros: a sum over the group gathers them.
bool draw_placement_of_rows(Bench& bench) {
  ProgramWriter& w = bench.w;
  const GroupId group = w.any_group();
  Live* from = pick(bench, [](const Live& l) { return l.whole() && l.combine == Reduction::sum; });
  if (from == nullptr) return false;
  Live to = *from;
  to.partial = group;
  to.zero_padding = false;
  std::vector<RowMoves> moves(static_cast<std::size_t>(w.world()));
  for (const std::vector<int>& part : w.parts(group)) {
    Tokens all;
    for (const int rank : part) {
      const Tokens& own = from->rows[static_cast<std::size_t>(rank)];
      RowMoves& table = moves[static_cast<std::size_t>(rank)];
      if (!own.empty()) {
        table.moves = {
            {0, static_cast<std::int64_t>(all.size()), static_cast<std::int64_t>(own.size())}};
      }
      all.insert(all.end(), own.begin(), own.end());
    }
    if (all.size() > kMostRows) return false;
    for (const int rank : part) {
      moves[static_cast<std::size_t>(rank)].rows_out = static_cast<std::int64_t>(all.size());
      to.rows[static_cast<std::size_t>(rank)] = all;
    }
  }
  to.tensor = w.tensor(to.columns);
  Operation& op = w.add(OpKind::copy_rows, *from, to);
  op.moves = w.moves(std::move(moves));
  bench.live.push_back(std::move(to));
  return true;
}

bool draw_scales(Bench& bench) {
  ProgramWriter& w = bench.w;
  Live* from = pick(bench, [](const Live& l) { return l.combine == Reduction::sum; });
  if (from == nullptr) return false;
  const Rational factors[] = {2, 3, Rational(1, 4), -1};
  const Rational factor = factors[w.below(4)];
  Live to = *from;
  to.tensor = w.tensor(to.columns);
  w.add(OpKind::scale, *from, to).factor = factor;
  w.add(OpKind::scale, to, to).factor = Rational(1) / factor;
  bench.live.push_back(std::move(to));
  return true;
}

bool draw_add(Bench& bench) {
  ProgramWriter& w = bench.w;
  Live* left = pick(bench, anything);
  if (left == nullptr) return false;
  const Live* right = pick(bench, [&](const Live& l) {
    const bool disjoint = std::ranges::none_of(
        l.terms, [&](TermId t) { return std::ranges::find(left->terms, t) != left->terms.end(); });
    return disjoint && l.rows == left->rows && l.columns == left->columns &&
           l.partial == left->partial && l.sliced == left->sliced && l.combine == left->combine &&
           (l.whole() || l.combine == Reduction::sum);
  });
  if (right == nullptr || left->terms.size() + right->terms.size() > 6) return false;
  Live to = *left;
  to.terms.insert(to.terms.end(), right->terms.begin(), right->terms.end());
  to.zero_padding = left->zero_padding && right->zero_padding;
  to.tensor = w.chance(1, 2) ? left->tensor : w.tensor(to.columns);
  const TensorId added = right->tensor;
  w.add(OpKind::add, *left, to).in.push_back({added, SpecId::none()});
  if (to.tensor == left->tensor) {
    *left = std::move(to);
  } else {
    bench.live.push_back(std::move(to));
  }
  return true;
}

// From now on the sum of a tensor's terms has a name.
bool draw_closing(Bench& bench) {
  ProgramWriter& w = bench.w;
  const auto is_closed = [&](TermId term) {
    return std::ranges::find(bench.closed, term) != bench.closed.end();
  };
  Live* live = pick(bench, [&](const Live& l) {
    return l.whole() && l.combine == Reduction::sum && l.terms.size() > 1 &&
           std::ranges::none_of(l.terms, is_closed);
  });
  if (live == nullptr) return false;
  const TermId handle = w.term(TermKind::residual, 1, Reduction::sum);
  w.builder().close(handle, live->terms);
  bench.closed.insert(bench.closed.end(), live->terms.begin(), live->terms.end());
  live->terms = {handle};
  return true;
}

bool draw_slice_columns(Bench& bench) {
  ProgramWriter& w = bench.w;
  Live* from = pick(bench, [](const Live& l) { return l.whole(); });
  if (from == nullptr) return false;
  Live to = *from;
  to.sliced = w.any_group();
  to.tensor = w.tensor(to.columns);
  w.add(OpKind::slice_columns, *from, to).group = to.sliced;
  bench.live.push_back(std::move(to));
  return true;
}

bool draw_require(Bench& bench) {
  ProgramWriter& w = bench.w;
  const Live* live = pick(bench, anything);
  if (live == nullptr) return false;
  StateSpec spec = w.plan().spec(w.spec(*live));
  spec.zero_padding = bench.later_kinds && live->zero_padding && w.chance(1, 2);
  const SpecId owed = w.builder().spec(spec);
  Operation& op = w.add(OpKind::require);
  op.in = {{live->tensor, owed}};
  op.boundary = w.chance(1, 2);
  return true;
}

}  // namespace lockstep::test

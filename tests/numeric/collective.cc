#include "tests/numeric/collective.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "backend/numeric/reduction.h"

namespace lockstep::test {
namespace {

using numeric::Held;
using numeric::Interval;
using numeric::Matrix;

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

struct Call {
  Plan plan;
  std::vector<numeric::Call> calls;
};

Call call_of(const Collective& c) {
  Call call;
  Operation op;
  op.kind = c.kind;
  op.in = {{TensorId{0}, {}}};
  op.out = {{TensorId{c.in_place ? 0 : 1}, {}}};
  op.reduction = c.reduction;
  op.root = c.root;
  op.axis = c.axis;
  op.sizes = SizesId{0};
  call.plan.sizes.push_back({"sizes", c.sizes});
  call.plan.operations.push_back(op);
  for (std::size_t m = 0; m < c.passed.size(); ++m) {
    const std::int64_t rows = c.passed[m] ? numeric::row_count(c.passed[m]) : -1;
    call.calls.push_back({static_cast<int>(m), 0, rows});
  }
  return call;
}

// ---- the definition ---------------------------------------------------------------------------

const std::vector<Interval>* columns_that_count(const Collective& c) {
  const std::vector<Interval>* columns = nullptr;
  for (const Held& held : c.passed) {
    if (!held) continue;
    const bool more = columns != nullptr && columns->size() < held->columns.size();
    if (columns == nullptr || (sums(c.kind) && more)) columns = &held->columns;
  }
  return columns;
}

double element(const Collective& c, std::size_t member, std::int64_t row, std::int64_t column) {
  const Held& held = c.passed[member];
  if (!held || held->columns != *columns_that_count(c) || row >= numeric::row_count(held)) {
    return kUndefined;
  }
  return static_cast<double>(held->values(row, column));
}

std::int64_t most_rows(const Collective& c) {
  std::int64_t most = 0;
  for (const Held& held : c.passed) most = std::max(most, numeric::row_count(held));
  return most;
}

Expected rows_of_sum(const Collective& c, std::int64_t first, std::int64_t count) {
  Expected all{true, false, {count, numeric::width_of(*columns_that_count(c))}};
  for (std::int64_t r = 0; r < count; ++r) {
    for (std::int64_t column = 0; column < all.values.columns(); ++column) {
      double total = element(c, 0, first + r, column);
      for (std::size_t m = 1; m < c.passed.size(); ++m) {
        total = numeric::folded(c.reduction, total, element(c, m, first + r, column));
      }
      const auto members = static_cast<double>(c.passed.size());
      all.values(r, column) = c.reduction == Reduction::average ? total / members : total;
    }
  }
  return all;
}

std::vector<Expected> scattered(const Collective& c) {
  std::vector<Expected> all;
  std::int64_t first = 0;
  for (std::size_t m = 0; m < c.passed.size(); ++m) {
    const std::int64_t rows =
        c.kind == OpKind::reduce_scatter
            ? numeric::row_count(c.passed[m]) / static_cast<std::int64_t>(c.passed.size())
            : c.sizes[m];
    all.push_back(rows_of_sum(c, first, rows));
    first += rows;
  }
  return all;
}

std::vector<Expected> sent_to_each(const Collective& c) {
  const std::size_t n = c.passed.size();
  const auto size = [&](std::size_t from, std::size_t to) {
    return c.kind == OpKind::all_to_allv ? c.sizes[from * n + to]
                                         : most_rows(c) / static_cast<std::int64_t>(n);
  };
  const std::int64_t width = numeric::width_of(*columns_that_count(c));
  std::vector<Expected> all;
  for (std::size_t to = 0; to < n; ++to) {
    std::vector<double> elements;
    for (std::size_t from = 0; from < n; ++from) {
      std::int64_t first = 0;
      for (std::size_t before = 0; before < to; ++before) first += size(from, before);
      for (std::int64_t r = first; r < first + size(from, to); ++r) {
        for (std::int64_t k = 0; k < width; ++k) elements.push_back(element(c, from, r, k));
      }
    }
    const auto rows = width == 0 ? 0 : static_cast<std::int64_t>(elements.size()) / width;
    all.push_back({true, false, {rows, width, elements}});
  }
  return all;
}

Matrix<double> concatenated(const Collective& c) {
  const bool by_columns = c.kind == OpKind::all_gather && c.axis == Axis::columns;
  std::int64_t rows = 0;
  std::int64_t width = 0;
  for (const Held& held : c.passed) {
    if (!held) continue;
    const std::int64_t own = numeric::row_count(held);
    rows = by_columns ? std::max(rows, own) : rows + own;
    width += held->values.columns();
  }
  if (!by_columns) width = numeric::width_of(*columns_that_count(c));
  Matrix<double> all(rows, width, kUndefined);
  std::int64_t above = 0;
  std::int64_t left = 0;
  for (std::size_t m = 0; m < c.passed.size(); ++m) {
    if (!c.passed[m]) continue;
    const std::int64_t columns = by_columns ? c.passed[m]->values.columns() : width;
    for (std::int64_t r = 0; r < numeric::row_count(c.passed[m]); ++r) {
      for (std::int64_t k = 0; k < columns; ++k) {
        all(above + r, left + k) =
            by_columns ? static_cast<double>(c.passed[m]->values(r, k)) : element(c, m, r, k);
      }
    }
    (by_columns ? left : above) += by_columns ? columns : numeric::row_count(c.passed[m]);
  }
  return all;
}

std::vector<Expected> at_root(const Collective& c) {
  const Expected total = rows_of_sum(c, 0, most_rows(c));
  std::vector<Expected> all;
  for (std::size_t m = 0; m < c.passed.size(); ++m) {
    Expected& one = all.emplace_back(total);
    if (static_cast<int>(m) == c.root) continue;
    one.passed = c.in_place;
    one.values = Matrix<double>(total.values.rows(), total.values.columns(), kUndefined);
  }
  return all;
}

// ---- drawing ----------------------------------------------------------------------------------

// Slices of eight columns, or all of them, in one piece or two.
std::vector<Interval> draw_columns(Random& random) {
  switch (random.below(3)) {
    case 0:
      return {{0, 8}};
    case 1:
      return {{2, 5}};
    default:
      return {{4, 6}, {0, 3}};
  }
}

Held draw_held(Random& random, std::int64_t rows, const std::vector<Interval>& columns,
               numeric::Storage storage) {
  Matrix<float> values(rows, numeric::width_of(columns));
  for (std::int64_t r = 0; r < rows; ++r) {
    const bool undefined = random.chance(1, 16);
    for (float& v : values.row(r)) {
      v = numeric::stored(static_cast<float>(random.below(20001) - 10000) / 1234.5F, storage);
      if (undefined) v = numeric::kUndefinedElement;
    }
  }
  return numeric::make_held(columns, std::move(values));
}

// Sets sizes, and gives the rows that each member passes so that they fit.
std::vector<std::int64_t> draw_rows(Random& random, Collective& c, std::size_t n,
                                    std::int64_t most) {
  const auto members = static_cast<std::int64_t>(n);
  const auto size = [&] { return random.below(most / members + 2); };
  const auto sum = [&](std::size_t first, std::size_t count) {
    return std::accumulate(c.sizes.data() + first, c.sizes.data() + first + count, std::int64_t{0});
  };
  std::vector<std::int64_t> rows(n, random.below(most + 1));
  if (c.kind == OpKind::reduce_scatter || c.kind == OpKind::all_to_all) {
    rows.assign(n, members * size());
  } else if (c.kind == OpKind::reduce_scatterv || c.kind == OpKind::combine) {
    for (std::size_t m = 0; m < n; ++m) c.sizes.push_back(size());
    // What comes home may be more or less than there is.
    rows.assign(n, c.kind == OpKind::combine ? random.below(most + 1) : sum(0, n));
  } else if (c.kind == OpKind::all_gatherv || c.kind == OpKind::dispatch) {
    for (std::int64_t& r : rows) r = size();
    c.sizes = rows;
  } else if (c.kind == OpKind::all_to_allv) {
    for (std::size_t i = 0; i < n * n; ++i) c.sizes.push_back(size());
    for (std::size_t m = 0; m < n; ++m) rows[m] = sum(m * n, n);
  }
  return rows;
}

}  // namespace

numeric::Exchange Collective::exchange() const {
  const Call call = call_of(*this);
  std::vector<numeric::Shape> shapes;
  for (const Held& held : passed) shapes.push_back(numeric::shape_of(held));
  return {call.plan, call.calls, 0, shapes, sizes, storage};
}

std::vector<Held> Collective::run() const {
  const Call call = call_of(*this);
  return numeric::exchange(call.plan, call.calls, 0, passed, sizes, storage);
}

std::vector<Expected> as_defined(const Collective& c) {
  const std::size_t n = c.passed.size();
  if (columns_that_count(c) == nullptr) return std::vector<Expected>(n);
  if (c.kind == OpKind::broadcast) {
    const Held& given = c.passed[static_cast<std::size_t>(c.root)];
    Expected all{given != nullptr, false, {}};
    if (given) all.values = {given->values.rows(), given->values.columns()};
    for (std::int64_t r = 0; r < all.values.rows(); ++r) {
      std::ranges::copy(given->values.row(r), all.values.row(r).begin());
    }
    return std::vector<Expected>(n, all);
  }
  if (c.kind == OpKind::all_reduce)
    return std::vector<Expected>(n, rows_of_sum(c, 0, most_rows(c)));
  if (c.kind == OpKind::reduce) return at_root(c);
  if (sums(c.kind)) return scattered(c);
  if (c.kind == OpKind::all_to_all || c.kind == OpKind::all_to_allv) return sent_to_each(c);
  return std::vector<Expected>(n, Expected{true, false, concatenated(c)});
}

std::vector<Held> by_messages(const Collective& c) {
  const numeric::Exchange exchange = c.exchange();
  const std::size_t n = c.passed.size();
  std::vector<std::vector<numeric::Turn>> turns;
  std::vector<std::vector<float>> working;
  for (std::size_t m = 0; m < n; ++m) {
    turns.push_back(exchange.turns(static_cast<int>(m)));
    working.push_back(exchange.load(static_cast<int>(m), c.passed[m]));
  }
  for (std::size_t round = 0; round < turns.front().size(); ++round) {
    const std::vector<std::vector<float>> before = working;
    for (std::size_t m = 0; m < n; ++m) {
      const numeric::Turn& turn = turns[m][round];
      if (turn.from < 0) continue;
      const auto sender = static_cast<std::size_t>(turn.from);
      const Interval sent = turns[sender][round].send;
      exchange.take(
          turn,
          std::span(before[sender])
              .subspan(static_cast<std::size_t>(sent.first), static_cast<std::size_t>(sent.size())),
          working[m]);
    }
  }
  std::vector<Held> received;
  for (std::size_t m = 0; m < n; ++m) {
    received.push_back(exchange.unload(static_cast<int>(m), std::move(working[m]), c.passed[m]));
  }
  return received;
}

bool same_bits(const Held& a, const Held& b) {
  if (!a || !b) return !a && !b;
  const bool same_shape = a->columns == b->columns && a->values.rows() == b->values.rows() &&
                          a->values.columns() == b->values.columns();
  if (!same_shape) return false;
  for (std::int64_t r = 0; r < a->values.rows(); ++r) {
    const auto bits = [](float v) { return std::bit_cast<std::uint32_t>(v); };
    if (!std::ranges::equal(a->values.row(r), b->values.row(r), {}, bits, bits)) return false;
  }
  return true;
}

Collective draw_collective(Random& random, OpKind kind, int members, std::int64_t most_rows) {
  const auto n = static_cast<std::size_t>(members);
  Collective c{.kind = kind};
  if (random.chance(1, 3)) c.storage = numeric::Storage::bfloat16;
  if (sums(kind)) c.reduction = static_cast<Reduction>(random.below(4));
  if (takes_root(kind)) c.root = static_cast<int>(random.below(members));
  if (kind == OpKind::reduce) c.in_place = random.chance(1, 2);
  if (kind == OpKind::all_gather && random.chance(1, 2)) c.axis = Axis::columns;
  const std::vector<std::int64_t> rows = draw_rows(random, c, n, most_rows);
  const bool same_columns = random.chance(3, 4);
  const std::vector<Interval> common = draw_columns(random);
  const bool all_wrote = random.chance(3, 4);
  for (std::size_t m = 0; m < n; ++m) {
    const std::vector<Interval> columns = same_columns ? common : draw_columns(random);
    const bool wrote = all_wrote || random.chance(2, 3);
    c.passed.push_back(wrote ? draw_held(random, rows[m], columns, c.storage) : nullptr);
  }
  return c;
}

}  // namespace lockstep::test

#include "backend/numeric/host_arithmetic.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "backend/numeric/arithmetic.h"
#include "backend/numeric/as_kept.h"
#include "backend/numeric/gated_unit.h"
#include "backend/numeric/rotary.h"

namespace lockstep::numeric {

using Values = HostArithmetic::Values;

// ---- made of nothing --------------------------------------------------------------------------

Values HostArithmetic::undefined(std::int64_t rows, std::int64_t columns) const {
  return {rows, columns, kUndefinedElement};
}

Values HostArithmetic::zero_sum(std::int64_t rows, std::int64_t columns) const {
  return {rows, columns};
}

Values HostArithmetic::repeated(const WeightBlock& block, std::int64_t rows) const {
  Values out(rows, block.column_count());
  add_to_rows(out, block.row());
  return out;
}

Values HostArithmetic::embedded(const WeightBlock& table, std::span<const std::int64_t> ids) const {
  Values out(std::ssize(ids), table.column_count());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::vector<float> row = table.rows({ids[i], ids[i] + 1}).row();
    std::ranges::copy(row, out.row(static_cast<std::int64_t>(i)).begin());
  }
  return out;
}

// ---- moved ------------------------------------------------------------------------------------

Values HostArithmetic::rows_of(const Values& x, const std::vector<std::int64_t>& rows) const {
  return gathered(x, rows);
}

Values HostArithmetic::columns_of(const Values& x, Interval columns) const {
  return sliced(x, columns);
}

Values HostArithmetic::only_columns(Values x, Interval columns) const {
  for (std::int64_t r = 0; r < x.rows(); ++r) {
    for (std::int64_t c = 0; c < x.columns(); ++c) {
      if (c < columns.first || c >= columns.last) x(r, c) = 0.0F;
    }
  }
  return x;
}

Values HostArithmetic::stacked(const Values& above, const Values& below) const {
  return numeric::stacked(above, below);
}

Values HostArithmetic::joined(const Values& own, const Values& common, std::int64_t heads,
                              std::int64_t width) const {
  const std::int64_t whole = width + common.columns();
  Values out(own.rows(), heads * whole);
  for (std::int64_t r = 0; r < out.rows(); ++r) {
    for (std::int64_t h = 0; h < heads; ++h) {
      for (std::int64_t c = 0; c < whole; ++c) {
        out(r, h * whole + c) = c < width ? own(r, h * width + c) : common(r, c - width);
      }
    }
  }
  return out;
}

void HostArithmetic::place(Values& to, const Values& x, const std::vector<std::int64_t>& at) const {
  for (std::size_t i = 0; i < at.size(); ++i) {
    std::ranges::copy(x.row(static_cast<std::int64_t>(i)), to.row(at[i]).begin());
  }
}

// ---- added ------------------------------------------------------------------------------------

void HostArithmetic::add(Values& sum, const Values& x, std::int64_t first_column,
                         double factor) const {
  const auto f = static_cast<float>(factor);
  for (std::int64_t r = 0; r < sum.rows(); ++r) {
    const std::span<float> to = sum.row(r);
    for (std::int64_t c = 0; c < sum.columns(); ++c) {
      const std::int64_t from = first_column + c;
      to[static_cast<std::size_t>(c)] += from < x.columns() ? f * x(r, from) : kUndefinedElement;
    }
  }
}

Values HostArithmetic::kept(Values sum) const { return stored(std::move(sum), storage_); }

Values HostArithmetic::with_row(Values x, const WeightBlock& row) const {
  return kept(with_row_unrounded(std::move(x), row));
}

Values HostArithmetic::with_row_unrounded(Values x, const WeightBlock& row) const {
  add_to_rows(x, row.row());
  return x;
}

// ---- computed ---------------------------------------------------------------------------------

Values HostArithmetic::product(const Values& x, const WeightBlock& block) const {
  return kept(product_unrounded(x, block));
}

Values HostArithmetic::product_unrounded(const Values& x, const WeightBlock& block) const {
  return numeric::product(x, block);
}

Values HostArithmetic::normed(Values x, const WeightBlock& gain, std::int64_t width) const {
  const auto part = static_cast<std::size_t>(width);
  const std::vector<float> gains = gain.row();
  for (std::int64_t r = 0; r < x.rows(); ++r) {
    const std::span<float> row = x.row(r);
    for (std::size_t c = 0; c + part <= row.size(); c += part) {
      rms_norm_part(row.subspan(c, part), std::span(gains).first(part), model().rms_norm_eps);
    }
  }
  return kept(std::move(x));
}

Values HostArithmetic::normed_over_all(Values x, const WeightBlock& gain, const Values& statistics,
                                       std::int64_t statistic, std::int64_t count) const {
  divide_by_rms(x, count, model().rms_norm_eps,
                [&](std::int64_t r) { return statistics(r, statistic); });
  const std::vector<float> gains = gain.row();
  for (std::int64_t r = 0; r < x.rows(); ++r) {
    for (std::size_t c = 0; c < gains.size(); ++c) x.row(r)[c] *= gains[c];
  }
  return kept(std::move(x));
}

Values HostArithmetic::gated(Values gate, const Values& up, double limit) const {
  for (std::int64_t r = 0; r < gate.rows(); ++r) {
    for (std::int64_t c = 0; c < gate.columns(); ++c) {
      gate(r, c) = numeric::gated(gate(r, c), up(r, c), limit);
    }
  }
  return kept(std::move(gate));
}

Values HostArithmetic::times_sigmoid(Values y, const Values& gate) const {
  for (std::int64_t r = 0; r < y.rows(); ++r) {
    for (float& v : y.row(r)) v *= sigmoid(gate(r, 0));
  }
  return kept(std::move(y));
}

Values HostArithmetic::turned(Values x, std::int64_t stride, std::int64_t offset,
                              std::int64_t first_position) const {
  const std::int64_t width = rotary_width(model());
  if (width == 0) return x;
  const Rotary rotary(width, model().rope_theta, {first_position, first_position + x.rows()});
  for (std::int64_t r = 0; r < x.rows(); ++r) {
    for (std::int64_t c = offset; c < x.columns(); c += stride) {
      rotary.turn(x.row(r).subspan(static_cast<std::size_t>(c), static_cast<std::size_t>(width)),
                  first_position + r);
    }
  }
  return kept(std::move(x));
}

Values HostArithmetic::squares(const Values& queries, const Values& keys, HeadPlaces heads) const {
  const std::int64_t width = query_width(model());
  Values out(queries.rows(), 2);
  for (std::int64_t r = 0; r < out.rows(); ++r) {
    out(r, 0) = sum_of_squares<float>(queries.row(r));
    for (std::int64_t h = 0; h < queries.columns() / width; ++h) {
      const std::int64_t kv = (heads.first_query + h) / heads.group - heads.first_kv;
      out(r, 1) += sum_of_squares<float>(keys.row(r).subspan(static_cast<std::size_t>(kv * width),
                                                             static_cast<std::size_t>(width)));
    }
    out(r, 1) /= static_cast<float>(heads.group);
  }
  return out;
}

Values HostArithmetic::chosen(const Values& logits, int layer) const {
  const RouterBiases biases = router_biases(*weights_, layer);
  Values routing = logits;
  for (std::int64_t r = 0; r < routing.rows(); ++r) {
    const std::span<float> row = routing.row(r);
    std::vector<double> scores(row.begin(), row.end());
    score(scores, model());
    const std::vector<int> best = choose_experts(ranking(scores, biases), model()).experts;
    const std::vector<double> combine = combine_weights(scores, best, model());
    std::ranges::fill(row, 0.0F);
    for (std::size_t i = 0; i < best.size(); ++i) {
      row[static_cast<std::size_t>(best[i])] = static_cast<float>(combine[i]);
    }
  }
  return kept(std::move(routing));
}

Values HostArithmetic::experts(const Values& x, const Values& routing,
                               const ExpertUnit& unit) const {
  Values out(x.rows(), model().hidden_size);
  for (std::int64_t e = unit.experts.first; e < unit.experts.last; ++e) {
    std::vector<std::int64_t> rows;
    for (std::int64_t r = 0; r < routing.rows(); ++r) {
      if (routing(r, e) != 0.0F) rows.push_back(r);
    }
    if (rows.empty()) continue;
    Values y =
        gated_unit(*this, gathered(x, rows), expert_unit(model(), unit.layer, e), unit.columns);
    if (unit.adds_down_bias) {
      y = with_row(std::move(y), weights_->at({WeightKind::expert_down_bias, unit.layer, e}));
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const float weight = routing(rows[i], e);
      const std::span<float> to = out.row(rows[i]);
      const std::span<const float> from = std::as_const(y).row(static_cast<std::int64_t>(i));
      for (std::size_t c = 0; c < to.size(); ++c) to[c] += weight * from[c];
    }
  }
  return kept(std::move(out));
}

// ---- tensors ----------------------------------------------------------------------------------

Values HostArithmetic::taken(const Held& tensor, const std::vector<std::int64_t>& at,
                             std::int64_t columns) const {
  return numeric::taken<float>(tensor, at, columns);
}

Held HostArithmetic::made(std::vector<Interval> columns, Values values) const {
  return make_held(std::move(columns), std::move(values));
}

Held HostArithmetic::added(std::span<const Held> addends) const { return numeric::added(addends); }

Held HostArithmetic::scaled(const Held& tensor, double factor) const {
  return numeric::scaled(tensor, factor);
}

Held HostArithmetic::sliced_columns(const Held& tensor, Interval slice) const {
  return numeric::sliced_columns(tensor, slice);
}

Held HostArithmetic::copied_rows(const Held& from, const Held& onto, const RowMoves& moves,
                                 Fill fill, Interval columns) const {
  return numeric::copied_rows(from, onto, moves, fill, columns);
}

Held HostArithmetic::as_kept(Held tensor, Garbage garbage) const {
  return numeric::as_kept(std::move(tensor), storage_, garbage);
}

Held HostArithmetic::corrupted(Held tensor, const Corruption& corruption) const {
  const auto& [operation, rank, row, column, factor] = corruption;
  const bool hits = tensor && row >= 0 && row < tensor->values.rows() && column >= 0 &&
                    column < tensor->values.columns();
  if (!hits) return tensor;
  LocalTensor changed = *tensor;
  changed.values(row, column) *= static_cast<float>(factor);
  return make_held(std::move(changed.columns), std::move(changed.values));
}

}  // namespace lockstep::numeric

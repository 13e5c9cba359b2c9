// The arithmetic of a rank on the CPU: what layers, attention and blocks are made of. Each backend
// has a class like this one, with the same names (backend/nccl/device_arithmetic.h: on a GPU), and
// the code that says what a rank computes takes it as a template argument.
//
// Values are kept in `storage` unless a function says "unrounded": then they are float32.
// Arithmetic is float32 in between. A row that nobody wrote is NaN, and whatever is made of it,
// too.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backend/numeric/matrix.h"
#include "backend/numeric/replay.h"
#include "backend/numeric/router.h"
#include "backend/numeric/shares.h"
#include "backend/numeric/storage.h"
#include "backend/numeric/tensor.h"
#include "backend/numeric/weights.h"

namespace lockstep::numeric {

// Which heads stand in the columns of queries, and of keys and values: query head h of all reads
// head h / group of keys and values.
struct HeadPlaces {
  std::int64_t first_query = 0;
  std::int64_t first_kv = 0;
  std::int64_t group = 1;
};

// The experts of one layer on one rank: of each the columns `columns` of its width.
struct ExpertUnit {
  int layer = 0;
  Interval experts;
  Interval columns;
  bool adds_down_bias = false;  // where the model has one
};

class HostArithmetic {
 public:
  using Values = Matrix<float>;
  using Tensor = Held;  // null: never written

  // `weights` must outlive it.
  explicit HostArithmetic(Weights& weights, Storage storage = Storage::float32)
      : weights_(&weights), storage_(storage) {}

  Weights& weights() const { return *weights_; }
  const Model& model() const { return weights_->model(); }
  Storage storage() const { return storage_; }

  // ---- to and from the host ----
  Values from_host(Matrix<float> x) const { return x; }
  Matrix<float> to_host(const Values& x) const { return x; }
  Tensor tensor_from_host(Held held) const { return held; }
  Held tensor_to_host(const Tensor& tensor) const { return tensor; }

  // ---- made of nothing ----
  Values undefined(std::int64_t rows, std::int64_t columns) const;
  // A sum of nothing, to be added to. Unrounded.
  Values zero_sum(std::int64_t rows, std::int64_t columns) const;
  // The block itself. REQUIRES: it is small (Weights::kLargestBlock).
  Values drawn(const WeightBlock& block) const { return block.drawn(); }
  // The first row of `block`, `rows` times.
  Values repeated(const WeightBlock& block, std::int64_t rows) const;
  // Row `ids[i]` of `table` in row i.
  Values embedded(const WeightBlock& table, std::span<const std::int64_t> ids) const;

  // ---- moved ----
  Values rows_of(const Values& x, const std::vector<std::int64_t>& rows) const;
  Values columns_of(const Values& x, Interval columns) const;
  // Zero outside of `columns`.
  Values only_columns(Values x, Interval columns) const;
  Values stacked(const Values& above, const Values& below) const;
  // A row per position: of each head the `width` columns of `own`, then all of `common`.
  Values joined(const Values& own, const Values& common, std::int64_t heads,
                std::int64_t width) const;
  // Row i of `x` becomes row at[i] of `to`. REQUIRES: equal columns.
  void place(Values& to, const Values& x, const std::vector<std::int64_t>& at) const;

  // ---- added ----
  // sum += factor * x[:, first : first + columns of sum]. NaN where x has no such column. `sum` is
  // unrounded.
  void add(Values& sum, const Values& x, std::int64_t first_column, double factor) const;
  Values kept(Values sum) const;
  // x + the first row of `row`, in each row.
  Values with_row(Values x, const WeightBlock& row) const;
  // The same, unrounded.
  Values with_row_unrounded(Values x, const WeightBlock& row) const;

  // ---- computed ----
  // NaN where the block has not a row per column of x.
  Values product(const Values& x, const WeightBlock& block) const;
  Values product_unrounded(const Values& x, const WeightBlock& block) const;
  // Each `width` columns over their root mean square, times the first `width` of `gain`'s first
  // row.
  Values normed(Values x, const WeightBlock& gain, std::int64_t width) const;
  // Over the root mean square that a row of `count` columns has, of which x is a part: the sum of
  // its squares is column `statistic` of `statistics`. Times `gain`, a column per column of x.
  Values normed_over_all(Values x, const WeightBlock& gain, const Values& statistics,
                         std::int64_t statistic, std::int64_t count) const;
  // numeric::gated() of each pair of elements.
  Values gated(Values gate, const Values& up, double limit) const;
  // Each row of y times the sigmoid of that row of `gate`, which has one column.
  Values times_sigmoid(Values y, const Values& gate) const;
  // Turns the first rotary_width(model()) columns of every `stride`, from `offset` on, to the
  // positions first_position, first_position + 1, ... (rotary.h).
  Values turned(Values x, std::int64_t stride, std::int64_t offset,
                std::int64_t first_position) const;
  // Causal attention: row r of the queries sees the first (rows of keys - rows of queries + r + 1)
  // positions, of those the last window_of(layer) if that is not 0. Per head the softmax of q . k /
  // sqrt(query_width), with the model's sinks, times v.
  Values mixed(const Values& queries, const Values& keys, const Values& values, HeadPlaces heads,
               int layer) const;
  // Two columns: the sums of squares of all queries, and of the keys that they read: a head of keys
  // counts 1 / group for each of its query heads. Unrounded.
  Values squares(const Values& queries, const Values& keys, HeadPlaces heads) const;
  // The combine weights of unrounded router logits (router.h): zero where not chosen.
  Values chosen(const Values& logits, int layer) const;
  // Sum over the experts of routing(r, e) * expert e of x(r).
  Values experts(const Values& x, const Values& routing, const ExpertUnit& unit) const;

  // ---- tensors (tensor.h) ----
  // The rows at `at`, cut or filled with NaN to `columns`.
  Values taken(const Tensor& tensor, const std::vector<std::int64_t>& at,
               std::int64_t columns) const;
  Tensor made(std::vector<Interval> columns, Values values) const;
  Tensor added(std::span<const Tensor> addends) const;
  Tensor scaled(const Tensor& tensor, double factor) const;
  Tensor sliced_columns(const Tensor& tensor, Interval slice) const;
  Tensor copied_rows(const Tensor& from, const Tensor& onto, const RowMoves& moves, Fill fill,
                     Interval columns) const;
  // As memory keeps it: in `storage`, with garbage where nobody wrote. What is as it must be stays
  // one object, which ranks share.
  Tensor as_kept(Tensor tensor, Garbage garbage) const;
  // With one element of it multiplied.
  Tensor corrupted(Tensor tensor, const Corruption& corruption) const;

 private:
  Weights* weights_;
  Storage storage_;
};

}  // namespace lockstep::numeric

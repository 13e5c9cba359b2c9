// The nonlinear operations of a plan on one rank: gathers the real rows, computes the rank's
// shares, and leaves NaN in every padding row, whose content nothing may depend on.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "backend/numeric/attention.h"
#include "backend/numeric/layers.h"
#include "backend/numeric/plan_reference.h"
#include "sim/plan/plan.h"

namespace lockstep::numeric {

using RecordChoice = std::function<void(const RouterChoice&)>;

class Blocks {
 public:
  // All must outlive it. `record` is told what routers choose.
  Blocks(const Plan& plan, Weights& weights, PlanReference& reference, RecordChoice record,
         Storage storage = Storage::float32)
      : plan_(plan),
        weights_(weights),
        storage_(storage),
        layers_(weights, storage),
        attention_(weights, storage),
        reference_(reference),
        record_(std::move(record)) {}

  // The layout whose rows `op` computes: its operand's, or its result's where it has none.
  static LayoutId rows_of(const Plan& plan, const Operation& op);

  // Output 0 of `op` on `rank`. `in`: what the rank holds of each operand. Rows that an operand
  // lacks count as undefined. REQUIRES: is_nonlinear(op.kind).
  Held run(const Operation& op, int rank, std::span<const Held> in);

 private:
  // Tokens computed now: their ids, and where they stand in the rank's tensor.
  struct RealRows {
    std::vector<std::int64_t> tokens;
    std::vector<std::int64_t> at;
  };
  using CacheKey = std::tuple<int, int, int, int>;  // rank, layer, first share, run of tokens

  // Of compute and linear: the shares that the rank makes, as they make the whole.
  Held run_program(const Operation& op, int rank, std::span<const Held> in);
  Matrix<double> program_part(const Application& application, const Production& production,
                              int rank);
  void add_offsets(const FunctionResult& result, const Production& production, int rank,
                   Matrix<double>& product);
  double in_unit(TermId term, double value, std::int64_t token, std::int64_t column);

  RealRows real_rows(const Operation& op, int rank) const;
  // All shares of `production` on `rank`; and of those some that stand together.
  Matrix<float> produced(const Operation& op, const Production& production, int rank,
                         const RealRows& rows, std::span<const Matrix<float>> in);
  Matrix<float> share(const Operation& op, const Production& production, Shares shares, int rank,
                      const RealRows& rows, std::span<const Matrix<float>> in);
  Matrix<float> embedding(const RealRows& rows, Shares shares);
  Matrix<float> attention(std::span<const Matrix<float>> in, const RealRows& rows, int rank,
                          int layer, Shares heads);
  Matrix<float> routed(const Production& production, Shares shares, int layer,
                       std::span<const Matrix<float>> in);
  Matrix<float> routing(const Matrix<float>& x, const RealRows& rows, int layer);
  KeyValue cache_before(const TokenRun& run, int rank, int layer, Shares heads);

  const Plan& plan_;
  Weights& weights_;
  Storage storage_;
  Layers layers_;
  Attention attention_;
  PlanReference& reference_;
  RecordChoice record_;
  std::map<CacheKey, std::shared_ptr<const KeyValue>> caches_;
};

}  // namespace lockstep::numeric

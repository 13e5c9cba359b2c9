// The nonlinear operations of a plan on one rank, in any backend's arithmetic: gathers the real
// rows, computes the rank's shares, and leaves NaN in every padding row, whose content nothing may
// depend on.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "backend/numeric/attention.h"
#include "backend/numeric/layers.h"
#include "backend/numeric/plan_reference.h"
#include "backend/numeric/program_blocks.h"
#include "sim/plan/plan.h"

namespace lockstep::numeric {

using RecordChoice = std::function<void(const RouterChoice&)>;

template <class Arithmetic>
class BasicBlocks {
 public:
  using Values = typename Arithmetic::Values;
  using Tensor = typename Arithmetic::Tensor;

  // All must outlive it. `record` is told what routers choose.
  BasicBlocks(const Plan& plan, const Arithmetic& arithmetic, PlanReference& reference,
              RecordChoice record)
      : plan_(plan),
        a_(arithmetic),
        layers_(arithmetic),
        attention_(arithmetic),
        program_(plan, reference),
        reference_(reference),
        record_(std::move(record)) {}

  // Output 0 of `op` on `rank`. `in`: what the rank holds of each operand. Rows that an operand
  // lacks count as undefined. REQUIRES: is_nonlinear(op.kind).
  Tensor run(const Operation& op, int rank, std::span<const Tensor> in);

 private:
  // Tokens computed now: their ids, and where they stand in the rank's tensor.
  struct RealRows {
    std::vector<std::int64_t> tokens;
    std::vector<std::int64_t> at;
  };
  using CacheKey = std::tuple<int, int, int, int>;  // rank, layer, first share, run of tokens

  using KeyValue = BasicKeyValue<Values>;

  Tensor run_program(const Operation& op, int rank, std::span<const Tensor> in);
  RealRows real_rows(const Operation& op, int rank) const;
  // The columns that the rank has of output 0.
  Interval columns(const Operation& op, int rank) const;
  // All shares of `production` on `rank`; and of those some that stand together.
  Values produced(const Operation& op, const Production& production, int rank, const RealRows& rows,
                  std::span<const Values> in);
  Values share(const Operation& op, const Production& production, Shares shares, int rank,
               const RealRows& rows, std::span<const Values> in);
  Values embedding(const RealRows& rows, Shares shares);
  Values attention(std::span<const Values> in, const RealRows& rows, int rank, int layer,
                   Shares heads);
  Values routed(const Production& production, Shares shares, int layer, std::span<const Values> in);
  Values routing(const Values& x, const RealRows& rows, int layer);
  KeyValue cache_before(const TokenRun& run, int rank, int layer, Shares heads);

  const Plan& plan_;
  Arithmetic a_;
  BasicLayers<Arithmetic> layers_;
  BasicAttention<Arithmetic> attention_;
  ProgramBlocks program_;
  PlanReference& reference_;
  RecordChoice record_;
  std::map<CacheKey, KeyValue> caches_;
};

using Blocks = BasicBlocks<HostArithmetic>;
extern template class BasicBlocks<HostArithmetic>;

}  // namespace lockstep::numeric

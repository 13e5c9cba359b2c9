// What each tensor holds at the point of the plan that has been read: how many rows on each rank,
// and how many of its columns.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "sim/cost/timeline/seats.h"
#include "sim/plan/plan.h"

namespace lockstep {

// Rows of one tensor on one rank.
struct Rows {
  std::int64_t all = 0;   // what kernels and collectives work on
  std::int64_t real = 0;  // of those, rows of tokens; the others are padding
};

class TensorStates {
 public:
  TensorStates(const Plan& plan, const Seats& seats);

  // Takes note of what `op` declares of its results. Call it after each operation, in order.
  void pass(const Operation& op);

  // The last state declared for `tensor` on `rank`; none: nothing was.
  SpecId last(TensorId tensor, int rank) const;
  // What an operand must be, or else was declared to be.
  SpecId of(const Operand& operand, int rank) const {
    return operand.expect.exists() ? operand.expect : last(operand.tensor, rank);
  }
  // Nothing for no state.
  Rows rows(SpecId state, int rank) const;
  // The rank's columns of `tensor` in `state`.
  std::int64_t columns(TensorId tensor, SpecId state, int rank) const;

 private:
  const Plan& plan_;
  const Seats& seats_;
  std::vector<std::vector<Rows>> rows_;     // by layout and distinct map
  std::vector<std::int64_t> columns_;       // by tensor, whole
  std::vector<SpecId> common_;              // by tensor: of all ranks
  std::map<int, std::vector<SpecId>> own_;  // of tensors whose ranks differ: by rank
};

// Of one element: "bfloat16" has 2, "float32" 4, "float8_e4m3" 1. Names that say no width: 2.
int element_bytes(const std::string& dtype);

}  // namespace lockstep

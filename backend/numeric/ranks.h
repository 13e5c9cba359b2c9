// The ranks of a plan as the interpreter sees them: what each holds, and that it can be told to go
// on. In one process they are memory (LocalRanks); on one process each, messages
// (backend/process).
#pragma once

#include <vector>

#include "backend/numeric/rendezvous.h"
#include "backend/numeric/tensor.h"
#include "sim/plan/plan.h"

namespace lockstep::numeric {

class Ranks {
 public:
  Ranks() = default;
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;
  virtual ~Ranks() = default;

  // What `rank` holds of a tensor. Of ranks elsewhere known for the operands of the operation at
  // which they arrived, with their values where the plan owes something there.
  virtual Held held(TensorId tensor, int rank) = 0;
  // Puts something else in its place.
  virtual void put(TensorId tensor, int rank, Held value) = 0;

  // `ranks` stand before `operation`.
  virtual void arrive(int operation, const std::vector<int>& ranks) = 0;
  // `rank` may execute it. `may_change`: something that it holds may still be put right, and what
  // it passes to a collective is what it holds when the collective completes.
  virtual void go_on(int operation, int rank, bool may_change) = 0;
  // Executes a local operation on a rank that may.
  virtual void compute(int operation, int rank) = 0;
  // Completes a collective. `calls`: of all members, in group order, which fit together.
  virtual void exchange(const std::vector<Call>& calls) = 0;
  // A point-to-point call of `rank` ends; `sent` is what its peer passed.
  virtual void receive(int operation, int rank, Held sent) = 0;
};

}  // namespace lockstep::numeric

// What every rank of a plan holds of every tensor while the plan runs, without any values: the
// rules of backend/numeric (LocalRanks, Blocks, the repairs of Judge), for shapes alone.
#pragma once

#include <vector>

#include "backend/numeric/exchange.h"
#include "sim/plan/plan.h"

namespace lockstep::nccl {

// The shape that `spec` declares for `tensor` on `rank`.
numeric::Shape declared_shape(const Plan& plan, SpecId spec, TensorId tensor, int rank);

class PlanShapes {
 public:
  // `repairs`: what is not as it should be is put right where the plan looks at it. The plan must
  // outlive it.
  PlanShapes(const Plan& plan, bool repairs);

  const numeric::Shape& held(TensorId tensor, int rank) const { return held_[place(tensor, rank)]; }
  void put(TensorId tensor, int rank, numeric::Shape shape);

  // `rank` comes to an operation: its operands are judged.
  void arrive(const Operation& op, int rank);
  // It executes a local one.
  void compute(const Operation& op, int rank);

 private:
  std::size_t place(TensorId tensor, int rank) const;
  numeric::Shape result(const Operation& op, int rank) const;
  numeric::Shape copied(const Operation& op, int rank) const;
  numeric::Shape added(const Operation& op, int rank) const;

  const Plan& plan_;
  bool repairs_;
  std::vector<numeric::Shape> held_;  // by tensor, then rank
};

}  // namespace lockstep::nccl

// The products of the reference in float64 on a GPU: the weights are drawn there a piece of a
// matrix at a time, so that no matrix is ever there as a whole in float64. docs/replay.md says how
// it is held against the CPU's.
#pragma once

#include "backend/nccl/device.h"
#include "backend/nccl/device_weights.h"
#include "backend/numeric/weights.h"

namespace lockstep::nccl {

class ReferenceProducts : public numeric::DoubleProducts {
 public:
  ReferenceProducts(int device, std::uint64_t seed);

  numeric::Matrix<double> product(const numeric::Matrix<double>& x,
                                  const numeric::WeightBlock& w) override;

 private:
  Device device_;
  std::uint64_t seed_;
};

}  // namespace lockstep::nccl

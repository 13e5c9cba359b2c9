// The tensors of a rank on a GPU, and the local operations of a plan on them: the same code as on
// the host (held_tensors.h), in the device's arithmetic. Instantiated once, in device_tensors.cc.
#pragma once

#include "backend/nccl/device_arithmetic.h"
#include "backend/numeric/held_tensors.h"

namespace lockstep::numeric {

extern template class BasicLayers<nccl::DeviceArithmetic>;
extern template class BasicAttention<nccl::DeviceArithmetic>;
extern template class BasicBlocks<nccl::DeviceArithmetic>;
extern template class HeldTensors<nccl::DeviceArithmetic>;

}  // namespace lockstep::numeric

namespace lockstep::nccl {

using DeviceTensors = numeric::HeldTensors<DeviceArithmetic>;

}  // namespace lockstep::nccl

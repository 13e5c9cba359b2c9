#include "backend/nccl/device_tensors.h"

#include "backend/numeric/blocks_definitions.h"
#include "backend/numeric/held_tensors_definitions.h"

namespace lockstep::numeric {

template class BasicLayers<nccl::DeviceArithmetic>;
template class BasicAttention<nccl::DeviceArithmetic>;
template class BasicBlocks<nccl::DeviceArithmetic>;
template class HeldTensors<nccl::DeviceArithmetic>;

}  // namespace lockstep::numeric

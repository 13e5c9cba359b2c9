#include "sim/cost/hardware_fields.h"

namespace lockstep {
namespace {

constexpr HardwareField kFields[] = {
    {"nccl.channels", "count", "channels of one communicator", 1, 64,
     &member<&Hardware::nccl, &NcclConstants::channels>},
};

}  // namespace

std::span<const HardwareField> nccl_fields() { return kFields; }

}  // namespace lockstep

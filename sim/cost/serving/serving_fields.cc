#include "sim/cost/hardware_fields.h"

namespace lockstep {
namespace {

constexpr HardwareField kFields[] = {
    {"serving.custom_all_reduce_limit_MiB", "MiB", "above it the call is NCCL's", 0, 1e6,
     &member<&Hardware::serving, &ServingConstants::custom_all_reduce_limit_MiB>},
};

}  // namespace

std::span<const HardwareField> serving_fields() { return kFields; }

}  // namespace lockstep

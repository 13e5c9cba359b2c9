#include "sim/cost/hardware_fields.h"

namespace lockstep {
namespace {

template <auto... Members>
constexpr auto kGpu = &member<&Hardware::gpu, Members...>;

constexpr HardwareField kFields[] = {
    {"gpu.sms", "count", "streaming multiprocessors", 1, 1000, kGpu<&GpuConstants::sms>},
    {"gpu.memory_GB", "GB", "of one GPU", 0.001, 10'000, kGpu<&GpuConstants::memory_GB>},
    {"gpu.hbm_GBps", "GB/s", "peak of its memory", 0.001, 1e6, kGpu<&GpuConstants::hbm_GBps>},
    {"gpu.bf16_TFLOPS", "TFLOPS", "dense peak in bfloat16", 0.001, 1e6,
     kGpu<&GpuConstants::bf16_TFLOPS>},
    {"gpu.fp8_TFLOPS", "TFLOPS", "dense peak in fp8; 0: computed in bfloat16", 0, 1e6,
     kGpu<&GpuConstants::fp8_TFLOPS>},
    {"gpu.fp4_TFLOPS", "TFLOPS", "dense peak in fp4; 0: computed in fp8", 0, 1e6,
     kGpu<&GpuConstants::fp4_TFLOPS>},
};

}  // namespace

std::span<const HardwareField> gpu_fields() { return kFields; }

}  // namespace lockstep

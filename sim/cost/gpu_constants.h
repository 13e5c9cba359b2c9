// What one GPU can do: arithmetic, memory, and how much of it real kernels reach.
#pragma once

namespace lockstep {

struct GpuConstants {
  double sms = 132;
  double memory_GB = 141;
  double hbm_GBps = 4800;    // peak
  double bf16_TFLOPS = 989;  // dense peaks
  double fp8_TFLOPS = 1979;
  double fp4_TFLOPS = 0;  // 0: computed in bf16
  bool operator==(const GpuConstants&) const = default;
};

}  // namespace lockstep

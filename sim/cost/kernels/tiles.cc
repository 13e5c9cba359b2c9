#include "sim/cost/kernels/tiles.h"

#include <algorithm>
#include <cmath>

namespace lockstep {
namespace {

Arithmetic narrowest_of(Number number) {
  switch (number) {
    case Number::fp32:
    case Number::bf16:
    case Number::fp16:
    case Number::int4:  // weights only: unpacked to bf16
      return Arithmetic::bf16;
    case Number::fp8:
      return Arithmetic::fp8;
    case Number::fp4:
      return Arithmetic::fp4;
  }
  return Arithmetic::bf16;
}

}  // namespace

Arithmetic arithmetic_of(Number activations, Number weights, const GpuConstants& gpu) {
  Arithmetic chosen = std::min(narrowest_of(activations), narrowest_of(weights));
  if (chosen == Arithmetic::fp4 && gpu.fp4_TFLOPS <= 0) chosen = Arithmetic::fp8;
  if (chosen == Arithmetic::fp8 && gpu.fp8_TFLOPS <= 0) chosen = Arithmetic::bf16;
  return chosen;
}

double peak_flops_per_us(Arithmetic arithmetic, const GpuConstants& gpu) {
  const double tflops = arithmetic == Arithmetic::fp4   ? gpu.fp4_TFLOPS
                        : arithmetic == Arithmetic::fp8 ? gpu.fp8_TFLOPS
                                                        : gpu.bf16_TFLOPS;
  return tflops * 1e6;
}

double stored_bytes_of(Number number) {
  const bool four_bits = number == Number::fp4 || number == Number::int4;
  return four_bits ? bytes_of(number) * 1.125 : bytes_of(number);
}

double ceil_div(double a, double b) { return std::ceil(a / b); }

}  // namespace lockstep

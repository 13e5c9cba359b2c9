// What the models of matrix products share: which arithmetic, how many bytes, how many waves.
#pragma once

#include <cstdint>

#include "sim/cost/gpu_constants.h"
#include "sim/cost/kernel.h"

namespace lockstep {

// The format in which a product is computed: the wider of its operands, then what the GPU has
// (fp4 falls back to fp8, that to bf16). Weights that are narrower than the arithmetic are only
// read in their own format.
enum class Arithmetic : std::uint8_t { bf16, fp8, fp4 };
Arithmetic arithmetic_of(Number activations, Number weights, const GpuConstants& gpu);

// FLOP per microsecond at the peak.
double peak_flops_per_us(Arithmetic arithmetic, const GpuConstants& gpu);

// With the scales of groups: 16 fp4 values share an 8-bit scale (NVFP4), 32 int4 values a 16-bit
// one. Those of fp8 blocks (128 x 128) are too few to count.
double stored_bytes_of(Number number);

// ceil(a / b) as a double. REQUIRES: b > 0.
double ceil_div(double a, double b);

// Bytes per microsecond at the memory's peak.
inline double peak_bytes_per_us(const GpuConstants& gpu) { return gpu.hbm_GBps * 1e3; }

}  // namespace lockstep

// Matrix products, by cuBLAS: operands of one type, summed in float32.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backend/nccl/device_values.h"

namespace lockstep::nccl {

// out := x w, rounded to the type of `out`: that of x and w, or float32. With float32 operands no
// TF32. A NaN in a row of x makes that row of the result NaN, and no other.
// REQUIRES: w has a row per column of x; `out` has x's rows and w's columns.
void multiply(Device& device, const DeviceValues& x, const DeviceValues& w, DeviceValues& out);

// How several products of one type are computed: at once, or one after the other.
enum class Grouping : std::uint8_t { grouped, one_by_one };

// Rows first[i] .. first[i + 1] of `out` := those of x, times weights[i]; all of one type. Grouped
// where cuBLAS has it: not in float32, and where columns are a multiple of eight.
// REQUIRES: weights of one shape; first.size() == weights.size() + 1.
void multiply_parts(Device& device, const DeviceValues& x, const std::vector<std::int64_t>& first,
                    std::span<const DeviceValues> weights, DeviceValues& out,
                    Grouping grouping = Grouping::grouped);

}  // namespace lockstep::nccl

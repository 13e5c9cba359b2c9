// Kernels that are more than a function of one element (kernels_elements.cuh has those), as the
// host calls them. Each enqueues itself on the device's stream and returns; results have their rows
// and columns already. Nothing is done where a result has no elements.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "backend/nccl/device_values.h"
#include "sim/model/model.h"

namespace lockstep::nccl {

// ---- weights (weights.h) ------------------------------------------------------------------------

// Row r of a result is row first_row + ids[r] of a matrix, or with a null list row first_row + r,
// from column first_column on.
struct DrawnRows {
  std::uint64_t matrix_key = 0;
  std::int64_t first_row = 0;
  const std::int64_t* ids = nullptr;  // on the device
  std::int64_t first_column = 0;
};
void draw_weights(Device& device, const std::array<float, 256>& value_of_byte,
                  const DrawnRows& rows, DeviceValues& out);

// ---- rows ---------------------------------------------------------------------------------------

// Row i of `x` becomes row at[i] of `to`, which has its columns and type. `at`: on the device.
void place_rows(Device& device, const DeviceValues& x, const std::int64_t* at, DeviceValues& to);

// Of each row, each `width` columns x_i become x_i * gain_i / sqrt(mean(x^2) + epsilon); what
// remains of a row stays. `gain`: float32, at least `width`.
void norm_rows(Device& device, const DeviceValues& x, const DeviceValues& gain, std::int64_t width,
               double epsilon, DeviceValues& out);

// Where the heads of queries, and of keys and values, stand (HeadPlaces of host_arithmetic.h).
struct HeadLayout {
  std::int64_t heads = 0;  // of the queries
  std::int64_t query_width = 0;
  std::int64_t value_width = 0;
  std::int64_t first_query = 0;
  std::int64_t first_kv = 0;
  std::int64_t group = 1;
};

// out(r, 0): the sum of squares of row r of `queries`; out(r, 1): those of the keys that each of
// its heads reads, over `group`. `out`: float32.
void sum_squares(Device& device, const DeviceValues& queries, const DeviceValues& keys,
                 const HeadLayout& layout, DeviceValues& out);

// Causal attention of row r to the positions [max(0, end - window), end), end = before + r + 1; a
// window of 0: to all. `sinks`: float32, of all heads; 0 x 0: none.
struct Causal {
  std::int64_t before = 0;
  std::int64_t window = 0;
};
void attend(Device& device, const DeviceValues& queries, const DeviceValues& keys,
            const DeviceValues& values, const DeviceValues& sinks, const HeadLayout& layout,
            const Causal& causal, DeviceValues& out);

// ---- pointers -----------------------------------------------------------------------------------

// to[i] := pointers[i]. They travel as arguments of the kernel, so that no memory of the host must
// stay as it is until the stream comes to it. `to`: on the device.
void write_pointers(Device& device, std::span<const void* const> pointers, const void** to);

// ---- router (router.h) --------------------------------------------------------------------------

// `logits`: float32, a row per token. `correction`: float32, added to scores for the choice alone;
// 0 x 0: none. out(r, e): the weight of expert e, zero where it is not chosen.
void choose_experts(Device& device, const DeviceValues& logits, const DeviceValues& correction,
                    const Model& model, DeviceValues& out);

}  // namespace lockstep::nccl

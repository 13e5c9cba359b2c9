#include "backend/nccl/kernels.h"
#include "backend/nccl/kernels_draw.cuh"
#include "backend/nccl/kernels_launch.cuh"
#include "backend/numeric/weights.h"

namespace lockstep::nccl {
namespace {

struct ByteValues {
  float of[256];
};

// Eight elements that are written at once.
template <class T>
struct alignas(16) Eight {
  T of[8];
};

// out: rows x columns. One thread draws the eight columns of one hash in one row; of the first and
// the last group of a row only those that the block has.
template <class T>
__global__ void draw(ByteValues table, DrawnRows from, std::uint32_t groups, std::uint64_t count,
                     std::int64_t columns, T* out) {
  __shared__ T value_of_byte[256];
  for (unsigned i = threadIdx.x; i < 256; i += blockDim.x) {
    value_of_byte[i] = rounded<T>(table.of[i]);
  }
  __syncthreads();
  const bool is_aligned = from.first_column % 8 == 0 && columns % 8 == 0;
  const std::uint64_t step = std::uint64_t{gridDim.x} * blockDim.x;
  for (std::uint64_t i = std::uint64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count;
       i += step) {
    const std::uint32_t r = static_cast<std::uint32_t>(i) / groups;
    const std::uint32_t g = static_cast<std::uint32_t>(i) - r * groups;
    const std::int64_t row = from.first_row + (from.ids != nullptr ? from.ids[r] : r);
    const std::int64_t group = from.first_column / 8 + g;
    const std::uint64_t bytes =
        bytes_of_group(numeric::row_key(from.matrix_key, row), static_cast<std::uint64_t>(group));
    Eight<T> drawn;
    for (int j = 0; j < 8; ++j) drawn.of[j] = value_of_byte[byte_of(bytes, j)];
    T* const to = out + r * columns;
    const std::int64_t first = group * 8 - from.first_column;  // in the block; may be negative
    if (is_aligned) {
      *reinterpret_cast<Eight<T>*>(to + first) = drawn;
      continue;
    }
    for (int j = 0; j < 8; ++j) {
      if (first + j >= 0 && first + j < columns) to[first + j] = drawn.of[j];
    }
  }
}

}  // namespace

void draw_weights(Device& device, const std::array<float, 256>& value_of_byte,
                  const DrawnRows& rows, DeviceValues& out) {
  if (out.element_count() == 0) return;
  ByteValues table;
  std::copy(value_of_byte.begin(), value_of_byte.end(), table.of);
  const std::int64_t last_column = rows.first_column + out.columns();
  const std::int64_t groups = (last_column + 7) / 8 - rows.first_column / 8;
  const auto count = static_cast<std::uint64_t>(out.rows() * groups);
  LOCKSTEP_ASSERT(count >> 32 == 0);
  with_type(out.type(), [&](auto type) {
    using T = decltype(type);
    draw<T><<<blocks_for(count), kThreads, 0, device.stream()>>>(
        table, rows, static_cast<std::uint32_t>(groups), count, out.columns(), elements<T>(out));
  });
  check_launch("drawing weights");
}

}  // namespace lockstep::nccl

// Kernels of which a block works on one row, or on one part of a row.
#include "backend/nccl/kernels.h"
#include "backend/nccl/kernels_launch.cuh"

namespace lockstep::nccl {
namespace {

// A block per row of x.
template <class T>
__global__ void place(const T* x, std::int64_t columns, const std::int64_t* at, T* to) {
  const T* const from = x + blockIdx.x * columns;
  T* const row = to + at[blockIdx.x] * columns;
  for (std::int64_t c = threadIdx.x; c < columns; c += blockDim.x) row[c] = from[c];
}

// A block per part of `width` columns; the last part of a row may be shorter, and stays.
template <class T>
__global__ void norm(const T* x, std::int64_t columns, std::int64_t parts, std::int64_t width,
                     const float* gain, float epsilon, T* out) {
  const std::int64_t first =
      blockIdx.x / parts * columns + blockIdx.x % parts * width;  // element of x
  const std::int64_t size = min(width, columns - blockIdx.x % parts * width);
  if (size < width) {
    for (std::int64_t c = threadIdx.x; c < size; c += blockDim.x) out[first + c] = x[first + c];
    return;
  }
  float squares = 0.0F;
  for (std::int64_t c = threadIdx.x; c < width; c += blockDim.x) {
    const float v = wide(x[first + c]);
    squares += v * v;
  }
  const float mean = block_sum(squares) / static_cast<float>(width);
  const float scale = 1.0F / sqrtf(mean + epsilon);
  for (std::int64_t c = threadIdx.x; c < width; c += blockDim.x) {
    out[first + c] = rounded<T>(wide(x[first + c]) * (scale * gain[c]));
  }
}

// A block per row. out: rows x 2.
template <class T>
__global__ void squares(const T* queries, std::int64_t query_columns, const T* keys,
                        std::int64_t key_columns, HeadLayout layout, float* out) {
  const T* const query = queries + blockIdx.x * query_columns;
  const T* const key = keys + blockIdx.x * key_columns;
  float of_query = 0.0F;
  for (std::int64_t c = threadIdx.x; c < query_columns; c += blockDim.x) {
    const float v = wide(query[c]);
    of_query += v * v;
  }
  float of_keys = 0.0F;
  const std::int64_t width = layout.query_width;
  for (std::int64_t c = threadIdx.x; c < layout.heads * width; c += blockDim.x) {
    const std::int64_t head = (layout.first_query + c / width) / layout.group - layout.first_kv;
    const float v = wide(key[head * width + c % width]);
    of_keys += v * v;
  }
  of_query = block_sum(of_query);
  of_keys = block_sum(of_keys);
  if (threadIdx.x == 0) {
    out[2 * blockIdx.x] = of_query;
    out[2 * blockIdx.x + 1] = of_keys / static_cast<float>(layout.group);
  }
}

unsigned block_count(std::int64_t count) {
  constexpr std::int64_t kMostBlocks = (std::int64_t{1} << 31) - 1;
  LOCKSTEP_ASSERT(count <= kMostBlocks);
  return static_cast<unsigned>(count);
}

}  // namespace

void place_rows(Device& device, const DeviceValues& x, const std::int64_t* at, DeviceValues& to) {
  if (x.element_count() == 0) return;
  with_type(x.type(), [&](auto type) {
    using T = decltype(type);
    place<T><<<block_count(x.rows()), kThreads, 0, device.stream()>>>(elements<T>(x), x.columns(),
                                                                      at, elements<T>(to));
  });
  check_launch("placing rows");
}

void norm_rows(Device& device, const DeviceValues& x, const DeviceValues& gain, std::int64_t width,
               double epsilon, DeviceValues& out) {
  if (x.element_count() == 0) return;
  const std::int64_t parts = (x.columns() + width - 1) / width;
  with_type(x.type(), [&](auto type) {
    using T = decltype(type);
    norm<T><<<block_count(x.rows() * parts), kThreads, 0, device.stream()>>>(
        elements<T>(x), x.columns(), parts, width, elements<float>(gain),
        static_cast<float>(epsilon), elements<T>(out));
  });
  check_launch("norm");
}

void sum_squares(Device& device, const DeviceValues& queries, const DeviceValues& keys,
                 const HeadLayout& layout, DeviceValues& out) {
  if (out.rows() == 0) return;
  with_type(queries.type(), [&](auto type) {
    using T = decltype(type);
    squares<T><<<block_count(out.rows()), kThreads, 0, device.stream()>>>(
        elements<T>(queries), queries.columns(), elements<T>(keys), keys.columns(), layout,
        elements<float>(out));
  });
  check_launch("sums of squares");
}

}  // namespace lockstep::nccl

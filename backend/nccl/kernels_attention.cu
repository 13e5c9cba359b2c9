// Attention over the positions of a cache: the softmax of the scores, in float32, times the values.
// The positions pass in tiles; what was summed with an earlier maximum is scaled to the new one
// ("online softmax": Milakov and Gimelshein, 2018). No atomics: the same bits every time.
#include <cmath>

#include "backend/nccl/kernels.h"
#include "backend/nccl/kernels_launch.cuh"

namespace lockstep::nccl {
namespace {

constexpr unsigned kThreadsOfHead = 128;
constexpr unsigned kWarps = kThreadsOfHead / kWarp;
constexpr std::int64_t kTile = kThreadsOfHead;  // positions

struct Shape {
  HeadLayout layout;
  std::int64_t query_columns, key_columns, value_columns;  // of a whole row
  Causal causal;
  float scale;  // of a score
};

__device__ float warp_max(float v) {
  for (unsigned offset = kWarp / 2; offset > 0; offset /= 2) {
    v = fmaxf(v, __shfl_xor_sync(kAllLanes, v, static_cast<int>(offset)));
  }
  return v;
}

// scores[p] := scale * query . key of position p, a warp per position. keys: those of position 0.
template <class T>
__device__ void score_tile(const float* query, const T* keys, const Shape& s, std::int64_t count,
                           float* scores) {
  const unsigned lane = threadIdx.x % kWarp;
  for (std::int64_t p = threadIdx.x / kWarp; p < count; p += kWarps) {
    const T* const key = keys + p * s.key_columns;
    float dot = 0.0F;
    for (std::int64_t i = lane; i < s.layout.query_width; i += kWarp)
      dot += query[i] * wide(key[i]);
    dot = warp_sum(dot);
    if (lane == 0) scores[p] = s.scale * dot;
  }
}

// A block per row and head. queries: rows x (heads * query_width). keys, values: a row per
// position. sinks: one per head of all, or null; a sink is one more score, without a value. out:
// rows x (heads * value_width). A NaN in a score makes the sum of weights NaN, and with it every
// element: fmaxf() passes it over, expf() does not.
template <class T>
__global__ void attend_head(const T* queries, const T* keys, const T* values, const float* sinks,
                            Shape s, T* out) {
  extern __shared__ float shared[];
  float* const query = shared;                         // query_width
  float* const sums = query + s.layout.query_width;    // value_width: of weights times values
  float* const weights = sums + s.layout.value_width;  // kTile
  const std::int64_t r = blockIdx.x / s.layout.heads;
  const std::int64_t h = blockIdx.x % s.layout.heads;
  const std::int64_t kv = (s.layout.first_query + h) / s.layout.group - s.layout.first_kv;
  const std::int64_t end = s.causal.before + r + 1;
  const std::int64_t begin = s.causal.window > 0 ? max(std::int64_t{0}, end - s.causal.window) : 0;
  const T* const own_query = queries + r * s.query_columns + h * s.layout.query_width;
  for (std::int64_t i = threadIdx.x; i < s.layout.query_width; i += kThreadsOfHead) {
    query[i] = wide(own_query[i]);
  }
  for (std::int64_t c = threadIdx.x; c < s.layout.value_width; c += kThreadsOfHead) sums[c] = 0.0F;
  float top = sinks != nullptr ? sinks[s.layout.first_query + h] : -INFINITY;
  float total = sinks != nullptr ? 1.0F : 0.0F;  // of the weights: exp(score - top)

  for (std::int64_t first = begin; first < end; first += kTile) {
    const std::int64_t count = min(kTile, end - first);
    __syncthreads();  // the query is there; the last tile's weights have been read
    score_tile(query, keys + first * s.key_columns + kv * s.layout.query_width, s, count, weights);
    __syncthreads();
    float highest = -INFINITY;
    for (std::int64_t p = threadIdx.x % kWarp; p < count; p += kWarp) {
      highest = fmaxf(highest, weights[p]);
    }
    const float new_top = fmaxf(top, warp_max(highest));
    const float correction = expf(top - new_top);
    top = new_top;
    __syncthreads();  // all warps have read the scores
    if (threadIdx.x < count) weights[threadIdx.x] = expf(weights[threadIdx.x] - top);
    __syncthreads();
    float of_tile = 0.0F;
    for (std::int64_t p = threadIdx.x % kWarp; p < count; p += kWarp) of_tile += weights[p];
    total = total * correction + warp_sum(of_tile);
    const T* const tile = values + first * s.value_columns + kv * s.layout.value_width;
    for (std::int64_t c = threadIdx.x; c < s.layout.value_width; c += kThreadsOfHead) {
      float sum = sums[c] * correction;
      for (std::int64_t p = 0; p < count; ++p)
        sum += weights[p] * wide(tile[p * s.value_columns + c]);
      sums[c] = sum;
    }
  }

  T* const to = out + (r * s.layout.heads + h) * s.layout.value_width;
  for (std::int64_t c = threadIdx.x; c < s.layout.value_width; c += kThreadsOfHead) {
    to[c] = rounded<T>(begin < end ? sums[c] / total : 0.0F);
  }
}

}  // namespace

void attend(Device& device, const DeviceValues& queries, const DeviceValues& keys,
            const DeviceValues& values, const DeviceValues& sinks, const HeadLayout& layout,
            const Causal& causal, DeviceValues& out) {
  if (out.element_count() == 0) return;
  const Shape shape{layout,         queries.columns(),
                    keys.columns(), values.columns(),
                    causal,         1.0F / std::sqrt(static_cast<float>(layout.query_width))};
  const std::int64_t blocks = queries.rows() * layout.heads;
  const std::int64_t floats = layout.query_width + layout.value_width + kTile;
  constexpr std::int64_t kMostFloats = 48 * 1024 / sizeof(float);  // that every block may have
  LOCKSTEP_ASSERT(blocks < std::int64_t{1} << 31 && floats <= kMostFloats);
  with_type(queries.type(), [&](auto type) {
    using T = decltype(type);
    attend_head<T><<<static_cast<unsigned>(blocks), kThreadsOfHead,
                     static_cast<std::size_t>(floats) * sizeof(float), device.stream()>>>(
        elements<T>(queries), elements<T>(keys), elements<T>(values), elements<float>(sinks), shape,
        elements<T>(out));
  });
  check_launch("attention");
}

}  // namespace lockstep::nccl

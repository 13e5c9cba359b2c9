// What one element of a result is, as functions of row and column that run on the device and, for
// tests without one, on the host. T is the type in which values are kept: float, __nv_bfloat16 or
// __half. Every function computes in float32; what keeps its result rounds it (rounded<T>()).
//
// All matrices are row-major and contiguous. Pointers are to memory of whoever runs the function.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cmath>
#include <cstdint>

#include "backend/numeric/sources.h"

#if defined(__CUDACC__)
#define LOCKSTEP_BOTH __host__ __device__
#else
#define LOCKSTEP_BOTH
#endif

namespace lockstep::nccl {

// ---- types ------------------------------------------------------------------------------------

LOCKSTEP_BOTH inline float wide(float v) { return v; }
LOCKSTEP_BOTH inline float wide(__nv_bfloat16 v) { return __bfloat162float(v); }
LOCKSTEP_BOTH inline float wide(__half v) { return __half2float(v); }

// To nearest, ties to even.
template <class T>
LOCKSTEP_BOTH inline T rounded(float v);
template <>
LOCKSTEP_BOTH inline float rounded<float>(float v) {
  return v;
}
template <>
LOCKSTEP_BOTH inline __nv_bfloat16 rounded<__nv_bfloat16>(float v) {
  return __float2bfloat16_rn(v);
}
template <>
LOCKSTEP_BOTH inline __half rounded<__half>(float v) {
  return __float2half_rn(v);
}

LOCKSTEP_BOTH inline float not_a_number() { return NAN; }

// ---- elementwise functions, as in backend/numeric/arithmetic.h ----------------------------------

LOCKSTEP_BOTH inline float sigmoid(float x) { return 1.0F / (1.0F + expf(-x)); }

// Comparisons, not fminf(): that takes a number over a NaN.
LOCKSTEP_BOTH inline float gated(float gate, float up, float limit) {
  if (limit <= 0.0F) return gate * sigmoid(gate) * up;
  const float g = limit < gate ? limit : gate;
  const float u = up < -limit ? -limit : (limit < up ? limit : up);
  return (u + 1.0F) * g * sigmoid(1.702F * g);
}

// ---- moved ------------------------------------------------------------------------------------

// Row at[r] of `from`, or what the list says (numeric/sources.h); NaN beyond its rows and columns.
// `old`: the rows that kOldSource means, of `columns` columns.
template <class T>
struct RowsTaken {
  const T* from;
  std::int64_t rows, columns;  // of `from`
  const std::int64_t* at;
  const T* old = nullptr;
  LOCKSTEP_BOTH float operator()(std::int64_t r, std::int64_t c) const {
    const std::int64_t row = at[r];
    if (row == numeric::kZeroSource) return 0.0F;
    if (row == numeric::kOldSource) return wide(old[r * columns + c]);
    return row >= 0 && row < rows && c < columns ? wide(from[row * columns + c]) : not_a_number();
  }
};

// Column at[c], NaN where that is negative; or with a null list column first + c.
template <class T>
struct ColumnsTaken {
  const T* from;
  std::int64_t columns;
  std::int64_t first;
  const std::int64_t* at = nullptr;
  LOCKSTEP_BOTH float operator()(std::int64_t r, std::int64_t c) const {
    const std::int64_t column = at != nullptr ? at[c] : first + c;
    return column >= 0 ? wide(from[r * columns + column]) : not_a_number();
  }
};

template <class T>
struct OnlyColumns {
  const T* x;
  std::int64_t columns;
  std::int64_t first, last;
  LOCKSTEP_BOTH float operator()(std::int64_t r, std::int64_t c) const {
    return c >= first && c < last ? wide(x[r * columns + c]) : 0.0F;
  }
};

// Of each head `width` columns of its own, then the `shared` columns that all heads have.
template <class T>
struct Joined {
  const T* own;
  const T* common;
  std::int64_t heads, width, shared;
  LOCKSTEP_BOTH float operator()(std::int64_t r, std::int64_t c) const {
    const std::int64_t head = c / (width + shared);
    const std::int64_t i = c % (width + shared);
    return wide(i < width ? own[(r * heads + head) * width + i] : common[r * shared + i - width]);
  }
};

template <class T>
struct SameRow {
  const T* row;
  LOCKSTEP_BOTH float operator()(std::int64_t, std::int64_t c) const { return wide(row[c]); }
};

// ---- added ------------------------------------------------------------------------------------

template <class T>
struct PlusScaled {
  const float* sum;
  std::int64_t columns;
  const T* x;
  std::int64_t x_columns;
  std::int64_t first;  // the column of x that is added to column 0
  float factor;
  LOCKSTEP_BOTH float operator()(std::int64_t r, std::int64_t c) const {
    const std::int64_t from = first + c;
    const float addend = from < x_columns ? factor * wide(x[r * x_columns + from]) : not_a_number();
    return sum[r * columns + c] + addend;
  }
};

template <class T>
struct PlusRow {
  const T* x;
  std::int64_t columns;
  const float* row;
  LOCKSTEP_BOTH float operator()(std::int64_t r, std::int64_t c) const {
    return wide(x[r * columns + c]) + row[c];
  }
};

// `before` (0 where it is null), then the addends in their order. NaN in rows that one of them
// lacks, and everywhere if one does not fit: it has no rows here.
inline constexpr int kMostAddends = 8;
template <class T>
struct SumOf {
  const float* before;
  const T* addends[kMostAddends];
  std::int64_t rows[kMostAddends];
  int count;
  std::int64_t columns;
  LOCKSTEP_BOTH float operator()(std::int64_t r, std::int64_t c) const {
    float sum = before != nullptr ? before[r * columns + c] : 0.0F;
    for (int i = 0; i < count; ++i) {
      sum += r < rows[i] ? wide(addends[i][r * columns + c]) : not_a_number();
    }
    return sum;
  }
};

// The rows y of experts back at their tokens: token r has the rows first[r] .. first[r + 1] of the
// lists, which say which row of y, and which expert, in the experts' order.
template <class T>
struct ExpertSum {
  const T* y;
  std::int64_t columns;
  const T* routing;
  std::int64_t routing_columns;
  const std::int64_t* first;
  const std::int64_t* row_of_y;
  const std::int64_t* expert;
  LOCKSTEP_BOTH float operator()(std::int64_t r, std::int64_t c) const {
    float sum = 0.0F;
    for (std::int64_t i = first[r]; i < first[r + 1]; ++i) {
      const float weight = wide(routing[r * routing_columns + expert[i]]);
      sum += weight * wide(y[row_of_y[i] * columns + c]);
    }
    return sum;
  }
};

// ---- changed one by one -------------------------------------------------------------------------

template <class T>
struct Same {
  const T* x;
  std::int64_t columns;
  LOCKSTEP_BOTH float operator()(std::int64_t r, std::int64_t c) const {
    return wide(x[r * columns + c]);
  }
};

template <class T>
struct WithGarbage {
  const T* x;
  std::int64_t columns;
  float garbage;  // in place of NaN
  LOCKSTEP_BOTH float operator()(std::int64_t r, std::int64_t c) const {
    const float v = wide(x[r * columns + c]);
    return v == v ? v : garbage;
  }
};

template <class T>
struct Scaled {
  const T* x;
  std::int64_t columns;
  float factor;
  LOCKSTEP_BOTH float operator()(std::int64_t r, std::int64_t c) const {
    return factor * wide(x[r * columns + c]);
  }
};

template <class T>
struct OneScaled {
  const T* x;
  std::int64_t columns;
  std::int64_t row, column;
  float factor;
  LOCKSTEP_BOTH float operator()(std::int64_t r, std::int64_t c) const {
    const float v = wide(x[r * columns + c]);
    return r == row && c == column ? factor * v : v;
  }
};

template <class T>
struct Gated {
  const T* gate;
  const T* up;
  std::int64_t columns;
  float limit;
  LOCKSTEP_BOTH float operator()(std::int64_t r, std::int64_t c) const {
    return gated(wide(gate[r * columns + c]), wide(up[r * columns + c]), limit);
  }
};

template <class T>
struct TimesSigmoid {
  const T* y;
  std::int64_t columns;
  const T* gate;  // one a row
  LOCKSTEP_BOTH float operator()(std::int64_t r, std::int64_t c) const {
    return wide(y[r * columns + c]) * sigmoid(wide(gate[r]));
  }
};

// The first 2 * half columns of every `stride`, from `offset` on: pair i is (x_i, x_{i + half}),
// and row r turns by the angle whose cosine and sine stand in row r (rotary.h).
template <class T>
struct Turned {
  const T* x;
  std::int64_t columns;
  std::int64_t stride, offset, half;
  const float* cosine;  // rows x half; likewise sine
  const float* sine;
  LOCKSTEP_BOTH float operator()(std::int64_t r, std::int64_t c) const {
    const T* const at = x + r * columns + c;
    const std::int64_t i = c < offset ? 2 * half : (c - offset) % stride;
    if (i >= 2 * half) return wide(*at);
    const std::int64_t angle = r * half + i % half;
    if (i < half) return wide(at[0]) * cosine[angle] - wide(at[half]) * sine[angle];
    return wide(at[0]) * cosine[angle] + wide(at[-half]) * sine[angle];
  }
};

// x_i * gain_i / sqrt(squares / count + epsilon), the sum of squares of row r given.
template <class T>
struct NormedBySquares {
  const T* x;
  std::int64_t columns;
  const float* gain;
  const float* squares;  // of row r: squares[r * squares_columns]
  std::int64_t squares_columns;
  float count;
  float epsilon;
  LOCKSTEP_BOTH float operator()(std::int64_t r, std::int64_t c) const {
    const float scale = 1.0F / sqrtf(squares[r * squares_columns] / count + epsilon);
    return wide(x[r * columns + c]) * scale * gain[c];
  }
};

}  // namespace lockstep::nccl

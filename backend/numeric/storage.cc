#include "backend/numeric/storage.h"

#include <bit>
#include <cmath>

namespace lockstep::numeric {

std::string to_string(Storage storage) {
  return storage == Storage::float32 ? "float32" : "bfloat16";
}

std::int64_t bytes_per_element(Storage storage) { return storage == Storage::float32 ? 4 : 2; }

double unit_roundoff(Storage storage) {
  return storage == Storage::float32 ? 1.0 / (1 << 24) : 1.0 / (1 << 8);
}

// bfloat16 is the upper half of a float32.
float stored(float value, Storage storage) {
  if (storage == Storage::float32 || std::isnan(value)) return value;
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t half_minus_tie = 0x7FFFU + ((bits >> 16) & 1U);
  return std::bit_cast<float>((bits + half_minus_tie) & 0xFFFF0000U);
}

}  // namespace lockstep::numeric

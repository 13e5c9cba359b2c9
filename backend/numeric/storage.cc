#include "backend/numeric/storage.h"

#include <bit>
#include <cmath>

#include "sim/base/require.h"

namespace lockstep::numeric {
namespace {

constexpr std::uint32_t kSign = 0x80000000U;

// bfloat16 is the upper half of a float32.
std::uint32_t rounded_to_bfloat16(std::uint32_t bits) {
  const std::uint32_t half_minus_tie = 0x7FFFU + ((bits >> 16) & 1U);
  return (bits + half_minus_tie) & 0xFFFF0000U;
}

// Without its sign: `bits` of a number that is none, either. binary16 has 5 bits of exponent, with
// the bias 15, and 10 of fraction; binary32 has 8, 127 and 23.
std::uint32_t float16_of_magnitude(std::uint32_t bits) {
  constexpr std::uint32_t kHalfBeyondLargest = 0x477FF000;  // 65520, as float32
  constexpr std::uint32_t kSmallestNormal = 0x38800000;     // 2^-14
  constexpr std::uint32_t kInfinity = 0x7C00;
  if (bits >= kHalfBeyondLargest) return kInfinity;
  if (bits >= kSmallestNormal) {
    const std::uint32_t rebased = bits - ((127U - 15U) << 23);
    return (rebased + 0xFFFU + ((rebased >> 13) & 1U)) >> 13;
  }
  // Between 1/2 and 1 float32 has the multiples of 2^-24, which are the subnormal numbers: the
  // addition rounds to them.
  return std::bit_cast<std::uint32_t>(std::bit_cast<float>(bits) + 0.5F) -
         std::bit_cast<std::uint32_t>(0.5F);
}

}  // namespace

std::string to_string(Storage storage) {
  switch (storage) {
    case Storage::float32:
      return "float32";
    case Storage::bfloat16:
      return "bfloat16";
    case Storage::float16:
      break;
  }
  return "float16";
}

Storage storage_of(const std::string& name) {
  for (const Storage storage : {Storage::float32, Storage::bfloat16, Storage::float16}) {
    if (name == to_string(storage)) return storage;
  }
  LOCKSTEP_ASSERT(false);
  return Storage::float32;
}

std::int64_t bytes_per_element(Storage storage) { return storage == Storage::float32 ? 4 : 2; }

double unit_roundoff(Storage storage) {
  if (storage == Storage::float32) return 1.0 / (1 << 24);
  return storage == Storage::bfloat16 ? 1.0 / (1 << 8) : 1.0 / (1 << 11);
}

float stored(float value, Storage storage) {
  if (storage == Storage::float32 || std::isnan(value)) return value;
  if (storage == Storage::float16) return value_of(bits_of(value, storage), storage);
  return std::bit_cast<float>(rounded_to_bfloat16(std::bit_cast<std::uint32_t>(value)));
}

std::uint16_t bits_of(float value, Storage storage) {
  LOCKSTEP_ASSERT(storage != Storage::float32);
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits & kSign) >> 16;
  if (storage == Storage::float16) {
    constexpr std::uint32_t kNan = 0x7E00;
    return static_cast<std::uint16_t>(
        sign | (std::isnan(value) ? kNan : float16_of_magnitude(bits & ~kSign)));
  }
  constexpr std::uint32_t kNan = 0x7FC0;
  if (std::isnan(value)) return static_cast<std::uint16_t>(sign | kNan);
  return static_cast<std::uint16_t>(rounded_to_bfloat16(bits) >> 16);
}

float value_of(std::uint16_t bits, Storage storage) {
  LOCKSTEP_ASSERT(storage != Storage::float32);
  const std::uint32_t wide = bits;
  if (storage == Storage::bfloat16) return std::bit_cast<float>(wide << 16);
  const std::uint32_t sign = (wide & 0x8000U) << 16;
  const std::uint32_t exponent = (wide >> 10) & 31U;
  const std::uint32_t fraction = wide & 1023U;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
    return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(magnitude));
  }
  const std::uint32_t rebased = exponent == 31 ? 255U : exponent + (127U - 15U);
  return std::bit_cast<float>(sign | (rebased << 23) | (fraction << 13));
}

void bits_of(std::span<const float> values, Storage storage, std::span<std::uint16_t> bits) {
  for (std::size_t i = 0; i < values.size(); ++i) bits[i] = bits_of(values[i], storage);
}

void values_of(std::span<const std::uint16_t> bits, Storage storage, std::span<float> values) {
  for (std::size_t i = 0; i < bits.size(); ++i) values[i] = value_of(bits[i], storage);
}

float finite_garbage(Storage storage) { return storage == Storage::float16 ? 0x1p15F : 0x1p40F; }

}  // namespace lockstep::numeric

// The type in which tensors are kept between operations. Arithmetic is float32 whatever it is.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace lockstep::numeric {

enum class Storage : std::uint8_t { float32, bfloat16, float16 };

std::string to_string(Storage storage);
// REQUIRES: it is what to_string() gives for one of them.
Storage storage_of(const std::string& name);
std::int64_t bytes_per_element(Storage storage);
// Half the distance between 1 and the next number: 2^-24, 2^-8, 2^-11.
double unit_roundoff(Storage storage);
// The nearest number that `storage` has, ties to even; a NaN stays one. Beyond the largest number
// is infinity; below the smallest normal one are the subnormal ones.
float stored(float value, Storage storage);

// The 16 bits that bfloat16 (the upper half of a float32) or float16 (IEEE 754 binary16) keep of
// stored(value), and back. REQUIRES: `storage` is not float32.
std::uint16_t bits_of(float value, Storage storage);
float value_of(std::uint16_t bits, Storage storage);
// The same of many. REQUIRES: equal lengths.
void bits_of(std::span<const float> values, Storage storage, std::span<std::uint16_t> bits);
void values_of(std::span<const std::uint16_t> bits, Storage storage, std::span<float> values);

// A large number in place of NaN in memory that nobody wrote (Garbage::finite): far from everything
// that a plan computes, with a square that is finite where squares are taken: 2^40; 2^15 with
// float16, whose largest number is below 2^16.
float finite_garbage(Storage storage);

}  // namespace lockstep::numeric

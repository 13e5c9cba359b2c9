// The type in which tensors are kept between operations. Arithmetic is float32 whatever it is.
#pragma once

#include <cstdint>
#include <string>

namespace lockstep::numeric {

enum class Storage : std::uint8_t { float32, bfloat16 };

std::string to_string(Storage storage);
std::int64_t bytes_per_element(Storage storage);
// Half the distance between 1 and the next number: 2^-24, 2^-8.
double unit_roundoff(Storage storage);
// The nearest number that `storage` has, ties to even; a NaN stays one.
float stored(float value, Storage storage);

}  // namespace lockstep::numeric

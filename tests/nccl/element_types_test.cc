// The types of a device on the host: they keep what numeric::stored() says.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "backend/nccl/device_values.h"
#include "backend/nccl/kernels_elements.cuh"
#include "backend/numeric/storage.h"
#include "sim/base/random.h"

namespace lockstep::test {
namespace {

using nccl::rounded;
using nccl::wide;
using numeric::Storage;

template <class T>
std::uint16_t bits_on_device(float v) {
  return std::bit_cast<std::uint16_t>(rounded<T>(v));
}

template <class T>
float of_bits(std::uint16_t bits) {
  return wide(std::bit_cast<T>(bits));
}

// Numbers of all sizes, ties between two halves among them.
float any_float(Random& random) {
  auto bits = static_cast<std::uint32_t>(random.next());
  if (random.chance(1, 3)) bits &= 0xFFFFF000U;
  if (random.chance(1, 3)) bits = (bits & 0x80FFFFFFU) | 0x38000000U;  // near 2^-14
  return std::bit_cast<float>(bits);
}

template <class T>
void check_type(Storage storage) {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float expected = numeric::value_of(half, storage);
    const float actual = of_bits<T>(half);
    if (std::isnan(expected)) {
      REQUIRE(std::isnan(actual));
    } else {
      REQUIRE(std::bit_cast<std::uint32_t>(actual) == std::bit_cast<std::uint32_t>(expected));
    }
  }
  Random random(1);
  for (int i = 0; i < 200000; ++i) {
    const float v = any_float(random);
    CAPTURE(v);
    if (std::isnan(v)) continue;
    REQUIRE(bits_on_device<T>(v) == numeric::bits_of(v, storage));
    REQUIRE(wide(rounded<T>(v)) == numeric::stored(v, storage));
  }
  REQUIRE(std::isnan(wide(rounded<T>(std::numeric_limits<float>::quiet_NaN()))));
}

TEST_CASE("bfloat16 on a device keeps the bits that stored() keeps") {
  check_type<__nv_bfloat16>(Storage::bfloat16);
}

TEST_CASE("float16 on a device keeps the bits that stored() keeps") {
  check_type<__half>(Storage::float16);
}

TEST_CASE("an element has 4 bytes in float32 and 2 in the others, as storage says") {
  for (const Storage storage : {Storage::float32, Storage::bfloat16, Storage::float16}) {
    const nccl::ElementType type = nccl::element_type(storage);
    CHECK(nccl::bytes_per_element(type) == numeric::bytes_per_element(storage));
    CHECK(nccl::to_string(type) == numeric::to_string(storage));
  }
}

}  // namespace
}  // namespace lockstep::test

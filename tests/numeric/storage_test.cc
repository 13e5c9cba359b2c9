// bfloat16 keeps 8 of the 24 significant bits, float16 11 and a range of 2^-24 to 65504.
#include "backend/numeric/storage.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

namespace lockstep::numeric {
namespace {

TEST_CASE("float32 is kept as it is") {
  CHECK(stored(1.0F + 0x1p-23F, Storage::float32) == 1.0F + 0x1p-23F);
}

TEST_CASE("bfloat16 rounds to the nearest of 8 significant bits") {
  // Neighbours of 1 are 1 + 2^-7 apart.
  CHECK(stored(1.0F + 0x1p-9F, Storage::bfloat16) == 1.0F);
  CHECK(stored(1.0F + 0x1.8p-8F, Storage::bfloat16) == 1.0F + 0x1p-7F);
  CHECK(stored(-1.0F - 0x1.8p-8F, Storage::bfloat16) == -1.0F - 0x1p-7F);
}

TEST_CASE("a tie goes to the even one") {
  CHECK(stored(1.0F + 0x1p-8F, Storage::bfloat16) == 1.0F);
  CHECK(stored(1.0F + 0x1p-7F + 0x1p-8F, Storage::bfloat16) == 1.0F + 0x1p-6F);
}

TEST_CASE("no number becomes a NaN or the other way round") {
  CHECK(std::isnan(stored(std::numeric_limits<float>::quiet_NaN(), Storage::bfloat16)));
  CHECK(std::isinf(stored(std::numeric_limits<float>::infinity(), Storage::bfloat16)));
  // Beyond the largest bfloat16 is infinity, as in IEEE 754.
  CHECK(std::isinf(stored(std::numeric_limits<float>::max(), Storage::bfloat16)));
}

TEST_CASE("rounding errs by at most the unit roundoff") {
  for (const Storage storage : {Storage::bfloat16, Storage::float16}) {
    for (float x = 1.0F; x < 2.0F; x += 0x1p-13F) {
      const double error = std::abs(double{stored(x, storage)} - double{x}) / double{x};
      CHECK(error <= unit_roundoff(storage));
    }
  }
}

TEST_CASE("float16 rounds to the nearest of 11 significant bits, a tie to the even one") {
  // Neighbours of 1 are 1 + 2^-10 apart.
  CHECK(stored(1.0F + 0x1p-12F, Storage::float16) == 1.0F);
  CHECK(stored(1.0F + 0x1p-11F, Storage::float16) == 1.0F);
  CHECK(stored(1.0F + 0x1.8p-11F, Storage::float16) == 1.0F + 0x1p-10F);
  CHECK(stored(-1.0F - 0x1p-10F - 0x1p-11F, Storage::float16) == -1.0F - 0x1p-9F);
}

TEST_CASE("below 2^-14 float16 has the multiples of 2^-24, and half of one is a tie") {
  CHECK(stored(0x1p-24F, Storage::float16) == 0x1p-24F);
  CHECK(stored(0x1p-25F, Storage::float16) == 0.0F);
  CHECK(stored(0x1.8p-24F, Storage::float16) == 0x1p-23F);
  CHECK(stored(-0x1.4p-24F, Storage::float16) == -0x1p-24F);
  CHECK(stored(0x1p-14F - 0x1p-26F, Storage::float16) == 0x1p-14F);
  CHECK(std::signbit(stored(-0x1p-30F, Storage::float16)));
}

TEST_CASE("float16 ends at 65504: from half a step beyond it on there is infinity") {
  CHECK(stored(65504.0F, Storage::float16) == 65504.0F);
  CHECK(stored(65519.0F, Storage::float16) == 65504.0F);
  CHECK(std::isinf(stored(65520.0F, Storage::float16)));
  CHECK(stored(-1e30F, Storage::float16) == -std::numeric_limits<float>::infinity());
  CHECK(std::isnan(stored(std::numeric_limits<float>::quiet_NaN(), Storage::float16)));
}

TEST_CASE("sixteen bits and back are what is stored, for all of them") {
  for (const Storage storage : {Storage::bfloat16, Storage::float16}) {
    for (std::uint32_t bits = 0; bits < 65536; ++bits) {
      const float value = value_of(static_cast<std::uint16_t>(bits), storage);
      if (std::isnan(value)) continue;
      REQUIRE(bits_of(value, storage) == bits);
      REQUIRE(stored(value, storage) == value);
    }
    CHECK(std::isnan(value_of(bits_of(std::nanf(""), storage), storage)));
  }
}

TEST_CASE("the names of the types lead back to them, and finite garbage is one of their numbers") {
  for (const Storage storage : {Storage::float32, Storage::bfloat16, Storage::float16}) {
    CHECK(storage_of(to_string(storage)) == storage);
    CHECK(stored(finite_garbage(storage), storage) == finite_garbage(storage));
    CHECK(finite_garbage(storage) > 10000.0F);
  }
}

}  // namespace
}  // namespace lockstep::numeric

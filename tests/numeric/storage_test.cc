// bfloat16 keeps 8 of the 24 significant bits.
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
  for (float x = 1.0F; x < 2.0F; x += 0x1p-13F) {
    const double error = std::abs(double{stored(x, Storage::bfloat16)} - double{x}) / double{x};
    CHECK(error <= unit_roundoff(Storage::bfloat16));
  }
}

}  // namespace
}  // namespace lockstep::numeric

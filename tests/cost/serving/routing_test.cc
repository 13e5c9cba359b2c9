#include "sim/cost/serving/routing.h"

#include <doctest/doctest.h>

#include <vector>

namespace lockstep {
namespace {

// Counts the places that every subset of `chosen` of `experts` reaches, and averages.
double counted(int places, int chosen, int experts) {
  const int share = experts / places;
  double reached = 0;
  double subsets = 0;
  for (unsigned subset = 0; subset < (1U << experts); ++subset) {
    std::vector<bool> hit(static_cast<std::size_t>(places), false);
    int size = 0;
    for (int expert = 0; expert < experts; ++expert) {
      if ((subset >> expert & 1U) == 0) continue;
      ++size;
      hit[static_cast<std::size_t>(expert / share)] = true;
    }
    if (size != chosen) continue;
    ++subsets;
    for (const bool one : hit) reached += one ? 1 : 0;
  }
  return reached / subsets;
}

}  // namespace

TEST_CASE("The expected number of places is the average over all choices of experts") {
  for (const int places : {1, 2, 3, 4, 6, 12}) {
    for (const int chosen : {0, 1, 2, 5, 8, 12}) {
      CAPTURE(places);
      CAPTURE(chosen);
      CHECK(expected_places(places, chosen, 12) == doctest::Approx(counted(places, chosen, 12)));
    }
  }
}

TEST_CASE("Eight experts of 256 reach 5.29 of eight ranks") {
  // 8 (1 - (224/256) (223/255) ... (217/249))
  CHECK(expected_places(8, 8, 256) == doctest::Approx(5.29).epsilon(0.001));
}

TEST_CASE("Fewer experts than places are one at each of some places") {
  CHECK(expected_places(8, 2, 4) == doctest::Approx(2));
}

}  // namespace lockstep

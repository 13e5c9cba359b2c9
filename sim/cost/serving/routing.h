// How far a token's experts are spread, when the router chooses evenly.
#pragma once

namespace lockstep {

// The expected number of places (ranks, nodes) that hold at least one of the `chosen` experts of a
// token, all subsets of the `experts` equally likely, experts / places of them at each place:
//   places (1 - miss),  miss = product over i < chosen of (experts - experts/places - i) /
//                                                           (experts - i)
// REQUIRES: places >= 1, 0 <= chosen <= experts; fewer experts than places count as one at each of
// `experts` places.
double expected_places(int places, int chosen, int experts);

}  // namespace lockstep

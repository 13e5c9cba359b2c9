// The single draws of a random program. Each looks for tensors that it can work on, writes one or a
// few operations that keep every tensor what it is meant to be, and says whether it found any.
#pragma once

#include <vector>

#include "tests/brute_force/program_writer.h"

namespace lockstep::test {

// What can be used in the step in hand.
struct Bench {
  ProgramWriter& w;
  bool later_kinds = true;
  bool of_model = false;
  std::vector<Tokens> own;  // of each rank
  std::vector<Live> live = {};
  std::vector<TermId> closed = {};  // parts of a handle, and handles
};

inline constexpr std::size_t kMostRows = 20;

using Draw = bool (*)(Bench&);

// A tensor that `fits`; none if there is none. Valid until `live` changes.
template <class Fits>
Live* pick(Bench& bench, Fits fits) {
  std::vector<Live*> found;
  for (Live& live : bench.live) {
    if (fits(live)) found.push_back(&live);
  }
  if (found.empty()) return nullptr;
  return found[static_cast<std::size_t>(bench.w.below(static_cast<int>(found.size())))];
}

// Inputs and what is computed from whole rows.
bool draw_input(Bench& bench);
bool draw_compute(Bench& bench);
bool draw_linear(Bench& bench);
bool draw_of_model(Bench& bench);

// Linear operations, obligations.
bool draw_copy(Bench& bench);
bool draw_placement_of_rows(Bench& bench);
bool draw_scales(Bench& bench);
bool draw_add(Bench& bench);
bool draw_closing(Bench& bench);
bool draw_slice_columns(Bench& bench);
bool draw_require(Bench& bench);

// Calls.
bool draw_all_reduce(Bench& bench);
bool draw_repeated_sum(Bench& bench);
bool draw_scatter(Bench& bench);
bool draw_rooted(Bench& bench);
bool draw_broadcast(Bench& bench);
bool draw_gather(Bench& bench);
bool draw_gather_columns(Bench& bench);
bool draw_all_to_all(Bench& bench);
bool draw_send(Bench& bench);
bool draw_ring(Bench& bench);
bool draw_barrier(Bench& bench);

// In proportion to how often they are wanted.
std::vector<Draw> draws(const Bench& bench);

}  // namespace lockstep::test

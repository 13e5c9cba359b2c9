// The rules of router.h in pieces that run on device and host alike. In float64, as there.
#pragma once

#include <cmath>
#include <cstdint>

#include "backend/nccl/kernels_elements.cuh"

namespace lockstep::nccl {

struct RouterRules {
  int experts = 0;
  int wanted = 0;           // experts of a token
  int groups = 0;           // of experts; 0: they stand in none
  int groups_wanted = 0;    // of a token
  bool counts_two = false;  // a group counts as the sum of its two best, else as its best
  bool softmax = false;     // scores, else sigmoids
  bool normalizes = false;  // weights over their sum
  double scaling = 1.0;     // of a weight
};

// What a value counts where values are compared.
LOCKSTEP_BOTH inline double rank_value(double v) { return v == v ? v : -INFINITY; }

// An expert, or a group, and what it counts. index -1: none.
struct Candidate {
  double value;
  int index;
};

// The better one; of equals the lower index; anything is better than none.
LOCKSTEP_BOTH inline Candidate better(Candidate a, Candidate b) {
  if (a.index < 0 || b.index < 0) return a.index < 0 ? b : a;
  if (a.value != b.value) return a.value > b.value ? a : b;
  return a.index < b.index ? a : b;
}

// The best of those first, first + step, ... below `last` that are not taken.
LOCKSTEP_BOTH inline Candidate best_of(const double* ranks, const unsigned char* taken, int first,
                                       int last, int step) {
  Candidate best{0.0, -1};
  for (int i = first; i < last; i += step) {
    if (taken[i] == 0) best = better(best, {rank_value(ranks[i]), i});
  }
  return best;
}

// What a group of `size` experts counts.
LOCKSTEP_BOTH inline double group_value(const double* ranks, int size, bool counts_two) {
  Candidate first{0.0, -1};
  Candidate second{0.0, -1};
  for (int i = 0; i < size; ++i) {
    const Candidate next{rank_value(ranks[i]), i};
    if (better(first, next).index == i) {
      second = first;
      first = next;
    } else {
      second = better(second, next);
    }
  }
  double sum = first.index < 0 ? 0.0 : ranks[first.index];
  if (counts_two && second.index >= 0) sum += ranks[second.index];
  return sum;
}

}  // namespace lockstep::nccl

#include "sim/cost/bus_rate.h"

namespace lockstep {

bool is_of_blocks(Collective kind) {
  switch (kind) {
    case Collective::all_gather:
    case Collective::all_gatherv:
    case Collective::reduce_scatter:
    case Collective::reduce_scatterv:
    case Collective::all_to_all:
    case Collective::all_to_allv:
    case Collective::dispatch:
    case Collective::combine:
      return true;
    default:
      return false;
  }
}

bool sums(Collective kind) {
  return kind == Collective::all_reduce || kind == Collective::reduce ||
         kind == Collective::reduce_scatter || kind == Collective::reduce_scatterv;
}

double bus_rate(Collective kind, int ranks, double rate) {
  const double n = ranks;
  if (kind == Collective::all_reduce) return rate * 2 * (n - 1) / n;
  return is_of_blocks(kind) ? rate * (n - 1) / n : rate;
}

}  // namespace lockstep

#include "sim/cost/serving/routing.h"

#include <algorithm>

#include "sim/base/require.h"

namespace lockstep {

double expected_places(int places, int chosen, int experts) {
  LOCKSTEP_ASSERT(places >= 1 && chosen >= 0 && chosen <= experts);
  const int holders = std::min(places, std::max(experts, 1));
  const double all = experts;
  const double elsewhere = all - all / holders;
  double miss = 1;
  for (int i = 0; i < chosen; ++i) miss *= std::max(0.0, elsewhere - i) / (all - i);
  return holders * (1 - miss);
}

}  // namespace lockstep

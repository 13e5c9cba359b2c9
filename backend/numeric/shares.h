// How a block is cut into shares.
#pragma once

#include <cstdint>

#include "backend/numeric/matrix.h"
#include "backend/numeric/weight_shapes.h"

namespace lockstep::numeric {

// The shares [first, last) of `of`.
struct Shares {
  int first = 0;
  int last = 1;
  int of = 1;
};

// The indices that the shares cover where `count` columns or heads are cut evenly: share i has
// [floor(count * i / of), floor(count * (i + 1) / of)).
Interval cut(std::int64_t count, Shares shares);

// The heads of some shares of attention. Query heads are cut; query head h reads key/value head
// h / group, so that shares of one group each compute the same key/value head.
struct Heads {
  Interval query;
  Interval kv;
  std::int64_t group = 1;
};
Heads heads_of(const Model& model, Shares shares);

}  // namespace lockstep::numeric

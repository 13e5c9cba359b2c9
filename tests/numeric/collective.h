// One collective of tests: what its members pass and how they call it, without a plan around it.
#pragma once

#include <cstdint>
#include <vector>

#include "backend/numeric/collectives.h"
#include "sim/base/random.h"

namespace lockstep::test {

struct Collective {
  OpKind kind = OpKind::all_reduce;
  std::vector<numeric::Held> passed = {};  // by member
  std::vector<std::int64_t> sizes = {};    // of the operation; of combine the members' home rows
  Reduction reduction = Reduction::sum;
  int root = 0;
  Axis axis = Axis::rows;
  bool in_place = false;
  numeric::Storage storage = numeric::Storage::float32;

  numeric::Exchange exchange() const;
  std::vector<numeric::Held> run() const;
};

// By the definition (docs/plan_format.md), summed in float64 in the order of the members; what is
// undefined is NaN. Knows no turns.
struct Expected {
  bool written = false;
  bool passed = false;  // the very tensor that the member passed
  numeric::Matrix<double> values;
};
std::vector<Expected> as_defined(const Collective& c);

// As processes do it: round by round, every message a copy of what stood there when the round
// began.
std::vector<numeric::Held> by_messages(const Collective& c);

// Equal to the last bit, or both never written.
bool same_bits(const numeric::Held& a, const numeric::Held& b);

// Any collective but a barrier: some rows of few columns, now and then undefined ones, members that
// never wrote and members with other columns. `most_rows`: of a member.
Collective draw_collective(Random& random, OpKind kind, int members, std::int64_t most_rows);

}  // namespace lockstep::test

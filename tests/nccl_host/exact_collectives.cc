#include "tests/nccl_host/exact_collectives.h"

#include <cmath>
#include <numeric>
#include <utility>

namespace lockstep::test {

using numeric::Held;

Plan plan_of_one_group(int ranks) {
  Plan plan;
  plan.world = ranks;
  Group group;
  group.role = group.object = "tp";
  group.parts.emplace_back(static_cast<std::size_t>(ranks));
  std::iota(group.parts[0].begin(), group.parts[0].end(), 0);
  plan.groups.push_back(group);
  plan.operations.emplace_back().kind = OpKind::all_reduce;
  plan.operations.back().group = GroupId{0};
  return plan;
}

Collective draw_exact_collective(Random& random, int members) {
  constexpr OpKind kKinds[] = {OpKind::all_reduce,      OpKind::reduce_scatter, OpKind::all_gather,
                               OpKind::reduce_scatterv, OpKind::all_gatherv,    OpKind::all_to_allv,
                               OpKind::reduce,          OpKind::broadcast};
  Collective c = draw_collective(random, kKinds[random.below(8)], members, 12);
  c.storage = numeric::Storage::float32;
  c.reduction = Reduction::sum;
  for (Held& held : c.passed) {
    if (!held) continue;
    numeric::Matrix<float> values = held->values;
    for (std::int64_t r = 0; r < values.rows(); ++r) {
      for (float& v : values.row(r)) v = static_cast<float>(random.below(2001) - 1000);
    }
    held = numeric::make_held(held->columns, std::move(values));
  }
  return c;
}

bool same_numbers(const Held& a, const Held& b) {
  if (!a || !b) return !a && !b;
  if (a->columns != b->columns || a->values.rows() != b->values.rows()) return false;
  for (std::int64_t r = 0; r < a->values.rows(); ++r) {
    for (std::int64_t k = 0; k < a->values.columns(); ++k) {
      const float x = a->values(r, k);
      const float y = b->values(r, k);
      if (!(x == y || (std::isnan(x) && std::isnan(y)))) return false;
    }
  }
  return true;
}

}  // namespace lockstep::test

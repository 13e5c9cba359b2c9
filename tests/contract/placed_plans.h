// Plans whose shares lie where a placement says: experts, and an attention whose heads are normed
// together and whose bias somebody adds. Right and wrong ones, for the checker and for the oracle.
#pragma once

#include <utility>
#include <vector>

#include "tests/contract/small_world.h"

namespace lockstep::test {

using PlacedShares = std::vector<std::vector<ShareRange>>;  // by rank

// One boundary: the sum over all ranks of four experts that lie on the ranks as `placement` says,
// each of them chosen by every token.
inline Plan experts_plan(const PlacedShares& placement, int slices = 1) {
  SmallWorld world(std::vector<std::int64_t>(placement.size(), 2));
  const TensorId x = world.embed(world.all);
  const TensorId h = world.norm(x, world.all, world.last_term());
  const TermId normed = world.last_term();
  const TermId choice = world.term("L0.moe.router", TermKind::router);
  const TensorId routing = world.tensor("routing", "experts");
  Operation& router = world.op(OpKind::router, "moe");
  router.in = {{h, world.complete(world.all, {normed})}};
  router.out = {{routing, world.complete(world.all, {choice})}};
  router.produces = {{choice, {}, {}, 1, 1}};
  const TermId expert = world.term("L0.moe.expert", TermKind::routed, 4 * slices);
  const TensorId y = world.tensor("y");
  Operation& experts = world.op(OpKind::experts, "moe");
  experts.in = {{h, world.complete(world.all, {normed})},
                {routing, world.complete(world.all, {choice})}};
  experts.out = {{y, world.partial(world.all, {expert})}};
  experts.produces = {
      {expert, {}, {}, 1, 1, world.builder().placement("experts_of_rank", placement)}};
  world.all_reduce(y, world.all, expert);
  world.require(y, world.complete(world.all, {expert}));
  Plan plan = world.take();
  plan.model.num_experts_per_tok = 4;
  return plan;
}

// The first request has three tokens in its cache. Operations: embed, norm, qk_statistics, its
// all_reduce (unless `sum_statistics` is false), attention, all_reduce, require.
inline Plan attention_plan(const PlacedShares& bias_of_rank, bool sum_statistics = true) {
  const auto ranks = static_cast<int>(bias_of_rank.size());
  SmallWorld world(std::vector<std::int64_t>(bias_of_rank.size(), 2));
  const TensorId x = world.embed(world.all);
  const TermId embedding = world.last_term();
  const TermId normed = world.term("L0.norm1", TermKind::norm);
  const TensorId h = world.tensor("h");
  Operation& norm = world.op(OpKind::norm, "attention");
  norm.in = {{x, world.complete(world.all, {embedding})}};
  norm.out = {{h, world.complete(world.all, {normed})}};
  norm.produces = {{normed, {}, {}, 1, 1}};
  const TermId squares = world.term("L0.attn.statistics", TermKind::statistics, ranks);
  const TensorId s = world.tensor("s", "qk_statistics");
  Operation& statistics = world.op(OpKind::qk_statistics, "attention");
  statistics.in = {{h, world.complete(world.all, {normed})}};
  statistics.out = {{s, world.partial(world.all, {squares})}};
  statistics.produces = {{squares, world.tp, {}, ranks, 1}};
  if (sum_statistics) world.all_reduce(s, world.all, squares);
  const TermId out = world.term("L0.attn.o_proj", TermKind::attention, ranks);
  const TermId bias = world.term("L0.attn.bias", TermKind::bias);
  const TensorId y = world.tensor("y");
  Operation& attention = world.op(OpKind::attention, "attention");
  attention.in = {{h, world.complete(world.all, {normed})},
                  {s, world.complete(world.all, {squares})}};
  attention.out = {{y, world.partial(world.all, {out, bias})}};
  attention.produces = {
      {out, world.tp, {}, ranks, 1},
      {bias, {}, {}, 1, 1, world.builder().placement("bias_of_rank", bias_of_rank)}};
  Operation& sum = world.op(OpKind::all_reduce, "attention");
  sum.in = {{y, SpecId::none()}};
  sum.out = {{y, world.complete(world.all, {out, bias})}};
  sum.group = world.tp;
  world.require(y, world.complete(world.all, {out, bias}));
  Plan plan = world.take();
  plan.steps[0].requests[0].prefix = 3;
  return plan;
}

}  // namespace lockstep::test

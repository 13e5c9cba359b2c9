#include "backend/nccl/launch/memory_need.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "backend/nccl/launch/plan_shapes.h"
#include "backend/nccl/launch/splits.h"
#include "backend/nccl/launch/weight_need.h"
#include "backend/numeric/weight_shapes.h"
#include "sim/cost/memory.h"

namespace lockstep::nccl {
namespace {

using numeric::Shape;

std::int64_t elements(const Shape& shape) { return shape.rows * numeric::width_of(shape.columns); }

// A tensor that is written again takes the place of what it was.
std::int64_t elements_of_tensors(const Plan& plan, int rank) {
  std::map<int, std::int64_t> largest;  // by tensor
  for (const Operation& op : plan.operations) {
    if (!executes(op, rank)) continue;
    for (const Output& out : op.out) {
      std::int64_t& most = largest[out.tensor.value];
      most = std::max(most, elements(declared_shape(plan, out.declared, out.tensor, rank)));
    }
  }
  std::int64_t all = 0;
  for (const auto& [tensor, most] : largest) all += most;
  return all;
}

// Of a collective no buffer is larger than what all members bring or receive: what one of a gather
// receives, or one of a sum brings. Some need room beside it for another one (logsumexp).
std::int64_t elements_of_collectives(const Plan& plan, int rank) {
  std::int64_t most = 0;
  std::map<int, std::int64_t> held;  // by tensor
  for (const Operation& op : plan.operations) {
    if (!executes(op, rank)) continue;
    std::int64_t now = 0;
    for (const Operand& in : op.in) now += held[in.tensor.value];
    for (const Output& out : op.out) {
      held[out.tensor.value] = elements(declared_shape(plan, out.declared, out.tensor, rank));
      now += held[out.tensor.value];
    }
    const bool needs_room = op.reduction == Reduction::logsumexp;
    if (communicates(op.kind)) most = std::max(most, needs_room ? 2 * now : now);
  }
  return most;
}

// All tokens of the plan, and of what came before them as many positions as are drawn.
std::int64_t cached_tokens(const Plan& plan) {
  std::int64_t tokens = 0;
  for (const Step& step : plan.steps) {
    for (const Request& request : step.requests) {
      tokens += request.tokens + std::min<std::int64_t>(request.prefix, numeric::kPrefixPositions);
    }
  }
  return tokens;
}

std::int64_t communicators_of(const Plan& plan, int rank) {
  std::int64_t count = 1;  // that of all ranks
  for (const Split& split : splits_of(plan)) {
    if (arguments_of(split, rank).part != nullptr) ++count;
  }
  return count;
}

bool has_messages_of_its_own(OpKind kind) {
  switch (kind) {
    case OpKind::dispatch:
    case OpKind::combine:
    case OpKind::all_to_all:
    case OpKind::all_to_allv:
    case OpKind::send:
    case OpKind::recv:
    case OpKind::send_recv:
      return true;
    default:
      return false;
  }
}

// The members of the largest group in which the rank sends each a message of its own, without it.
std::int64_t peers_of(const Plan& plan, int rank) {
  std::int64_t most = 0;
  for (const Operation& op : plan.operations) {
    if (!executes(op, rank) || !has_messages_of_its_own(op.kind)) continue;
    most = std::max(most, std::ssize(*membership(plan, op.group, rank).members) - 1);
  }
  return most;
}

double in_gib(std::int64_t bytes) { return static_cast<double>(bytes) / (1 << 30); }

// Of all ranks of one GPU.
struct GpuNeed {
  MemoryNeed sum;
  std::vector<std::size_t> ranks;
  std::int64_t reference = 0;
  std::int64_t least() const { return sum.least() + reference; }
  std::int64_t most() const { return sum.most() + reference; }
};

void add(MemoryNeed& to, const MemoryNeed& more) {
  to.weights += more.weights;
  to.drawn += more.drawn;
  to.tensors += more.tensors;
  to.caches += more.caches;
  to.insides += more.insides;
  to.communication += more.communication;
  to.libraries += more.libraries;
}

std::string text_of(std::size_t gpu, const GpuNeed& need, const Machine& machine, bool keeps) {
  const MemoryNeed& sum = need.sum;
  std::string text = fmt::format(
      "GPU {} ({}): {} rank{} need{} {:.1f} GiB of {:.1f} GiB free: weights {:.1f}{}, tensors and "
      "caches {:.1f}, inside operations {:.1f}, collectives {:.1f}, CUDA and NCCL {:.1f}",
      gpu, machine.gpus[gpu].name, need.ranks.size(), need.ranks.size() == 1 ? "" : "s",
      need.ranks.size() == 1 ? "s" : "", in_gib(keeps ? need.most() : need.least()),
      in_gib(machine.gpus[gpu].memory_free), in_gib(keeps ? sum.weights : sum.drawn),
      keeps ? "" : " (drawn as they are needed)", in_gib(sum.tensors + sum.caches),
      in_gib(sum.insides), in_gib(sum.communication), in_gib(sum.libraries));
  if (need.reference > 0) text += fmt::format(", reference {:.1f}", in_gib(need.reference));
  return text;
}

Diagnostic too_little(std::size_t gpu, const GpuNeed& need, const Machine& machine) {
  return plain_fault(
      "--backend nccl: too little memory. " + text_of(gpu, need, machine, false),
      "fewer layers (--set model.num_hidden_layers=3), fewer tokens, fewer ranks on a GPU, or "
      "without --full-size");
}

}  // namespace

MemoryNeed memory_need(const Plan& plan, int rank, numeric::Storage storage, bool shares_gpu,
                       const MemoryConstants& constants) {
  const std::int64_t element = numeric::bytes_per_element(storage);
  constexpr std::int64_t kModelled = 2;  // bytes of an element in sim/cost/memory.h
  const WeightNeed weights = weight_need(plan, rank);
  const lockstep::MemoryUse use = memory_use(plan, rank);
  MemoryNeed need;
  need.weights = weights.all * element;
  need.drawn = weights.operation * element;
  need.tensors = elements_of_tensors(plan, rank) * element;
  need.caches = use.cache_of_a_token * cached_tokens(plan) * element / kModelled;
  need.insides = use.activations * static_cast<std::int64_t>(sizeof(float)) / kModelled;
  need.communication = elements_of_collectives(plan, rank) * element;
  const std::int64_t communicator =
      shares_gpu ? constants.socket_communicator : constants.communicator;
  need.libraries =
      constants.context + constants.workspace + communicators_of(plan, rank) * communicator;
  if (!shares_gpu) need.libraries += peers_of(plan, rank) * constants.peer;
  return need;
}

// One matrix at a time, in float64, and a process of its own.
std::int64_t reference_need(const Plan& plan, const MemoryConstants& constants) {
  std::int64_t whole = 0;
  for (int rank = 0; rank < plan.world; ++rank) {
    whole = std::max(whole, weight_need(plan, rank).whole);
  }
  return constants.context + constants.workspace +
         whole * static_cast<std::int64_t>(sizeof(double));
}

Result<MemoryPlan> plan_memory(const std::vector<MemoryNeed>& needs, const Placement& placement,
                               const Machine& machine, std::int64_t reference,
                               const MemoryConstants& constants) {
  std::map<std::size_t, GpuNeed> gpus;
  for (std::size_t rank = 0; rank < needs.size(); ++rank) {
    GpuNeed& its = gpus[static_cast<std::size_t>(placement.ranks[rank].gpu)];
    add(its.sum, needs[rank]);
    its.ranks.push_back(rank);
  }
  gpus[0].reference = reference;
  MemoryPlan plan;
  plan.weight_budgets.resize(needs.size());
  plan.keeps_all_weights = true;
  for (const auto& [gpu, need] : gpus) {
    const auto free = static_cast<std::int64_t>(static_cast<double>(machine.gpus[gpu].memory_free) *
                                                (1 - constants.spare));
    if (need.least() > free) return too_little(gpu, need, machine);
    const bool keeps = need.most() <= free;
    plan.keeps_all_weights = plan.keeps_all_weights && keeps;
    plan.texts.push_back(text_of(gpu, need, machine, keeps));
    for (const std::size_t rank : need.ranks) {
      const std::int64_t part = (free - need.least()) / std::ssize(need.ranks);
      plan.weight_budgets[rank] = keeps ? needs[rank].weights : part;
    }
  }
  return plan;
}

}  // namespace lockstep::nccl

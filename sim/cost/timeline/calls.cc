#include "sim/cost/timeline/calls.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace lockstep {
namespace {

Collective collective_of(OpKind kind) {
  switch (kind) {
    case OpKind::all_reduce:
      return Collective::all_reduce;
    case OpKind::reduce_scatter:
      return Collective::reduce_scatter;
    case OpKind::reduce_scatterv:
      return Collective::reduce_scatterv;
    case OpKind::all_gather:
      return Collective::all_gather;
    case OpKind::all_gatherv:
      return Collective::all_gatherv;
    case OpKind::dispatch:
      return Collective::dispatch;
    case OpKind::combine:
      return Collective::combine;
    case OpKind::reduce:
      return Collective::reduce;
    case OpKind::broadcast:
      return Collective::broadcast;
    case OpKind::all_to_all:
      return Collective::all_to_all;
    case OpKind::all_to_allv:
      return Collective::all_to_allv;
    case OpKind::send:
    case OpKind::recv:
    case OpKind::send_recv:
      return Collective::send_recv;
    default:
      return Collective::barrier;
  }
}

bool by_routing(OpKind kind) { return kind == OpKind::dispatch || kind == OpKind::combine; }

std::int64_t sum_of(const std::vector<std::int64_t>& sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0});
}

// The choices of the router travel with the rows that they belong to.
bool rides_along(const Plan& plan, const Operation& op) {
  return op.kind == OpKind::dispatch && plan.tensor(op.in.front().tensor).columns == "experts";
}

}  // namespace

Calls::Calls(const Plan& plan, const Seats& seats, const TensorStates& states,
             const CostModel& cost)
    : plan_(plan), seats_(seats), states_(states), cost_(cost) {
  for (std::size_t i = 0; i < plan.sizes.size(); ++i) {
    const auto first = std::ranges::find(plan.sizes, plan.sizes[i].sizes, &SizeTable::sizes);
    same_sizes_.push_back(static_cast<int>(first - plan.sizes.begin()));
  }
}

// By routing every member has rows of its own; the cost is that of the fullest. A combine brings
// the rows home: its result has those that a dispatch took.
std::int64_t Calls::most_routed(const Operation& op, const std::vector<int>& members) const {
  if (routed_.op == &op && routed_.members == &members) return routed_.rows;
  std::int64_t most = 0;
  for (const int member : members) {
    const SpecId home =
        op.kind == OpKind::dispatch ? states_.of(op.in.front(), member) : op.out.front().declared;
    most = std::max(most, states_.rows(home, member).all);
  }
  routed_ = {&op, &members, most};
  return most;
}

// Of the whole operand, as `rank` has it. What others than the root bring to a broadcast is only
// memory.
std::int64_t Calls::rows(const Operation& op, int rank) const {
  if (op.in.empty()) return 0;
  const auto held = [&](int member) {
    return states_.rows(states_.of(op.in.front(), member), member).all;
  };
  const Seat& seat = seats_.at(op.group, rank);
  const std::vector<int>& members =
      plan_.group(op.group).parts[static_cast<std::size_t>(seat.part)];
  if (by_routing(op.kind)) return most_routed(op, members);
  if (op.kind == OpKind::broadcast && op.root >= 0 && op.root < seat.size) {
    return held(members[static_cast<std::size_t>(op.root)]);
  }
  return held(rank);
}

Calls::Content Calls::content(const Operation& op, int rank, LaunchStyle launch) const {
  Content content;
  content.kind = op.kind;
  content.communicator = seats_.communicator(op.group, seats_.at(op.group, rank).part);
  content.reduction = op.reduction;
  content.root = op.root;
  content.axis = op.axis;
  content.launch = launch;
  if (op.in.empty()) return content;
  const Operand& in = op.in.front();
  content.dtype = plan_.tensor(in.tensor).dtype;
  content.columns = states_.columns(in.tensor, states_.of(in, rank), rank);
  if (op.kind == OpKind::all_gather && op.axis == Axis::columns && !op.out.empty()) {
    const Output& out = op.out.front();  // slices may differ by a column; the whole does not
    content.columns = states_.columns(out.tensor, out.declared, rank);
  }
  if (takes_sizes(op.kind)) content.sizes = same_sizes_[op.sizes.index()];
  const bool by_sizes = op.kind == OpKind::all_gatherv || op.kind == OpKind::all_to_allv;
  if (!by_sizes) content.rows = rows(op, rank);
  return content;
}

CollectiveCall Calls::call_of(const Operation& op, const Content& content) const {
  CollectiveCall call;
  call.kind = collective_of(op.kind);
  call.ranks = seats_.communicators()[static_cast<std::size_t>(content.communicator)];
  call.launch = content.launch;
  call.element_bytes = content.dtype.empty() ? 2 : element_bytes(content.dtype);
  const std::int64_t row = content.columns * call.element_bytes;
  call.bytes = content.rows * row;
  if (op.kind == OpKind::all_gather && op.axis == Axis::rows) {
    call.bytes *= static_cast<std::int64_t>(call.ranks.size());
  }
  if (content.sizes >= 0) {
    for (const std::int64_t size : plan_.sizes[static_cast<std::size_t>(content.sizes)].sizes) {
      call.sizes.push_back(size * row);
    }
    call.bytes = sum_of(call.sizes);
  }
  if (content.carries_norm) call.algorithm = "fused-norm";
  if (by_routing(op.kind)) {
    call.tokens = content.rows;
    call.experts = std::max(1, plan_.model.n_routed_experts);
    call.experts_per_token = std::clamp(plan_.model.num_experts_per_tok, 1, call.experts);
    call.bytes *= call.experts_per_token;
  }
  return call;
}

TimedCall Calls::timed(const Operation& op, const Content& content) const {
  TimedCall timed;
  timed.call = call_of(op, content);
  timed.text = to_string(op.kind);
  if (content.sizes >= 0) {
    const SizeTable& table = plan_.sizes[static_cast<std::size_t>(content.sizes)];
    timed.text += fmt::format(" of {} rows by sizes", sum_of(table.sizes));
  } else if (!op.in.empty()) {
    timed.text += fmt::format(" of {} row{}", content.rows, content.rows == 1 ? "" : "s");
  }
  const bool moves_nothing =
      rides_along(plan_, op) || (timed.call.bytes == 0 && op.kind != OpKind::barrier);
  if (!moves_nothing) timed.time = cost_.collective(timed.call);
  return timed;
}

int Calls::of(const Operation& op, int rank, LaunchStyle launch, bool carries_norm) {
  Content content = this->content(op, rank, launch);
  content.carries_norm = carries_norm;
  const auto next = static_cast<int>(calls_.size());
  const auto [entry, is_new] = known_.try_emplace(content, next);
  if (is_new) calls_.push_back(timed(op, content));
  return entry->second;
}

const TimedCall& Calls::transfer(const Operation& op, int rank, int peer, LaunchStyle launch) {
  TensorId tensor = op.in.empty() ? op.out.front().tensor : op.in.front().tensor;
  const SpecId state = op.in.empty() ? op.out.front().declared : states_.of(op.in.front(), rank);
  const int element = element_bytes(plan_.tensor(tensor).dtype);
  const std::int64_t bytes =
      states_.rows(state, rank).all * states_.columns(tensor, state, rank) * element;
  const auto [entry, is_new] = transfers_.try_emplace({bytes, rank, peer, launch});
  if (is_new) {
    TimedCall& timed = entry->second;
    timed.text = to_string(op.kind);
    timed.call.kind = Collective::send_recv;
    timed.call.ranks = {rank, peer};
    timed.call.bytes = bytes;
    timed.call.element_bytes = element;
    timed.call.launch = launch;
    if (bytes > 0) timed.time = cost_.collective(timed.call);
  }
  return entry->second;
}

std::string Calls::refusal(const Operation& op, int rank) const {
  const int members = seats_.at(op.group, rank).size;
  const auto count = static_cast<std::size_t>(members);
  if (takes_root(op.kind) && (op.root < 0 || op.root >= members)) {
    return fmt::format("{} with root {} of a group of {}", to_string(op.kind), op.root, members);
  }
  if (takes_sizes(op.kind)) {
    const std::size_t sizes = plan_.size_table(op.sizes).sizes.size();
    const std::size_t wanted = op.kind == OpKind::all_to_allv ? count * count : count;
    if (sizes == wanted) return {};
    return fmt::format("{} takes {} sizes for a group of {}, it gets {}", to_string(op.kind),
                       wanted, members, sizes);
  }
  if (op.kind != OpKind::reduce_scatter && op.kind != OpKind::all_to_all) return {};
  const std::int64_t held = rows(op, rank);
  if (held % members == 0) return {};
  return fmt::format("{} of {} rows over {} ranks: not a multiple", to_string(op.kind), held,
                     members);
}

}  // namespace lockstep

// What a plan says that each rank calls of NCCL: the control flow of the replay
// (backend/numeric/interpreter.h) on shapes alone.
#include <algorithm>
#include <utility>

#include "backend/nccl/launch/call_list.h"
#include "backend/nccl/launch/plan_shapes.h"
#include "backend/numeric/held_tensors.h"
#include "backend/numeric/interpreter.h"
#include "backend/numeric/peers.h"
#include "backend/numeric/rendezvous.h"

namespace lockstep::nccl {
namespace {

using numeric::Call;
using numeric::Peers;
using numeric::Shape;

// What Exchange::unload() makes, without its values.
Shape received(const numeric::Exchange& exchange, int member, const Shape& passed) {
  using Received = numeric::Exchange::Received;
  const numeric::Exchange::Unload steps = exchange.unload_steps(member);
  if (steps.received == Received::passed) return passed;
  if (steps.received == Received::nothing) return {};
  return {true, steps.rows, exchange.columns()};
}

class Walk {
 public:
  Walk(const Plan& plan, bool repairs)
      : plan_(plan),
        shapes_(plan, repairs),
        meeting_(plan),
        lists_(static_cast<std::size_t>(plan.world)),
        ranks_(static_cast<std::size_t>(plan.world)) {
    for (int rank = 0; rank < plan.world; ++rank) advance(rank, -1);
  }

  std::vector<CallList> run() {
    while (std::exchange(moved_, false)) {
      for (int operation = 0; std::cmp_less(operation, plan_.operations.size()); ++operation) {
        step(operation);
      }
    }
    return std::move(lists_);
  }

 private:
  // Where a rank stands, and its point-to-point call that has not ended.
  struct At {
    int operation = -1;
    bool waits = false;
    int halves = 0;  // that have not met
    Shape sent;
    std::optional<Shape> received;
  };

  const Operation& operation_of(int index) const {
    return plan_.operations[static_cast<std::size_t>(index)];
  }
  At& at(int rank) { return ranks_[static_cast<std::size_t>(rank)]; }

  void advance(int rank, int from) {
    at(rank) = {numeric::next_operation(plan_, rank, from), false, 0, {}, {}};
    moved_ = true;
  }

  void step(int operation) {
    std::vector<int> here;
    for (int rank = 0; rank < plan_.world; ++rank) {
      if (at(rank).operation == operation && !at(rank).waits) here.push_back(rank);
    }
    const Operation& op = operation_of(operation);
    for (const int rank : here) shapes_.arrive(op, rank);
    for (const int rank : here) execute(operation, rank);
  }

  void execute(int operation, int rank) {
    const Operation& op = operation_of(operation);
    if (is_collective(op.kind)) return call_collective(operation, rank);
    if (is_point_to_point(op.kind)) return call_peer(operation, rank);
    shapes_.compute(op, rank);
    advance(rank, operation);
  }

  void record(int operation, int rank, const std::vector<NcclCall>& calls) {
    add(lists_[static_cast<std::size_t>(rank)], operation, calls);
  }

  // ---- collectives ----------------------------------------------------------------------------

  void call_collective(int operation, int rank) {
    const Operation& op = operation_of(operation);
    Shape passed;
    if (!op.in.empty()) passed = shapes_.held(op.in.front().tensor, rank);
    at(rank).waits = true;
    const std::vector<Call> calls =
        meeting_.arrive(op.group, {rank, operation, passed.written ? passed.rows : -1});
    if (calls.empty() || !numeric::mismatch(plan_, calls).empty()) return;
    const std::size_t outputs = std::max<std::size_t>(op.out.size(), 1);  // a barrier calls, too
    for (std::size_t output = 0; output < outputs; ++output) exchange(calls, output);
    for (const Call& call : calls) advance(call.rank, call.operation);
  }

  void exchange(const std::vector<Call>& calls, std::size_t output) {
    std::vector<Shape> shapes;
    for (const Call& call : calls) {
      const Operation& op = operation_of(call.operation);
      if (op.out.empty()) continue;
      shapes.push_back(shapes_.held(op.in[output].tensor, call.rank));
    }
    const numeric::Exchange exchange(plan_, calls, output, shapes,
                                     numeric::home_rows(plan_, calls, output),
                                     numeric::Storage::float32);
    for (std::size_t m = 0; m < calls.size(); ++m) {
      const Operation& op = operation_of(calls[m].operation);
      const auto member = static_cast<int>(m);
      record(calls[m].operation, calls[m].rank, nccl_calls(exchange, member));
      if (op.out.empty()) continue;
      shapes_.put(op.out[output].tensor, calls[m].rank, received(exchange, member, shapes[m]));
    }
  }

  // ---- point to point -------------------------------------------------------------------------

  void call_peer(int operation, int rank) {
    const Operation& op = operation_of(operation);
    const numeric::PeersOfCall peers = numeric::peers_of_call(plan_, op, rank);
    At& own = at(rank);
    own.waits = true;
    if (!peers.refused.empty()) return;
    if (!op.in.empty()) own.sent = shapes_.held(op.in.front().tensor, rank);
    own.halves = (peers.to ? 1 : 0) + (peers.from ? 1 : 0);
    if (own.halves == 0) return finish(rank);
    const int communicator = meeting_.communicator(op.group, rank);
    if (peers.to) {
      const auto other = peers_.post(communicator, rank, *peers.to, true, {rank, operation});
      if (other) deliver({rank, operation}, *other);
    }
    if (peers.from && own.waits) {
      const auto other = peers_.post(communicator, *peers.from, rank, false, {rank, operation});
      if (other) deliver(*other, {rank, operation});
    }
  }

  void deliver(Peers::Half sender, Peers::Half receiver) {
    const std::string why =
        numeric::mismatch(plan_, operation_of(sender.operation), operation_of(receiver.operation));
    if (!why.empty()) return;  // both wait for ever
    at(receiver.rank).received = at(sender.rank).sent;
    for (const Peers::Half half : {sender, receiver}) {
      if (--at(half.rank).halves == 0) finish(half.rank);
    }
  }

  static std::int64_t elements(const Shape& shape) {
    return shape.written ? shape.rows * numeric::width_of(shape.columns) : 0;
  }

  void finish(int rank) {
    const At own = at(rank);
    const Operation& op = operation_of(own.operation);
    const numeric::PeersOfCall peers = numeric::peers_of_call(plan_, op, rank);
    const std::vector<int>& members = *membership(plan_, op.group, rank).members;
    const auto message = [&](const std::optional<int>& peer, const Shape& shape) {
      if (!peer || *peer == rank) return std::optional<NcclMessage>();
      const auto member = std::ranges::find(members, *peer) - members.begin();
      return std::optional(NcclMessage{static_cast<int>(member), elements(shape)});
    };
    record(own.operation, rank,
           nccl_calls(message(peers.to, own.sent),
                      message(peers.from, own.received.value_or(Shape{}))));
    if (own.received) shapes_.put(op.out.front().tensor, rank, *own.received);
    advance(rank, own.operation);
  }

  const Plan& plan_;
  PlanShapes shapes_;
  numeric::Rendezvous meeting_;
  Peers peers_;
  std::vector<CallList> lists_;  // by rank
  std::vector<At> ranks_;
  bool moved_ = false;
};

}  // namespace

std::vector<CallList> expected_calls(const Plan& plan, bool repairs) {
  return Walk(plan, repairs).run();
}

}  // namespace lockstep::nccl

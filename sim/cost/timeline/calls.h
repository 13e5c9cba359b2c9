// The collectives of a plan as the cost models see them, each asked for once.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "sim/cost/cost_model.h"
#include "sim/cost/timeline/seats.h"
#include "sim/cost/timeline/tensor_states.h"
#include "sim/plan/plan.h"

namespace lockstep {

// What meets: members whose calls are of equal content share one entry.
struct TimedCall {
  std::string text;  // "all_reduce of 16 rows": for whoever reads an error
  CollectiveCall call;
  CollectiveTime time;
};

class Calls {
 public:
  Calls(const Plan& plan, const Seats& seats, const TensorStates& states, const CostModel& cost);

  // The entry of the call that `rank` makes with a collective `op`. REQUIRES: it is a member, and
  // the states have passed all operations before `op`. `carries_norm`: the kernel of an all_reduce
  // adds the residual and norms, too.
  int of(const Operation& op, int rank, LaunchStyle launch, bool carries_norm = false);
  const std::vector<TimedCall>& all() const { return calls_; }
  // What a send or receive `op` of `rank` costs with the global rank `peer`.
  const TimedCall& transfer(const Operation& op, int rank, int peer, LaunchStyle launch);
  // Why the library would refuse the call; empty if it would not.
  std::string refusal(const Operation& op, int rank) const;

 private:
  // Everything that members must agree on; what NCCL does not compare (data type, reduction)
  // would still make the call another one.
  struct Content {
    OpKind kind = OpKind::barrier;
    int communicator = -1;
    std::int64_t rows = 0;
    std::int64_t columns = 0;
    std::string dtype;
    Reduction reduction = Reduction::sum;
    int root = 0;
    Axis axis = Axis::rows;
    int sizes = -1;  // the first table of equal sizes
    bool carries_norm = false;
    LaunchStyle launch = LaunchStyle::graph;
    auto operator<=>(const Content&) const = default;
  };

  Content content(const Operation& op, int rank, LaunchStyle launch) const;
  std::int64_t rows(const Operation& op, int rank) const;
  std::int64_t most_routed(const Operation& op, const std::vector<int>& members) const;
  CollectiveCall call_of(const Operation& op, const Content& content) const;
  TimedCall timed(const Operation& op, const Content& content) const;

  const Plan& plan_;
  const Seats& seats_;
  const TensorStates& states_;
  const CostModel& cost_;
  std::vector<int> same_sizes_;  // by sizes table: the first one of equal sizes
  // The last answer of most_routed(): all members of a group ask in turn.
  struct Routed {
    const Operation* op = nullptr;
    const std::vector<int>* members = nullptr;
    std::int64_t rows = 0;
  };
  mutable Routed routed_;
  std::vector<TimedCall> calls_;
  std::map<Content, int> known_;
  std::map<std::tuple<std::int64_t, int, int, LaunchStyle>, TimedCall> transfers_;
};

}  // namespace lockstep

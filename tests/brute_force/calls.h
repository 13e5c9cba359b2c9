// Calls that ranks make of each other, for brute_force.h: whether they fit together, and what each
// caller gets.
#pragma once

#include <compare>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "sim/plan/plan.h"
#include "tests/brute_force/held.h"

namespace lockstep::test {

// An object and its members, in group order.
struct Communicator {
  std::string object;
  std::vector<int> members;
  auto operator<=>(const Communicator&) const = default;
};
Communicator communicator(const Plan& plan, GroupId group, int rank);

struct Call {
  int rank = 0;
  const Operation* operation = nullptr;
  Held operand;  // as it was when the call was made
};

// One call per member, in group order. Why they do not fit together; empty if they do.
std::string misfit(const Plan& plan, const std::vector<Call>& calls);
// What each caller gets. REQUIRES: misfit() is empty.
std::vector<Held> results_of(const Plan& plan, const std::vector<Call>& calls);

std::string misfit_of_pair(const Plan& plan, const Call& sender, const Call& receiver);

struct Pair {
  Call sender;
  Call receiver;
};

// Sends and receives that have not met. On one communicator the k-th send from a to b meets the
// k-th receive at b from a.
class Posts {
 public:
  // Posts the halves of a call. Why it cannot be; empty if it can.
  std::string add(const Plan& plan, const Call& call);
  // Two that meet now; they are no longer outstanding.
  std::optional<Pair> meet();
  bool outstanding(int rank) const;
  void forget(int rank);

 private:
  struct Post {
    Communicator on;
    int from = 0;
    int to = 0;
    Call call;
    auto key() const { return std::tie(on, from, to); }
  };
  std::list<Post> sends_;
  std::list<Post> receives_;
};

// The tokens of a layout on a rank, row by row; kPadding for padding.
std::vector<std::int64_t> tokens_of(const Plan& plan, LayoutId layout, int rank);
// The columns [first, second) that `tensor` has on `rank` where it is what `spec` says.
std::pair<std::int64_t, std::int64_t> columns_on(const Plan& plan, TensorId tensor, SpecId spec,
                                                 int rank);

}  // namespace lockstep::test

// Point-to-point calls: the k-th send from a to b on a communicator meets the k-th receive at b
// from a. A call blocks until each of its halves has met its counterpart, so a rank has one call
// at a time.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "backend/numeric/tensor.h"
#include "sim/plan/plan.h"

namespace lockstep::numeric {

// The ranks that a call names; none: it has no such half.
struct PeersOfCall {
  std::optional<int> to;
  std::optional<int> from;
  std::string refused;  // why the call makes no sense; empty: it does
};
PeersOfCall peers_of_call(const Plan& plan, const Operation& op, int rank);

// Why what is sent is not what is received; empty if it is.
std::string mismatch(const Plan& plan, const Operation& send, const Operation& receive);

class Peers {
 public:
  // One half: the rank that called, and where it stands.
  struct Half {
    int rank = 0;
    int operation = 0;
  };
  struct Waiting {
    Half half;
    bool sends = false;
    int peer = 0;
  };

  // Posts a half of a message between two ranks. Returns the other half if that was posted before:
  // then both are done.
  std::optional<Half> post(int communicator, int from, int to, bool sends, Half half);
  // Forgets what `rank` has posted.
  void withdraw(int rank);
  // In a fixed order.
  std::vector<Waiting> waiting() const;

 private:
  using Way = std::tuple<int, int, int>;  // communicator, from, to
  std::map<Way, Waiting> posted_;
};

}  // namespace lockstep::numeric

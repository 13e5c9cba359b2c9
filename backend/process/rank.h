// One rank in a process of its own: executes its operations of the plan in program order, and
// meets its peers in collectives and messages. Before each operation it shows the observer what the
// plan owes there (messages.h), and goes on when it is let on.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "backend/numeric/exchange.h"
#include "backend/numeric/local_ranks.h"
#include "backend/numeric/peers.h"
#include "backend/numeric/rendezvous.h"
#include "backend/process/channels.h"
#include "backend/process/mesh.h"
#include "backend/process/messages.h"
#include "backend/process/turn_runner.h"

namespace lockstep::process {

// The calls of a collective do not fit together, or the library would refuse them. The plan's
// fault; the observer tells it.
class Mismatch : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Rank {
 public:
  // All must outlive it. `observer`: its member id.
  Rank(const Plan& plan, const numeric::ReplayOptions& options, int rank, int observer, Mesh& mesh);

  // Called before each operation is executed; for tests.
  using Before = std::function<void(int operation)>;
  // Throws Mismatch, or what the mesh throws.
  RankReport run(const Before& before);

 private:
  void arrive(int operation);
  std::vector<Shown> what_to_show(int operation);
  void execute(int operation);

  // One collective, once the members know of each other's calls.
  struct Meeting {
    const std::vector<int>& members;
    std::size_t self = 0;
    int communicator = 0;
    std::uint64_t number = 0;  // of the call on the communicator
    std::vector<Notice> notices;
  };
  void collective(int operation);
  Notice notice(int operation);
  std::vector<Notice> compare_notices(const std::vector<int>& members, std::size_t self,
                                      const Tag& tag, const Notice& own);
  void exchange(const Meeting& meeting, const std::vector<numeric::Call>& calls,
                std::size_t output);

  // One half of a point-to-point call: its peer, and the number of the message on its channel.
  struct Half {
    int peer = -1;
    MessageChannel channel;
    std::uint64_t number = 0;
  };
  void peer_to_peer(int operation);
  Half half_with(int operation, int from, int to);
  Notice meet(const Half& half);
  std::string take_message(int operation, const Half& half, const TurnRunner::Outgoing& out);
  const Operation& operation_of(const Notice& notice) const;

  const Plan& plan_;
  const numeric::ReplayOptions& options_;
  int rank_;
  int observer_;
  Mesh& mesh_;
  numeric::Weights weights_;
  numeric::PlanReference reference_;
  std::vector<numeric::RouterChoice> choices_;  // since the last arrival
  numeric::LocalRanks held_;
  numeric::Rendezvous communicators_;
  std::map<int, std::uint64_t> calls_;                // by communicator
  std::map<MessageChannel, std::uint64_t> messages_;  // sent or received
  std::vector<TensorId> watched_;
  std::map<TensorId, numeric::Held> shown_;  // of the watched
  TurnRunner runner_;
  RankTraffic traffic_;  // of the operation in hand
};

}  // namespace lockstep::process

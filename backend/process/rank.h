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
#include "backend/numeric/peers.h"
#include "backend/numeric/rendezvous.h"
#include "backend/process/channels.h"
#include "backend/process/mesh.h"
#include "backend/process/messages.h"
#include "backend/process/worker.h"

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
  Rank(const Plan& plan, numeric::Storage storage, int rank, int observer, Mesh& mesh,
       Worker& worker);

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

  void peer_to_peer(int operation);
  MessageHalf half_with(int operation, int from, int to);
  Notice meet(const MessageHalf& half);
  const Operation& operation_of(const Notice& notice) const;

  const Plan& plan_;
  numeric::Storage storage_;
  int rank_;
  int observer_;
  Mesh& mesh_;
  Worker& worker_;
  numeric::Rendezvous communicators_;
  std::map<int, std::uint64_t> calls_;                // by communicator
  std::map<MessageChannel, std::uint64_t> messages_;  // sent or received
  std::vector<TensorId> watched_;
  std::map<TensorId, const void*> shown_;  // identities of the watched
  RankTraffic traffic_;                    // of the operation in hand
};

}  // namespace lockstep::process

// Sends and receives that wait for each other.
#pragma once

#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "sim/contract/rendezvous.h"
#include "sim/contract/state.h"

namespace lockstep::contract {

// What goes from one rank to another: which operation sends it and which receives it (-1: none has
// come yet), and what the sender held when it called.
struct Transfer {
  int communicator = 0;
  int from = 0;
  int to = 0;
  int sends = -1;
  int receives = -1;
  StateId value;
};

// The next send from one rank to another on a communicator meets the next receive there, and both
// block until then: so there is at most one of each that waits.
class Mailbox {
 public:
  // Post one end; the whole transfer if the other has been posted.
  std::optional<Transfer> send(int communicator, int from, int to, int operation, StateId value);
  std::optional<Transfer> receive(int communicator, int from, int to, int operation);
  // Takes back what `rank` has posted and nobody has met.
  void withdraw(int rank);
  // By rank: one that waits for two others is told once.
  std::vector<Wait> waiting() const;

 private:
  std::optional<Transfer> post(const Transfer& half);

  std::map<std::tuple<int, int, int>, Transfer> open_;  // of one end
};

}  // namespace lockstep::contract

// Runs a plan on ranks: every rank in program order, collectives once all members have called,
// messages once both ends have. Has each obligation judged when the ranks that owe it arrive.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backend/numeric/judge.h"
#include "backend/numeric/peers.h"
#include "backend/numeric/ranks.h"
#include "backend/numeric/rendezvous.h"
#include "backend/numeric/replay.h"

namespace lockstep::numeric {

// The first operation after `from` that `rank` executes; as many as the plan has if there is none.
int next_operation(const Plan& plan, int rank, int from);

class Interpreter {
 public:
  // All must outlive it. REQUIRES: validate(plan) is empty.
  Interpreter(const Plan& plan, const ReplayOptions& options, Ranks& ranks, Judge& judge);

  ReplayResult run();

 private:
  enum class Status : std::uint8_t { running, waiting, stopped };

  // A rank's point-to-point call that has not ended.
  struct Message {
    int halves = 0;  // that have not met
    Held sent;
    std::optional<Held> received;
  };

  void step(int operation);
  void advance(int rank, int from);
  void execute(int operation, int rank);

  void call_collective(int operation, int rank);
  void complete_collective(const std::vector<Call>& calls);
  void call_peer(int operation, int rank);
  void deliver(Peers::Half sender, Peers::Half receiver);
  void finish_message(Peers::Half half);
  void stop(int operation, std::string why);
  void stop_for_waiting();
  void stop_for_waiting_peers();

  const Plan& plan_;
  const ReplayOptions& options_;
  Ranks& ranks_;
  Judge& judge_;
  Rendezvous meeting_;
  Peers peers_;
  std::vector<Message> messages_;  // by rank
  std::vector<int> position_;
  std::vector<Status> status_;
  bool moved_ = false;  // some rank went on in this sweep
  int stopped_at_ = -1;
  std::string stopped_why_;
};

}  // namespace lockstep::numeric

// The coordinator's side: starts one process per rank, watches over them in bounded time, collects
// their reports, and leaves nothing behind.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backend/process/board.h"
#include "backend/process/failure.h"
#include "backend/process/fork.h"

namespace lockstep::process {

struct CrewOptions {
  using Duration = std::chrono::milliseconds;

  int ranks = 1;
  bool observer = false;  // one member more, of id `ranks`
  std::string run_name;   // of which addresses are made; empty: drawn
  // What an operation is, for texts: "all_reduce h over tp". May be empty.
  std::function<std::string(int operation)> operation_name;

  Duration start_limit = std::chrono::seconds(30);     // until every member is there
  Duration progress_limit = std::chrono::seconds(60);  // in which nobody does anything
  Duration deadlock_limit = std::chrono::seconds(10);  // the same, if everybody waits for a peer
  Duration stopped_limit = std::chrono::seconds(10);   // in which a member is stopped (SIGSTOP)
  // After a complaint about a peer, until it is believed: the peer's own end may come to light.
  Duration settle = std::chrono::seconds(1);
  std::size_t report_bytes = std::size_t{1} << 30;  // of one member
  // Called now and then while the members work, to show how far they are. May be empty.
  std::function<void(const Board&)> progress;
  // Whether a member's report is all that is wanted: then the others are ended where they are, and
  // that is no failure. May be empty.
  std::function<bool(int member, std::span<const std::byte> report)> concludes;
};

// How it went. All members have ended whatever it says.
struct Outcome {
  std::optional<Failure> failure;
  // By member: what they reported; some are empty if there is a failure.
  std::vector<std::vector<std::byte>> reports;
  std::vector<std::string> notes;  // "rank 0: ...", what stopped nothing, as it came
};

// A running crew. One at a time in a process, which must have one thread; SIGCHLD, SIGINT and
// SIGTERM are blocked while it lives.
//
// Time in which the coordinator itself did not run (it was stopped, the machine slept) does not
// count against any limit.
class Crew {
 public:
  // Starts all members; each runs `body`. If that fails, wait() says why.
  // REQUIRES: options.ranks >= 1.
  Crew(CrewOptions options, const Body& body);
  // Kills who still runs, and waits until they are gone.
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  // Waits until all members have reported and ended, or the first failure; then nobody of them is
  // left. At most once.
  Outcome wait();

  const Board& board() const;

 private:
  class Supervisor;
  std::unique_ptr<Supervisor> supervisor_;
};

}  // namespace lockstep::process

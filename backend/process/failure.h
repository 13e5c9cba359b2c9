// Why a run ended early, for people and for programs.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "backend/process/board.h"

namespace lockstep::process {

enum class Cause : std::uint32_t {
  killed,          // by a signal that its process did not survive
  exited,          // with a code other than 0, or without a report
  threw,           // an exception left its function
  stopped,         // by SIGSTOP or a relative, for longer than the limit
  late,            // it was not there within the limit
  stalled,         // nobody did anything for longer than the limit
  protocol,        // a peer sent what does not belong here
  peer_gone,       // a peer closed the connection too early
  turned_away,     // another process is that member already
  address_in_use,  // before any process was started
  cannot_start,    // the system would not give a process, a socket or memory
  collective,      // a collective of a library failed, or did not end
  interrupted,     // the coordinator, by SIGINT or SIGTERM
};
std::string to_string(Cause cause);

// One member's fault as it comes to light, before it is known where the others are.
struct Accusation {
  Cause cause{};
  int member = -1;  // whose fault is seen; -1: nobody's
  int peer = -1;    // with whom, for faults of a connection
  int number = 0;   // the signal or the exit code
  // In words that follow the member's name, "was killed by SIGKILL"; a whole sentence where `peer`
  // is somebody: "rank 0 lost its connection with rank 3".
  std::string what;
  std::string detail;  // more, in words that follow its place and a colon; may be empty
};

struct Failure {
  Cause cause{};
  int member = -1;             // whose fault is seen; -1: nobody's in particular
  int peer = -1;               // with whom, for faults of a connection: the one to look at
  int number = 0;              // the signal or the exit code, of `killed`, `exited`, `interrupted`
  int operation = -1;          // where `member` was; -1: at none yet
  std::vector<int> waiting;    // who waited for it, directly or through others, ascending
  std::vector<Position> seen;  // where every member was, by id
  std::string text;            // all of it in one sentence, without a full stop
};

// How to call things. `operation` may be empty: then operations have numbers only.
struct Naming {
  int ranks = 0;
  std::function<std::string(int)> operation;
};

// `seen`: by member.
Failure describe(const Accusation& accusation, std::vector<Position> seen, const Naming& naming);

// Whom to accuse if nobody has done anything for `seconds`: who computes (or has not arrived), else
// who waits in a circle or for one that is done, with the chain in words. REQUIRES: some member is
// not done.
Accusation accuse_of_standstill(const std::vector<Position>& seen, double seconds,
                                const Naming& naming);

// "SIGKILL"
std::string signal_name(int signal);

}  // namespace lockstep::process

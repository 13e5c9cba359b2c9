// Starting the members of a crew: addresses first, so that nobody has to wait for one, then a
// control connection and a process each.
#pragma once

#include <optional>
#include <vector>

#include "backend/process/child.h"
#include "backend/process/crew.h"

namespace lockstep::process {

struct StartedMember {
  Child child;
  File control;  // the coordinator's end
};

struct Started {
  std::vector<StartedMember> members;  // those that run, by id
  std::optional<Accusation> failure;   // why not all do
};

// `board` must outlive the members. REQUIRES: as fork_member(); board.members() are to be started.
Started start_members(const CrewOptions& options, Board& board, const Body& body,
                      const sigset_t& mask);

}  // namespace lockstep::process

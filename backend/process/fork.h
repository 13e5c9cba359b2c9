// The birth of a member: a fork without an exec, so that it has everything that the coordinator
// knew, and nothing that the coordinator holds open.
#pragma once

#include <signal.h>

#include <functional>

#include "backend/process/child.h"
#include "backend/process/member.h"

namespace lockstep::process {

// What a member does. Returns its exit code; what it throws is told to the coordinator.
using Body = std::function<int(Member&)>;

// Starts a process that runs `body(member)` and nothing of what follows in the caller: it ends by
// _exit, without destructors or buffers of the parent. The process
// - is killed when its parent ends, however that ends;
// - has the default signal handlers and `mask`, but ignores SIGINT: a terminal sends that to all,
// and
//   it is the coordinator's to answer;
// - has no open files but the member's two sockets and the standard streams, of which input and
//   output are /dev/null.
// Throws std::system_error if there is none to be had.
// REQUIRES: one thread; signals that have handlers are blocked.
Child fork_member(Member& member, const Body& body, const sigset_t& mask);

}  // namespace lockstep::process

// The replay on one operating-system process per rank: each executes its own operations and meets
// its peers over local sockets; an observer judges what the ranks show it, exactly as the replay in
// one process does; the coordinator (this process) starts and watches them and carries no tensor.
// The same plan and options give the same result, bit for bit, as numeric::replay().
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "backend/numeric/replay.h"
#include "backend/process/crew.h"
#include "backend/process/mesh.h"
#include "sim/plan/plan.h"

namespace lockstep::process {

struct ReplayOptions {
  numeric::ReplayOptions numeric;
  CrewOptions crew;  // `ranks`, `observer` and `operation_name` follow from the plan
  MeshLimits mesh;
  // Called in the process of a rank before it executes an operation; for tests.
  std::function<void(int rank, int operation, Mesh& mesh)> before;
};

struct ReplayOutcome {
  // Of the processes, not of the plan. Then there is no result.
  std::optional<Failure> failure;
  numeric::ReplayResult result;
  std::vector<std::string> notes;
};

// REQUIRES: validate(plan) is empty; one thread.
ReplayOutcome replay(const Plan& plan, const ReplayOptions& options);

// Who is in a part with `rank` in which somebody calls something, ascending. It is mutual. The
// observer is not among them.
std::vector<int> peers_of(const Plan& plan, int rank);

}  // namespace lockstep::process

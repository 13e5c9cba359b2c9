// The replay on one operating-system process per rank: each executes its own operations and meets
// its peers over local sockets; an observer judges what the ranks show it, exactly as the replay in
// one process does; the coordinator (this process) starts and watches them and carries no tensor.
// The same plan and options give the same result, bit for bit, as numeric::replay().
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/numeric/replay.h"
#include "backend/numeric/weights.h"
#include "backend/process/crew.h"
#include "backend/process/mesh.h"
#include "backend/process/worker.h"
#include "sim/plan/plan.h"

namespace lockstep::process {

// What the processes compute with, if not with the CPU and the mesh.
struct Backend {
  // Called first in the process of each member, the observer (of id `ranks`) among them. May be
  // empty, as all of these.
  std::function<void(Member& member)> enter;
  using MakeWorker = std::function<std::unique_ptr<Worker>(
      const Plan& plan, const numeric::ReplayOptions& options, Member& member, Mesh& mesh)>;
  MakeWorker worker;
  // Who multiplies for the observer's reference.
  std::function<std::unique_ptr<numeric::DoubleProducts>()> products;
  bool meets_at_rank_0 = false;  // every rank is a peer of rank 0, whatever the plan calls
};

struct ReplayOptions {
  numeric::ReplayOptions numeric;
  Backend backend;
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
  // By rank: what Worker::finish() said in the first run; none if that stopped.
  std::vector<std::vector<std::byte>> workers;
};

// REQUIRES: validate(plan) is empty; one thread.
ReplayOutcome replay(const Plan& plan, const ReplayOptions& options);

// Who is in a part with `rank` in which somebody calls something, ascending. It is mutual. The
// observer is not among them.
std::vector<int> peers_of(const Plan& plan, int rank);

}  // namespace lockstep::process

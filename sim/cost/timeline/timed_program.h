// From a plan to what the engine runs: every operation becomes actions of the ranks that execute
// it, with durations from a cost model. docs/run.md says what the timing means.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/cost/cost_model.h"
#include "sim/cost/fidelity.h"
#include "sim/cost/timeline/calls.h"
#include "sim/cost/timeline/works.h"
#include "sim/events/program.h"
#include "sim/plan/plan.h"

namespace lockstep {

struct TimelineOptions {
  Fidelity fidelity = Fidelity::closed_form;
  // Unset: `graph` in the steps that run in a CUDA graph, else `eager`.
  std::optional<LaunchStyle> launch;
};

// What an action is: Action::label is an index into the table of these.
struct Label {
  int operation = -1;
  int work = -1;      // of kernels: the work
  int kernel = -1;    // and which of its kernels; -1: all of them, in one action
  int call = -1;      // of collectives
  int transfer = -1;  // of send, recv, send_recv
};

struct TimedProgram {
  Program program;
  std::vector<Label> labels;
  std::vector<Work> works;
  std::vector<TimedCall> calls;      // as Program::calls
  std::vector<TimedCall> transfers;  // point to point
  std::vector<LaunchStyle> style_of_step;
  // Calls that the library refuses by itself, each with rank and operation: such a program cannot
  // be run.
  std::vector<std::string> refused;
  std::vector<std::string> notes;  // what a reader of the times must know
};

// REQUIRES: validate(plan) found nothing. `hardware` gives launch constants, and the links of
// Fidelity::messages.
TimedProgram timed_program(const Plan& plan, const CostModel& cost, const Hardware& hardware,
                           const TimelineOptions& options = {});

// "operation 5: all_reduce (dp_gather), layer 0, boundary".
std::string operation_place(const Plan& plan, int operation);

}  // namespace lockstep

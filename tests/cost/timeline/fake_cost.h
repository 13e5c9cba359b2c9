// Durations that a reader can add up: every kernel takes one time, every collective another.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "sim/base/yaml.h"
#include "sim/cost/cost_model.h"
#include "sim/cost/timeline/breakdown.h"
#include "sim/cost/timeline/timed_program.h"
#include "sim/events/engine.h"
#include "sim/program/program.h"

namespace lockstep::test {

inline Duration us(double microseconds) { return from_microseconds(microseconds); }

// Kernels 10 us, collectives 100 us, whatever their shapes; remembers what it was asked.
class FakeCost : public CostModel {
 public:
  Duration kernel(const Kernel& kernel) const override {
    kernels.push_back(kernel);
    return us(10);
  }
  CollectiveTime collective(const CollectiveCall& call) const override {
    calls.push_back(call);
    CollectiveTime time;
    time.launch = us(launch_us);
    time.latency = us(40);
    time.transfer = us(60 - launch_us);
    time.library = "fake";
    time.algorithm = "ring";
    return time;
  }

  double launch_us = 0;  // of the 100
  mutable std::vector<Kernel> kernels;
  mutable std::vector<CollectiveCall> calls;
};

// No gaps and no launches, unless a test says so.
inline Hardware no_launches() {
  Hardware hardware;
  hardware.launch = {0, 0, 0, 0};
  return hardware;
}

inline Plan program(const std::string& text) {
  Result<Document> document = parse_yaml(text, "p.yaml");
  REQUIRE_MESSAGE(document, to_string(document.faults()));
  Result<Plan> plan = read_program(*document, "p", 1);
  CAPTURE(text);
  REQUIRE_MESSAGE(plan, to_string(plan.faults()));
  return std::move(*plan);
}

struct Ran {
  Plan plan;
  TimedProgram timed;
  Timeline timeline;
  Breakdown split;
};

inline Ran ran(Plan plan, const CostModel& cost = FakeCost(),
               const Hardware& hardware = no_launches(), const TimelineOptions& options = {}) {
  Ran result;
  result.timed = timed_program(plan, cost, hardware, options);
  REQUIRE(result.timed.refused.empty());
  result.timeline = run(result.timed.program);
  REQUIRE_FALSE(result.timeline.stuck);
  result.split = breakdown(plan, result.timed, result.timeline);
  result.plan = std::move(plan);
  return result;
}

inline Ran ran(const std::string& text) { return ran(program(text)); }

}  // namespace lockstep::test

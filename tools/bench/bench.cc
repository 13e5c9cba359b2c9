// What each step from a scenario file to a verdict costs, on the scenario that Lockstep was made
// for: Kimi K2.6, 61 layers, eight ranks. docs/performance.md reports the figures.
//
//   cmake --preset default && cmake --build build --target lockstep_bench
//   build/tools/bench/lockstep_bench          (from the repository's root)
#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "backend/numeric/replay.h"
#include "sim/contract/check.h"
#include "sim/plan/plan.h"
#include "sim/scenario/reduce.h"
#include "sim/scenario/scenario.h"

namespace {

using lockstep::Plan;
using lockstep::Scenario;

const char* const kScenario = "scenarios/bugs/sglang/24785-kimi-k2.6-dep8-before.yaml";

// The value, or the end of the program with its faults: there is nothing to measure without it.
template <class T>
T value_or_exit(lockstep::Result<T> result) {
  if (!result) {
    fmt::print(stderr, "{}", lockstep::to_string(result.faults()));
    std::exit(2);
  }
  return *std::move(result);
}

Scenario scenario() { return value_or_exit(lockstep::load_scenario(kScenario)); }
Plan plan() { return value_or_exit(lockstep::lower(scenario())); }
// What `lockstep replay` runs: few tokens, small dimensions, every layer and expert.
Plan reduced_plan() {
  const auto small = lockstep::at_reduced_tokens(scenario().input, plan());
  return lockstep::numeric::at_reduced_dimensions(value_or_exit(lockstep::lower(small)));
}

void read_scenario(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(scenario());
}
BENCHMARK(read_scenario)->Unit(benchmark::kMicrosecond);

void lower_scenario(benchmark::State& state) {
  const Scenario given = scenario();
  for (auto _ : state) benchmark::DoNotOptimize(lockstep::lower(given));
}
BENCHMARK(lower_scenario)->Unit(benchmark::kMicrosecond);

void validate_plan(benchmark::State& state) {
  const Plan given = plan();
  for (auto _ : state) benchmark::DoNotOptimize(lockstep::validate(given));
  state.counters["operations"] = static_cast<double>(given.operations.size());
}
BENCHMARK(validate_plan)->Unit(benchmark::kMicrosecond);

void check_plan(benchmark::State& state) {
  const Plan given = plan();
  for (auto _ : state) benchmark::DoNotOptimize(lockstep::contract::check(given));
  state.counters["operations"] = static_cast<double>(given.operations.size());
}
BENCHMARK(check_plan)->Unit(benchmark::kMicrosecond);

void replay_plan(benchmark::State& state) {
  const Plan given = reduced_plan();
  for (auto _ : state) benchmark::DoNotOptimize(lockstep::numeric::replay(given, {}));
}
BENCHMARK(replay_plan)->Unit(benchmark::kMillisecond);

// ---- many ranks -------------------------------------------------------------------------------

const char* const kAfter = "scenarios/scale/dep16384-after.yaml";
const char* const kBefore = "scenarios/scale/dep16384-before.yaml";

Plan plan_of(const char* file) {
  return value_or_exit(lockstep::lower(value_or_exit(lockstep::load_scenario(file))));
}

void scale_read(benchmark::State& state, const char* file) {
  for (auto _ : state) benchmark::DoNotOptimize(lockstep::load_scenario(file));
}
BENCHMARK_CAPTURE(scale_read, dep16384_after, kAfter)->Unit(benchmark::kMillisecond);

void scale_lower(benchmark::State& state, const char* file) {
  const Scenario given = value_or_exit(lockstep::load_scenario(file));
  for (auto _ : state) benchmark::DoNotOptimize(lockstep::lower(given));
}
BENCHMARK_CAPTURE(scale_lower, dep16384_after, kAfter)->Unit(benchmark::kMillisecond);

void scale_validate(benchmark::State& state, const char* file) {
  const Plan given = plan_of(file);
  for (auto _ : state) benchmark::DoNotOptimize(lockstep::validate(given));
}
BENCHMARK_CAPTURE(scale_validate, dep16384_after, kAfter)->Unit(benchmark::kMillisecond);

void scale_check(benchmark::State& state, const char* file) {
  const Plan given = plan_of(file);
  std::size_t states = 0;
  for (auto _ : state) states = lockstep::contract::check(given).states_made;
  state.counters["states"] = static_cast<double>(states);
}
BENCHMARK_CAPTURE(scale_check, dep16384_after, kAfter)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(scale_check, dep16384_before, kBefore)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(scale_check, dep16384_max_len, "scenarios/scale/dep16384-max-len.yaml")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(scale_check, dp2048_attn_tp8, "scenarios/scale/dp2048-attn-tp8.yaml")
    ->Unit(benchmark::kMillisecond);

// One rank of 16,384 does not call one reduce_scatterv in the middle of the model.
void scale_check_missing_call(benchmark::State& state) {
  Plan given = plan_of(kAfter);
  for (lockstep::Operation& op : given.operations) {
    if (op.kind != lockstep::OpKind::reduce_scatterv || op.site.layer != 30) continue;
    op.ranks = lockstep::RankSet::range(1, given.world - 1);
  }
  for (auto _ : state) benchmark::DoNotOptimize(lockstep::contract::check(given));
}
BENCHMARK(scale_check_missing_call)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();

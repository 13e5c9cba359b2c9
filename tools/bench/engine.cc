// How fast the engine runs a decode step: 61 layers of 16 actions, of which 3 are meetings of all
// ranks, on two streams. Time is per step; run with --benchmark_counters_tabular=true.
#include "sim/events/engine.h"

#include <benchmark/benchmark.h>

namespace {

using lockstep::Action;
using lockstep::ActionKind;
using lockstep::Program;

constexpr int kLayers = 61;

Action action(ActionKind kind, std::int64_t duration_ps, std::int16_t stream = 0) {
  Action made;
  made.kind = kind;
  made.duration = lockstep::Duration(duration_ps);
  made.stream = stream;
  made.communicator = made.call = made.event = 0;
  return made;
}

std::vector<Action> layer(int rank) {
  std::vector<Action> actions;
  for (int i = 0; i < 10; ++i) {
    actions.push_back(action(ActionKind::busy, 1'000'000 + 1'000 * (rank % 17) + 100'000 * i));
    if (i % 4 == 1) actions.push_back(action(ActionKind::meet, 0));
  }
  actions.push_back(action(ActionKind::record, 0));
  actions.push_back(action(ActionKind::wait, 0, 1));
  actions.push_back(action(ActionKind::busy, 2'000'000, 1));
  return actions;
}

Program decode_step(int ranks) {
  Program program;
  program.events = 1;
  program.calls.push_back({"all_reduce", lockstep::Duration(20'000'000), nullptr});
  program.communicators.emplace_back();
  for (int rank = 0; rank < ranks; ++rank) {
    program.communicators[0].push_back(rank);
    std::vector<Action>& list = program.of_rank.emplace_back();
    const std::vector<Action> one = layer(rank);
    for (int i = 0; i < kLayers; ++i) list.insert(list.end(), one.begin(), one.end());
  }
  return program;
}

void run_decode_step(benchmark::State& state) {
  const Program program = decode_step(static_cast<int>(state.range(0)));
  const auto actions = static_cast<double>(program.of_rank.size() * program.of_rank[0].size());
  for (auto _ : state) benchmark::DoNotOptimize(lockstep::run(program).trace_hash);
  state.counters["actions"] = actions;
  state.counters["actions/s"] =
      benchmark::Counter(actions, benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(run_decode_step)->RangeMultiplier(8)->Range(8, 1024)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();

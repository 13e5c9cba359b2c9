#include "backend/nccl/launch/measured.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

namespace lockstep::nccl {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

struct Stretch {
  double start_us = kNever;
  double end_us = -kNever;
  void add(double start, double end) {
    start_us = std::min(start_us, start);
    end_us = std::max(end_us, end);
  }
};

// What ranks did in one repetition of a step.
struct Repetition {
  bool is_graph = false;
  Stretch all;
  std::map<int, std::map<int, Stretch>> operations;  // by operation, then rank
};

// The part of the group in which a rank executes an operation.
using Part = const std::vector<int>*;

// By step, its repetitions in their order.
std::map<int, std::vector<Repetition>> repetitions_of(std::span<const GpuReport> reports) {
  std::map<int, std::vector<Repetition>> steps;
  for (std::size_t rank = 0; rank < reports.size(); ++rank) {
    std::map<int, std::size_t> count;
    for (const TimedRun& run : reports[rank].runs) {
      std::vector<Repetition>& repetitions = steps[run.step];
      const std::size_t index = count[run.step]++;
      if (index == repetitions.size()) repetitions.emplace_back();
      Repetition& repetition = repetitions[index];
      repetition.is_graph = run.is_graph;
      for (const OperationTime& time : run.operations) {
        repetition.all.add(time.start_us, time.end_us);
        repetition.operations[time.operation][static_cast<int>(rank)].add(time.start_us,
                                                                          time.end_us);
      }
    }
  }
  return steps;
}

struct Sample {
  std::vector<double> time;
  std::vector<double> waiting;
};

void add_local(const std::map<int, Stretch>& ranks, Sample& sample) {
  double slowest = 0;
  for (const auto& [rank, s] : ranks) slowest = std::max(slowest, s.end_us - s.start_us);
  sample.time.push_back(slowest);
}

// Each part of the group is a collective of its own; the slowest counts.
void add_communicating(const Plan& plan, const Operation& op, const std::map<int, Stretch>& ranks,
                       Sample& sample) {
  std::map<Part, std::vector<Stretch>> parts;
  for (const auto& [rank, s] : ranks) {
    parts[membership(plan, op.group, rank).members].push_back(s);
  }
  double slowest = 0;
  double waited = 0;
  for (const auto& [part, stretches] : parts) {
    double last_start = -kNever;
    double last_end = -kNever;
    for (const Stretch& s : stretches) {
      last_start = std::max(last_start, s.start_us);
      last_end = std::max(last_end, s.end_us);
    }
    for (const Stretch& s : stretches) waited += last_start - s.start_us;
    slowest = std::max(slowest, last_end - last_start);
  }
  sample.time.push_back(slowest);
  sample.waiting.push_back(waited / static_cast<double>(ranks.size()));
}

}  // namespace

Spread spread_of(std::vector<double> sample) {
  if (sample.empty()) return {};
  std::ranges::sort(sample);
  const auto at = [&](double q) {
    const double place = q * static_cast<double>(sample.size() - 1);
    const auto below = static_cast<std::size_t>(std::floor(place));
    const std::size_t above = std::min(below + 1, sample.size() - 1);
    return sample[below] + (place - std::floor(place)) * (sample[above] - sample[below]);
  };
  return {at(0.5), at(0.25), at(0.75)};
}

Measured measured(const Plan& plan, std::span<const GpuReport> reports) {
  Measured told;
  std::map<int, Sample> samples;
  std::map<int, bool> in_graph;
  for (const auto& [step, repetitions] : repetitions_of(reports)) {
    std::vector<double> whole;
    for (const Repetition& repetition : repetitions) {
      whole.push_back(repetition.all.end_us - repetition.all.start_us);
      for (const auto& [operation, ranks] : repetition.operations) {
        const Operation& op = plan.operations[static_cast<std::size_t>(operation)];
        in_graph[operation] = repetition.is_graph;
        if (communicates(op.kind)) {
          add_communicating(plan, op, ranks, samples[operation]);
        } else {
          add_local(ranks, samples[operation]);
        }
      }
    }
    told.steps.push_back({step, repetitions.front().is_graph, static_cast<int>(repetitions.size()),
                          spread_of(std::move(whole))});
  }
  for (auto& [operation, sample] : samples) {
    const OpKind kind = plan.operations[static_cast<std::size_t>(operation)].kind;
    const auto count = static_cast<int>(sample.time.size());
    told.operations.push_back({operation, in_graph[operation], communicates(kind), count,
                               spread_of(std::move(sample.time)),
                               spread_of(std::move(sample.waiting))});
  }
  return told;
}

}  // namespace lockstep::nccl

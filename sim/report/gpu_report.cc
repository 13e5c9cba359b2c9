#include "sim/report/gpu_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "backend/nccl/launch/measured.h"

namespace lockstep {
namespace {

using nccl::GpuReplayOutcome;
using nccl::Measured;
using nccl::MeasuredOperation;
using nccl::MeasuredStep;
using nccl::Spread;
using Json = nlohmann::ordered_json;

std::size_t call_count(const GpuReplayOutcome& outcome) {
  std::size_t count = 0;
  for (const nccl::GpuReport& report : outcome.reports) {
    for (const nccl::OperationCalls& calls : report.called) count += calls.calls.size();
  }
  return count;
}

std::int64_t peak_bytes(const GpuReplayOutcome& outcome) {
  std::int64_t most = 0;
  for (const nccl::GpuReport& report : outcome.reports) most = std::max(most, report.peak_bytes);
  return most;
}

std::string kind_and_name(const Operation& op) {
  return op.name.empty() ? to_string(op.kind) : op.name;
}

// Of a step: its operations by what they do.
struct Parts {
  double kernels_us = 0;
  double transfers_us = 0;
  double waiting_us = 0;
  double spread = 0;  // of the operations, weighted by their time
};

Parts parts_of(const Plan& plan, const Measured& told, int step) {
  Parts parts;
  for (const MeasuredOperation& op : told.operations) {
    if (plan.operations[static_cast<std::size_t>(op.operation)].site.step != step) continue;
    (op.communicates ? parts.transfers_us : parts.kernels_us) += op.time.median_us;
    parts.waiting_us += op.waiting.median_us;
    parts.spread += op.time.high_us - op.time.low_us;
  }
  const double all = parts.kernels_us + parts.transfers_us;
  parts.spread = all > 0 ? parts.spread / all : 0;
  return parts;
}

// (predicted - measured) / measured, in percent.
double error_percent(double predicted_us, double measured_us) {
  return measured_us > 0 ? 100 * (predicted_us - measured_us) / measured_us : 0;
}

std::string predicted_text(const GpuPrediction& predicted, const MeasuredStep& step) {
  const double us = predicted.step_us[static_cast<std::size_t>(step.step)];
  return fmt::format("  predicted {:.1f} us by {} ({:+.0f} %)\n", us, predicted.hardware,
                     error_percent(us, step.time.median_us));
}

bool has_step(const GpuPrediction* predicted, int step) {
  return predicted != nullptr && std::cmp_less(step, predicted->step_us.size());
}

std::string measured_text(const Plan& plan, const Measured& told, const GpuPrediction* predicted) {
  std::string text;
  for (const MeasuredStep& step : told.steps) {
    const Parts parts = parts_of(plan, told, step.step);
    text += fmt::format(
        "step {}, {} runs {}: {:.1f} us ({:.0f} % between quartiles); kernels {:.1f}, collectives "
        "{:.1f}, waiting {:.1f}; operations spread by {:.0f} %\n",
        step.step, step.repetitions, step.is_graph ? "as a CUDA graph" : "enqueued one by one",
        step.time.median_us, 100 * step.time.relative(), parts.kernels_us, parts.transfers_us,
        parts.waiting_us, 100 * parts.spread);
    if (has_step(predicted, step.step)) text += predicted_text(*predicted, step);
  }
  return text;
}

Json spread_json(const Spread& spread) {
  return {{"median_us", spread.median_us}, {"low_us", spread.low_us}, {"high_us", spread.high_us}};
}

void add_prediction(Json& json, double predicted_us, double measured_us) {
  json["predicted_us"] = predicted_us;
  json["error_percent"] = error_percent(predicted_us, measured_us);
}

Json measured_json(const Plan& plan, const Measured& told, const GpuPrediction* predicted) {
  Json steps = Json::array();
  for (const MeasuredStep& step : told.steps) {
    steps.push_back({{"step", step.step},
                     {"cuda_graph", step.is_graph},
                     {"repetitions", step.repetitions},
                     {"time", spread_json(step.time)}});
    if (!has_step(predicted, step.step)) continue;
    add_prediction(steps.back(), predicted->step_us[static_cast<std::size_t>(step.step)],
                   step.time.median_us);
  }
  Json operations = Json::array();
  for (const MeasuredOperation& m : told.operations) {
    const Operation& op = plan.operations[static_cast<std::size_t>(m.operation)];
    operations.push_back({{"operation", m.operation},
                          {"kind", to_string(op.kind)},
                          {"name", kind_and_name(op)},
                          {"step", op.site.step},
                          {"layer", op.site.layer >= 0 ? Json(op.site.layer) : Json()},
                          {"cuda_graph", m.is_graph},
                          {"repetitions", m.repetitions},
                          {"time", spread_json(m.time)},
                          {"waiting", m.communicates ? spread_json(m.waiting) : Json()}});
    if (predicted == nullptr || !predicted->operation_us.contains(m.operation)) continue;
    add_prediction(operations.back(), predicted->operation_us.at(m.operation), m.time.median_us);
  }
  Json json = {{"steps", std::move(steps)}, {"operations", std::move(operations)}};
  if (predicted != nullptr) json["predicted_by"] = predicted->hardware;
  return json;
}

}  // namespace

std::optional<GpuPrediction> prediction_of(const RunOfPlan& run) {
  if (!run.ended()) return std::nullopt;
  GpuPrediction predicted{run.hardware.name, {}, {}};
  for (const OperationTime& time : run.breakdown.operations) {
    predicted.operation_us[time.operation] = in_microseconds(time.most);
  }
  for (const StepTime& step : run.breakdown.steps) {
    predicted.step_us.push_back(in_microseconds(step.duration()));
  }
  return predicted;
}

std::string gpu_text(const Plan& plan, const GpuReplayOutcome& outcome,
                     const GpuPrediction* predicted) {
  std::string text = fmt::format("{}; {}\n", outcome.machine, outcome.placement);
  for (const std::string& line : outcome.memory) text += line + "\n";
  if (outcome.reports.empty()) return text;
  const bool is_as_planned = outcome.call_difference.empty();
  text +=
      fmt::format("{} NCCL calls by {} ranks, {}; at most {:.2f} GiB of a GPU's memory a rank\n",
                  call_count(outcome), outcome.reports.size(),
                  is_as_planned ? "as the plan says" : outcome.call_difference,
                  static_cast<double>(peak_bytes(outcome)) / (1 << 30));
  const auto noted = std::ranges::find_if(
      outcome.reports, [](const nccl::GpuReport& report) { return !report.note.empty(); });
  if (noted != outcome.reports.end()) {
    text += fmt::format("a step was to be a CUDA graph and is not: {}\n", noted->note);
  }
  return text + measured_text(plan, nccl::measured(plan, outcome.reports), predicted);
}

Json gpu_json(const Plan& plan, const GpuReplayOutcome& outcome, const GpuPrediction* predicted) {
  std::vector<nccl::CallList> called;
  Json peaks = Json::array();
  for (const nccl::GpuReport& report : outcome.reports) {
    called.push_back(report.called);
    peaks.push_back(report.peak_bytes);
  }
  Json json = {{"machine", outcome.machine},
               {"sharing", nccl::to_string(outcome.sharing)},
               {"placement", outcome.placement},
               {"memory", outcome.memory},
               {"peak_bytes", std::move(peaks)}};
  if (called.empty()) return json;
  json["nccl_calls"] = nccl::nccl_calls_json(plan, called, outcome.call_difference);
  json["measured"] = measured_json(plan, nccl::measured(plan, outcome.reports), predicted);
  return json;
}

}  // namespace lockstep

#include "sim/report/calibration_report.h"

#include <fmt/format.h>

#include <map>

#include "sim/base/text.h"
#include "sim/cost/collective_call.h"

namespace lockstep {
namespace {

using Json = nlohmann::ordered_json;

// "8 MiB", "512 B"
std::string size_text(std::int64_t bytes) {
  constexpr std::int64_t kKiB = 1024;
  if (bytes >= kKiB * kKiB * kKiB && bytes % (kKiB * kKiB * kKiB) == 0) {
    return fmt::format("{} GiB", bytes / (kKiB * kKiB * kKiB));
  }
  if (bytes >= kKiB * kKiB && bytes % (kKiB * kKiB) == 0) {
    return fmt::format("{} MiB", bytes / (kKiB * kKiB));
  }
  if (bytes >= kKiB && bytes % kKiB == 0) return fmt::format("{} KiB", bytes / kKiB);
  return fmt::format("{} B", bytes);
}

std::string run_text(const NcclRun& run, const NodeConstants& node) {
  const int count = nodes_of(run, node);
  const std::string nodes = count > 1 ? fmt::format(" on {} nodes", count) : "";
  return fmt::format("{} on {} GPUs{}, launched as {} ({}:{})", to_string(run.kind), run.ranks,
                     nodes, to_string(run.launch), run.file, run.line);
}

double percent(double after, double measured) { return 100 * (after / measured - 1); }

std::string constants_text(const Calibration& calibration) {
  std::string text = fmt::format("{} constants fitted to {} points\n", calibration.fitted.size(),
                                 calibration.points.size());
  for (const CalibratedConstant& constant : calibration.fitted) {
    text += fmt::format("  {:<24} {:>10.4g} -> {:<10.4g} {}\n", constant.path, constant.before,
                        constant.after, constant.unit);
  }
  return text;
}

std::string points_text(const Calibration& calibration, const std::vector<NcclRun>& runs) {
  std::string text;
  std::size_t run = runs.size();
  for (const CalibratedPoint& point : calibration.points) {
    if (point.run != run) {
      run = point.run;
      text += fmt::format("\n{}\n{:>12} {:>13} {:>10} {:>10} {:>8}  {}\n",
                          run_text(runs[run], calibration.hardware.node), "bytes", "measured us",
                          "base us", "fitted us", "error", "path");
    }
    text += fmt::format("{:>12} {:>13.2f} {:>10.2f} {:>10.2f} {:>+7.1f}%  {}\n", point.bytes,
                        point.measured_us, point.before_us, point.after_us,
                        percent(point.after_us, point.measured_us), point.path);
  }
  return text;
}

// One line for each reason, with how many rows and where.
std::string left_out_text(const NcclRun& run) {
  std::map<std::string, std::vector<std::string>> lines;
  for (const LeftOutRow& row : run.left_out) lines[row.why].push_back(fmt::format("{}", row.line));
  std::string text;
  for (const auto& [why, numbers] : lines) {
    const bool one = numbers.size() == 1;
    text += fmt::format("warning: {}: {} row{} of {} left out: {} (line{} {})\n", run.file,
                        numbers.size(), one ? "" : "s", run.points.size() + run.left_out.size(),
                        why, one ? "" : "s", join(numbers, ", "));
  }
  return text;
}

std::string notes_text(const NcclRun& run, const NodeConstants& node) {
  std::string text;
  for (const std::string& note : run.notes) {
    text += fmt::format("warning: {}:{}: {}\n", run.file, run.line, note);
  }
  const int nodes = nodes_of(run, node);
  if (nodes <= run.nodes) return text;
  return text + fmt::format(
                    "warning: {}:{}: {} ranks on {} host{}, but a node of the base has {} GPUs: "
                    "taken as {} nodes\n  hint: give --base a machine with as many GPUs a node\n",
                    run.file, run.line, run.ranks, run.nodes, run.nodes == 1 ? "" : "s",
                    static_cast<int>(node.gpus), nodes);
}

std::string step_text(const ProtocolStep& step, const std::vector<NcclRun>& runs) {
  const std::string where =
      fmt::format("{} on {} GPUs, above {} and at most {}: ", to_string(runs[step.run].kind),
                  runs[step.run].ranks, size_text(step.below), size_text(step.above));
  if (!step.measured) {
    return where +
           fmt::format("the model changes its path ({}), no step was measured\n", step.model);
  }
  const std::string model = step.model.empty() ? "the model has no step there"
                                               : "the model changes its path: " + step.model;
  return where + fmt::format("a step of about {:.1f} us was measured; {}\n", step.step_us, model);
}

}  // namespace

std::string calibration_text(const Calibration& calibration, const std::vector<NcclRun>& runs) {
  std::string text = constants_text(calibration) + points_text(calibration, runs);
  if (!calibration.steps.empty()) {
    text += "\nsteps (where between the two sizes, no measurement tells)\n";
  }
  for (const ProtocolStep& step : calibration.steps) text += "  " + step_text(step, runs);
  text += fmt::format("\nerror of the fit: median {:.1f} %, worst {:.1f} %\n",
                      100 * calibration.median_error, 100 * calibration.worst_error);
  return text;
}

std::string calibration_warnings(const Calibration& calibration, const NcclLog& log) {
  std::string text;
  for (const LeftOutRun& run : log.left_out) {
    text += fmt::format("warning: {}:{}: this run is left out: {}\n", run.file, run.line, run.why);
  }
  for (const NcclRun& run : log.runs) {
    text += left_out_text(run);
    text += notes_text(run, calibration.hardware.node);
    for (const std::string& place : run.repeated_at) {
      text += fmt::format("warning: {} is the run of {}:{} once more; it counts once\n", place,
                          run.file, run.line);
    }
  }
  for (const CalibratedConstant& constant : calibration.fitted) {
    if (constant.doubt.empty()) continue;
    text += fmt::format("warning: {} = {:.4g} {} {}\n", constant.path, constant.after,
                        constant.unit, constant.doubt);
  }
  return text;
}

nlohmann::ordered_json calibration_json(const Calibration& calibration, const NcclLog& log) {
  Json json = {{"schema", "lockstep.calibrate/1"},
               {"hardware", calibration.hardware.name},
               {"parameters", calibration.fitted.size()},
               {"median_error", calibration.median_error},
               {"worst_error", calibration.worst_error}};
  json["constants"] = Json::array();
  for (const CalibratedConstant& constant : calibration.fitted) {
    json["constants"].push_back(
        {{"path", constant.path},
         {"unit", constant.unit},
         {"before", constant.before},
         {"after", constant.after},
         {"doubt", constant.doubt.empty() ? Json() : Json(constant.doubt)}});
  }
  json["runs"] = Json::array();
  for (const NcclRun& run : log.runs) {
    Json left_out = Json::array();
    for (const LeftOutRow& row : run.left_out) {
      left_out.push_back({{"line", row.line}, {"why", row.why}});
    }
    json["runs"].push_back({{"file", run.file},
                            {"line", run.line},
                            {"collective", to_string(run.kind)},
                            {"ranks", run.ranks},
                            {"nodes", nodes_of(run, calibration.hardware.node)},
                            {"launch", to_string(run.launch)},
                            {"left_out", left_out},
                            {"notes", run.notes},
                            {"repeated_at", run.repeated_at}});
  }
  json["left_out"] = Json::array();
  for (const LeftOutRun& run : log.left_out) {
    json["left_out"].push_back({{"file", run.file}, {"line", run.line}, {"why", run.why}});
  }
  json["points"] = Json::array();
  for (const CalibratedPoint& point : calibration.points) {
    json["points"].push_back({{"run", point.run},
                              {"bytes", point.bytes},
                              {"measured_us", point.measured_us},
                              {"base_us", point.before_us},
                              {"fitted_us", point.after_us},
                              {"path", point.path}});
  }
  json["steps"] = Json::array();
  for (const ProtocolStep& step : calibration.steps) {
    json["steps"].push_back({{"run", step.run},
                             {"above_bytes", step.below},
                             {"at_most_bytes", step.above},
                             {"step_us", step.step_us},
                             {"measured", step.measured},
                             {"model", step.model}});
  }
  return json;
}

}  // namespace lockstep

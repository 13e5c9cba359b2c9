#include "sim/report/kernel_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/base/text.h"
#include "sim/base/time.h"

namespace lockstep {
namespace {

std::string shape_text(const KernelRow& row) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : row.shape) parts.push_back(fmt::format("{}={}", name, value));
  return join(parts, ",");
}

// To the picosecond, as the timeline has it. Throws ClockOverflow.
double time_us(const KernelRow& row) {
  try {
    return in_microseconds(from_microseconds(row.estimate.total_us()));
  } catch (const ClockOverflow&) {
    throw ClockOverflow("the kernel of " + shape_text(row),
                        "give a smaller shape, or a GPU with higher rates: gpu.hbm_GBps, "
                        "gpu.bf16_TFLOPS");
  }
}

double error_percent(const KernelRow& row, const nccl::Spread& time) {
  return 100 * (time_us(row) / time.median_us - 1);
}

std::string measured_text(const KernelRow& row) {
  if (!row.measured) return "";
  const auto& [time, why_not] = *row.measured;
  if (!time) return "  not measured: " + why_not;
  return fmt::format("{:>13.2f}{:>10.2f}{:>10.2f}{:>+9.1f}", time->median_us, time->low_us,
                     time->high_us, error_percent(row, *time));
}

void add_measured(nlohmann::ordered_json& told, const KernelRow& row) {
  if (!row.measured) return;
  const auto& [time, why_not] = *row.measured;
  if (!time) {
    told["not_measured"] = why_not;
    return;
  }
  told["measured"] = {
      {"median_us", time->median_us}, {"low_us", time->low_us}, {"high_us", time->high_us}};
  told["error_percent"] = error_percent(row, *time);
}

}  // namespace

std::string kernel_text(const KernelTable& table) {
  std::size_t width = std::string_view("shape").size();
  for (const KernelRow& row : table.rows) width = std::max(width, shape_text(row).size());
  std::string text = fmt::format("{} on {}, without launching\n", table.kind, table.hardware);
  if (!table.accuracy.empty()) text += table.accuracy + "\n";
  if (!table.machine.empty()) text += fmt::format("measured on {}\n", table.machine);
  text += fmt::format("{:<{}}{:>12}{:>9}{:>9}{:>9}", "shape", width, "time us", "bound", "TFLOPS",
                      "GB/s");
  if (!table.machine.empty()) {
    text += fmt::format("{:>13}{:>10}{:>10}{:>9}", "measured us", "low", "high", "error %");
  }
  text += "\n";
  for (const KernelRow& row : table.rows) {
    text += fmt::format("{:<{}}{:>12.2f}{:>9}{:>9.1f}{:>9.0f}{}\n", shape_text(row), width,
                        time_us(row), row.estimate.bound(), row.estimate.tflops(),
                        row.estimate.gigabytes_per_s(), measured_text(row));
  }
  return text;
}

nlohmann::ordered_json kernel_json(const KernelTable& table) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const KernelRow& row : table.rows) {
    nlohmann::ordered_json shape = nlohmann::ordered_json::object();
    for (const auto& [name, value] : row.shape) shape[name] = value;
    rows.push_back({{"shape", std::move(shape)},
                    {"time_us", time_us(row)},
                    {"bound", row.estimate.bound()},
                    {"TFLOPS", row.estimate.tflops()},
                    {"GBps", row.estimate.gigabytes_per_s()},
                    {"floor_us", row.estimate.floor_us},
                    {"compute_us", row.estimate.compute_us},
                    {"memory_us", row.estimate.memory_us}});
    add_measured(rows.back(), row);
  }
  nlohmann::ordered_json told = {
      {"schema", "lockstep.kernel/1"}, {"kernel", table.kind}, {"hardware", table.hardware}};
  if (!table.accuracy.empty()) told["hardware_accuracy"] = table.accuracy;
  if (!table.machine.empty()) told["machine"] = table.machine;
  told["rows"] = std::move(rows);
  return told;
}

}  // namespace lockstep

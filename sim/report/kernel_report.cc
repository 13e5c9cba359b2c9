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

// To the picosecond, as the timeline has it.
double time_us(const KernelRow& row) {
  return in_microseconds(from_microseconds(row.estimate.total_us()));
}

}  // namespace

std::string kernel_text(const KernelTable& table) {
  std::size_t width = std::string_view("shape").size();
  for (const KernelRow& row : table.rows) width = std::max(width, shape_text(row).size());
  std::string text = fmt::format("{} on {}, without launching\n", table.kind, table.hardware);
  text += fmt::format("{:<{}}{:>12}{:>9}{:>9}{:>9}\n", "shape", width, "time us", "bound", "TFLOPS",
                      "GB/s");
  for (const KernelRow& row : table.rows) {
    text +=
        fmt::format("{:<{}}{:>12.2f}{:>9}{:>9.1f}{:>9.0f}\n", shape_text(row), width, time_us(row),
                    row.estimate.bound(), row.estimate.tflops(), row.estimate.gigabytes_per_s());
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
  }
  return {{"schema", "lockstep.kernel/1"},
          {"kernel", table.kind},
          {"hardware", table.hardware},
          {"rows", std::move(rows)}};
}

}  // namespace lockstep

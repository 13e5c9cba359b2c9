#include "sim/report/gpu_report.h"

#include <fmt/format.h>

#include <algorithm>

namespace lockstep {
namespace {

using nccl::GpuReplayOutcome;
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

}  // namespace

std::string gpu_text(const Plan&, const GpuReplayOutcome& outcome) {
  std::string text = fmt::format("{}; {}\n", outcome.machine, outcome.placement);
  if (outcome.reports.empty()) return text;
  const bool is_as_planned = outcome.call_difference.empty();
  text +=
      fmt::format("{} NCCL calls by {} ranks, {}; at most {:.2f} GiB of a GPU's memory a rank\n",
                  call_count(outcome), outcome.reports.size(),
                  is_as_planned ? "as the plan says" : outcome.call_difference,
                  static_cast<double>(peak_bytes(outcome)) / (1 << 30));
  return text;
}

Json gpu_json(const Plan& plan, const GpuReplayOutcome& outcome) {
  Json ranks = Json::array();
  for (std::size_t rank = 0; rank < outcome.reports.size(); ++rank) {
    const nccl::GpuReport& report = outcome.reports[rank];
    Json list = nccl::call_list_json(plan, static_cast<int>(rank), report.called);
    ranks.push_back(
        {{"rank", rank}, {"peak_bytes", report.peak_bytes}, {"nccl_calls", std::move(list)}});
  }
  const bool compared = !outcome.reports.empty();
  return {{"machine", outcome.machine},
          {"placement", outcome.placement},
          {"calls_as_planned", compared ? Json(outcome.call_difference.empty()) : Json()},
          {"call_difference", outcome.call_difference},
          {"ranks", std::move(ranks)}};
}

}  // namespace lockstep

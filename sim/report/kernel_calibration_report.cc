#include "sim/report/kernel_calibration_report.h"

#include <fmt/format.h>

namespace lockstep {

std::string kernel_calibration_text(const KernelCalibration& calibration) {
  std::string text = fmt::format("{} constants of kernels\n", calibration.fitted.size());
  for (const FittedConstant& constant : calibration.fitted) {
    text += fmt::format("  {:<42} {:>10.4g} -> {:<10.4g}\n", constant.path, constant.before,
                        constant.after);
  }
  text += fmt::format("\n{:<16}{:>6}{:>9}{:>17}{:>17}{:>9}\n", "kernel", "rows", "spread",
                      "median before", "median after", "worst");
  for (const KindError& kind : calibration.kinds) {
    text += fmt::format("{:<16}{:>6}{:>7.1f} %{:>15.1f} %{:>15.1f} %{:>7.1f} %\n", kind.kind,
                        kind.rows, 100 * kind.spread, 100 * kind.median_before,
                        100 * kind.median_after, 100 * kind.worst_after);
  }
  if (calibration.left_out == 0) return text;
  return text + fmt::format("{} rows left out: no constant of their format is fitted\n",
                            calibration.left_out);
}

nlohmann::ordered_json kernel_calibration_json(const KernelCalibration& calibration) {
  nlohmann::ordered_json constants = nlohmann::ordered_json::array();
  for (const FittedConstant& constant : calibration.fitted) {
    constants.push_back(
        {{"path", constant.path}, {"before", constant.before}, {"after", constant.after}});
  }
  nlohmann::ordered_json kinds = nlohmann::ordered_json::array();
  for (const KindError& kind : calibration.kinds) {
    kinds.push_back({{"kind", kind.kind},
                     {"rows", kind.rows},
                     {"spread", kind.spread},
                     {"median_before", kind.median_before},
                     {"median_after", kind.median_after},
                     {"worst_after", kind.worst_after}});
  }
  return {{"constants", std::move(constants)},
          {"kinds", std::move(kinds)},
          {"left_out", calibration.left_out}};
}

}  // namespace lockstep

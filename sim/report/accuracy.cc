#include "sim/report/accuracy.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "sim/cost/hardware_file.h"

namespace lockstep {
namespace {

// Presets say first what their numbers are, then "Collectives ..." and "Kernels ...".
std::string part_of(const std::string& text, AccuracyOf part) {
  const std::size_t collectives = text.find("Collectives");
  const std::size_t kernels = text.find("Kernels");
  const bool has_parts = collectives < kernels && kernels != std::string::npos;
  if (!has_parts || part == AccuracyOf::all) return text;
  std::string wanted = text.substr(0, collectives);
  wanted += part == AccuracyOf::kernels ? text.substr(kernels)
                                        : text.substr(collectives, kernels - collectives);
  return wanted.substr(0, wanted.find_last_not_of(' ') + 1);
}

bool is_preset_name(const std::string& name) {
  const std::vector<std::string> names = hardware_preset_names();
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

std::string accuracy_line(const Hardware& hardware, AccuracyOf part) {
  std::string kind = "hardware";
  if (is_preset_name(hardware.name)) {
    const Result<Hardware> preset = load_hardware(hardware.name);
    if (!preset || *preset != hardware) {
      return fmt::format("preset {} with other constants: how far off is not known", hardware.name);
    }
    kind = "preset";
  }
  const std::string text = part_of(hardware.accuracy, part);
  return fmt::format("{} {}: {}", kind, hardware.name,
                     text.empty() ? "how far off is not known" : text);
}

}  // namespace lockstep

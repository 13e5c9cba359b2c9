#include "sim/report/hardware_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "sim/base/require.h"
#include "sim/cost/hardware_file.h"

namespace lockstep {
namespace {

std::vector<Hardware> presets() {
  std::vector<Hardware> all;
  for (const std::string& name : hardware_preset_names()) {
    Result<Hardware> preset = load_hardware(name);
    LOCKSTEP_ASSERT(preset);
    all.push_back(*std::move(preset));
  }
  return all;
}

// One part of the constants: "gpu", with a column for each preset.
std::string values_table(std::span<const HardwareField> fields, std::vector<Hardware>& presets) {
  std::string text = "| constant | unit | meaning |";
  std::string rule = "|--|--|--|";
  for (const Hardware& preset : presets) {
    text += fmt::format(" {} |", preset.name);
    rule += "--:|";
  }
  text += "\n" + rule + "\n";
  for (const HardwareField& field : fields) {
    text += fmt::format("| `{}` | {} | {} |", field.path, field.unit, field.meaning);
    for (Hardware& preset : presets) text += fmt::format(" {} |", field.of(preset));
    text += "\n";
  }
  return text;
}

// Sources in the order of the constants; neighbours with the same source share a line.
std::string sources_of(const Hardware& preset) {
  std::string text;
  const std::vector<HardwareField> fields = all_hardware_fields();
  for (std::size_t i = 0; i < fields.size();) {
    const std::string source = source_of(preset, fields[i].path);
    std::size_t next = i;
    while (next < fields.size() && source_of(preset, fields[next].path) == source) ++next;
    const std::string last =
        next == i + 1 ? std::string() : fmt::format(" to `{}`", fields[next - 1].path);
    text += fmt::format("- `{}`{}: {}\n", fields[i].path, last, source);
    i = next;
  }
  return text;
}

}  // namespace

std::string hardware_page() {
  std::vector<Hardware> all = presets();
  std::string text = "## Constants\n\n";
  for (const auto& fields :
       {node_fields(), gpu_fields(), launch_fields(), nccl_fields(), serving_fields()}) {
    text += values_table(fields, all) + "\n";
  }
  text += "## Presets and their sources\n";
  for (const Hardware& preset : all) {
    text += fmt::format("\n### {}\n\n{} Accuracy: {}\n\n{}", preset.name, preset.about,
                        preset.accuracy, sources_of(preset));
  }
  return text;
}

}  // namespace lockstep

#include "sim/scenario/hardware_section.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "sim/cost/hardware_file.h"
#include "sim/cost/hardware_reader.h"

namespace lockstep {
namespace {

void set_preset(Checker& checker, const Node& name, Hardware& hardware) {
  const std::vector<std::string> known = hardware_preset_names();
  if (!name.is_scalar() || std::ranges::find(known, name.text) == known.end()) {
    checker.fault(name, fmt::format("unknown hardware preset {}", shown(name)),
                  suggestion(name.text, known));
    return;
  }
  Result<Hardware> preset = load_hardware(name.text);
  if (preset) {
    hardware = std::move(*preset);
  } else {
    checker.add_all(preset.faults());
  }
}

// Beside the scenario. One that a setting names may also be where the command is typed: it is
// taken from there if there is none beside the scenario.
std::string path_of_file(const Checker& checker, const Node& name) {
  const std::filesystem::path folder = std::filesystem::path(checker.document().file).parent_path();
  const std::filesystem::path beside = folder / name.text;
  const bool of_setting = name.line <= 0;
  std::error_code ignored;
  if (of_setting && !std::filesystem::exists(beside, ignored) &&
      std::filesystem::exists(name.text, ignored)) {
    return name.text;
  }
  return beside.string();
}

void set_file(Checker& checker, const Node& name, Hardware& hardware) {
  if (!name.is_scalar()) return checker.wrong_type(name, key_at("hardware.file"));
  const Result<Document> document = read_yaml(path_of_file(checker, name));
  if (!document) {
    const char* of_setting = name.line <= 0 ? ", or to the working directory" : "";
    for (const Diagnostic& fault : document.faults()) {
      checker.fault(name, fmt::format("{}: {}", fault.place.file, fault.message),
                    fmt::format("the path is relative to the scenario{}", of_setting));
    }
    return;
  }
  Result<Hardware> read = parse_hardware(document->text, document->file);
  if (read) {
    hardware = std::move(*read);
  } else {
    checker.add_all(read.faults());
  }
}

// `hardware: NAME`, of either kind.
void set_named(Checker& checker, const Node& name, Hardware& hardware) {
  const bool file = name.is_scalar() && names_hardware_file(name.text);
  return file ? set_file(checker, name, hardware) : set_preset(checker, name, hardware);
}

void set_base(Checker& checker, const Node& map, Hardware& hardware) {
  const Node* preset = map.find("preset");
  const Node* file = map.find("file");
  if (preset != nullptr && file != nullptr) {
    checker.fault(*file, "both a preset and a file", "keep one of them");
  } else if (file != nullptr) {
    set_file(checker, *file, hardware);
  } else if (preset != nullptr) {
    set_preset(checker, *preset, hardware);
  }
}

// Without a preset or a file nothing is taken from elsewhere.
void refuse_gaps(Checker& checker, const Node& map, const HardwareReader& reader) {
  std::size_t missing = 0;
  std::string first;
  for (const HardwareField& field : all_hardware_fields()) {
    if (reader.said().contains(std::string(field.path))) continue;
    if (missing++ == 0) first = field.path;
  }
  if (missing == 0) return;
  checker.fault(map,
                fmt::format("'hardware' names neither a preset nor a file, and {} constants are "
                            "missing, '{}' first",
                            missing, first),
                "name a preset for what is the same there: {preset: hgx-h200, nodes: 2}");
}

}  // namespace

void read_hardware(Checker& checker, const Node& root, Scenario& scenario) {
  const Node* value = root.find("hardware");
  scenario.hardware = default_hardware();
  if (value == nullptr) return;
  if (!value->is_map()) return set_named(checker, *value, scenario.hardware);
  checker.refuse_unknown_keys(*value, "hardware");
  checker.read(*value, "hardware", "nodes", scenario.nodes);
  set_base(checker, *value, scenario.hardware);
  const Hardware base = scenario.hardware;
  const std::size_t before = checker.faults_so_far();
  HardwareReader reader(scenario.hardware,
                        [&](const Node& node, std::string message, std::string hint) {
                          checker.fault(node, std::move(message), std::move(hint));
                        });
  for (std::size_t i = 0; i < value->keys.size(); ++i) {
    if (reader.takes(value->keys[i].text)) reader.read(value->keys[i], value->items[i]);
  }
  const bool inline_only = value->find("preset") == nullptr && value->find("file") == nullptr;
  if (inline_only && checker.faults_so_far() == before) refuse_gaps(checker, *value, reader);
  reader.settle_sources(base, "the scenario");
}

}  // namespace lockstep

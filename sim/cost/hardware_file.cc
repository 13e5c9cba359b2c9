#include "sim/cost/hardware_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "sim/base/text.h"
#include "sim/base/yaml.h"
#include "sim/cost/hardware_presets.h"
#include "sim/cost/hardware_reader.h"

namespace lockstep {
namespace {

constexpr int kDeepestBase = 8;  // files that build on each other

Diagnostic whole_file_fault(const std::string& file, std::string message, std::string hint = {}) {
  Diagnostic fault;
  fault.place.file = file;
  fault.message = std::move(message);
  fault.hint = std::move(hint);
  return fault;
}

const HardwarePreset* find_preset(std::string_view name) {
  const auto presets = hardware_presets();
  const auto found = std::ranges::find(presets, name, &HardwarePreset::name);
  return found == presets.end() ? nullptr : &*found;
}

Result<Hardware> read_document(const Document& document, int depth);

Result<Hardware> read_preset(const HardwarePreset& preset) {
  const std::string file = fmt::format("scenarios/hardware/{}.yaml", preset.name);
  const Result<Document> document = parse_yaml(std::string(preset.text), file);
  return document ? read_document(*document, kDeepestBase) : Result<Hardware>(document.faults());
}

// Read when it is first asked for: a bisection or a sweep asks for the same one at every position.
// Presets are part of the program and never change.
const Result<Hardware>& preset_hardware(const HardwarePreset& preset) {
  struct Slot {
    std::once_flag once;
    std::optional<Result<Hardware>> hardware;
  };
  static std::vector<Slot> slots(hardware_presets().size());
  Slot& slot = slots[static_cast<std::size_t>(&preset - hardware_presets().data())];
  std::call_once(slot.once, [&] { slot.hardware = read_preset(preset); });
  return *slot.hardware;
}

// `folder`: where a path begins.
Result<Hardware> load(const std::string& name, const std::filesystem::path& folder, int depth) {
  if (const HardwarePreset* preset = find_preset(name)) return preset_hardware(*preset);
  if (!names_hardware_file(name)) {
    return whole_file_fault(name, fmt::format("there is no hardware preset '{}'", name),
                            hint_for(name, hardware_preset_names()));
  }
  const Result<Document> document = read_yaml((folder / name).string());
  return document ? read_document(*document, depth) : Result<Hardware>(document.faults());
}

// One hardware file while it is read.
class FileReader {
 public:
  FileReader(const Document& document, int depth)
      : document_(document),
        depth_(depth),
        reader_(hardware_, [this](const Node& node, std::string message, std::string hint) {
          fault(node, std::move(message), std::move(hint));
        }) {}

  Result<Hardware> read() {
    const Node& root = document_.root;
    if (!is_hardware_file()) return std::move(faults_);
    read_base();
    for (std::size_t i = 0; i < root.keys.size(); ++i) read_key(root.keys[i], root.items[i]);
    if (faults_.empty() && !has_base_) refuse_gaps();
    if (!faults_.empty()) return std::move(faults_);
    reader_.settle_sources(base_, fmt::format("{}, which names no source", document_.file));
    return std::move(hardware_);
  }

 private:
  void fault(const Node& node, std::string message, std::string hint = {}) {
    faults_.push_back(document_.fault(node, std::move(message), std::move(hint)));
  }

  bool is_hardware_file() {
    const Node* version = document_.root.find("lockstep_hardware");
    if (version == nullptr) {
      fault(document_.root, "this is no hardware file: 'lockstep_hardware: 1' is missing",
            "put it on the first line");
    } else if (version->as_integer() != 1) {
      fault(*version, "'lockstep_hardware' must be 1", "this version reads format 1");
    }
    return faults_.empty();
  }

  void read_base() {
    const Node* base = document_.root.find("base");
    if (base == nullptr) return;
    has_base_ = true;
    if (depth_ == 0) return fault(*base, "hardware files build on each other in a circle");
    const auto folder = std::filesystem::path(document_.file).parent_path();
    Result<Hardware> read = load(base->text, folder, depth_ - 1);
    if (!base->is_scalar() || !read) {
      const std::string why = read ? "it must be a name" : read.faults().front().message;
      return fault(*base, fmt::format("'base' cannot be read: {}", why),
                   "a preset's name, or a path beside this file");
    }
    base_ = *read;
    for (auto& source : base_.sources) {
      source.second = fmt::format("as {}: {}", base_.name, source.second);
    }
    hardware_ = base_;
    hardware_.accuracy.clear();
  }

  void read_key(const Node& key, const Node& value) {
    if (key.text == "lockstep_hardware" || key.text == "base") return;
    if (reader_.takes(key.text)) return reader_.read(key, value);
    fault(key, fmt::format("unknown key '{}' in a hardware file", key.text),
          hint_for(key.text, reader_.keys()));
  }

  void refuse_gaps() {
    std::vector<std::string> missing;
    for (const HardwareField& field : all_hardware_fields()) {
      if (!reader_.said().contains(std::string(field.path))) missing.emplace_back(field.path);
    }
    if (missing.empty()) return;
    fault(document_.root, fmt::format("missing: {}", join(missing, ", ")),
          "name them, or say 'base: hgx-h200' for what is the same there");
  }

  const Document& document_;
  int depth_ = 0;
  bool has_base_ = false;
  Hardware base_;
  Hardware hardware_;
  Diagnostics faults_;
  HardwareReader reader_;
};

Result<Hardware> read_document(const Document& document, int depth) {
  return FileReader(document, depth).read();
}

// The maps that a path stands for: gpu: {sms: 80}.
Node nested(std::string_view path, Node value) {
  const std::size_t dot = path.rfind('.');
  Node key;
  key.kind = Node::Kind::scalar;
  key.text = std::string(dot == std::string_view::npos ? path : path.substr(dot + 1));
  Node map;
  map.kind = Node::Kind::map;
  map.keys.push_back(std::move(key));
  map.items.push_back(std::move(value));
  return dot == std::string_view::npos ? map : nested(path.substr(0, dot), std::move(map));
}

void apply(const Setting& setting, Hardware& hardware, Diagnostics& faults) {
  const std::string written = fmt::format("--set {}={}", setting.path, setting.value);
  const auto refuse = [&](const Node&, std::string message, std::string hint) {
    faults.push_back(whole_file_fault(written, std::move(message), std::move(hint)));
  };
  const Result<Document> value = parse_yaml(setting.value, written);
  if (!value) return refuse({}, value.faults().front().message, value.faults().front().hint);
  const Node root = nested(setting.path, value->root);
  const Hardware before = hardware;
  HardwareReader reader(hardware, refuse);
  if (!reader.takes(root.keys.front().text)) {
    return refuse({}, fmt::format("there is no constant '{}'", setting.path),
                  hint_for(root.keys.front().text, reader.keys()));
  }
  reader.read(root.keys.front(), root.items.front());
  reader.settle_sources(before, written);
}

}  // namespace

bool names_hardware_file(std::string_view preset_or_path) {
  return preset_or_path.find('/') != std::string_view::npos || preset_or_path.ends_with(".yaml") ||
         preset_or_path.ends_with(".yml");
}

std::vector<std::string> hardware_preset_names() {
  std::vector<std::string> names;
  for (const HardwarePreset& preset : hardware_presets()) names.emplace_back(preset.name);
  return names;
}

const Hardware& default_hardware() { return *preset_hardware(*find_preset("hgx-h200")); }

Result<Hardware> load_hardware(const std::string& preset_or_path,
                               const std::vector<Setting>& settings) {
  Result<Hardware> hardware = load(preset_or_path, {}, kDeepestBase);
  if (!hardware) return hardware;
  Diagnostics faults;
  for (const Setting& setting : settings) apply(setting, *hardware, faults);
  if (!faults.empty()) return faults;
  return hardware;
}

Result<Hardware> parse_hardware(std::string text, const std::string& file) {
  const Result<Document> document = parse_yaml(std::move(text), file);
  return document ? read_document(*document, kDeepestBase) : Result<Hardware>(document.faults());
}

}  // namespace lockstep

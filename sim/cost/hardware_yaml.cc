#include <fmt/format.h>

#include <algorithm>

#include "sim/base/text.h"
#include "sim/cost/hardware_file.h"

namespace lockstep {
namespace {

// A YAML scalar in double quotes.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + '"';
}

// The maps that `path` has and the path before it had not, and its own name, on a line each.
std::string opened(const std::vector<std::string>& path, const std::vector<std::string>& before) {
  std::size_t same = 0;
  while (same + 1 < path.size() && same + 1 < before.size() && path[same] == before[same]) ++same;
  std::string text;
  for (std::size_t i = same; i < path.size(); ++i) {
    text += fmt::format("{}{}{}:", i == same ? "" : "\n", std::string(2 * i, ' '), path[i]);
  }
  return text;
}

// Constants with a common beginning of their paths stand together, in the order of the first.
std::vector<HardwareField> grouped(std::vector<HardwareField> fields, std::size_t from = 0) {
  std::vector<HardwareField> out;
  while (!fields.empty()) {
    const std::string_view path = fields.front().path;
    const std::size_t dot = path.find('.', from);
    if (dot == std::string_view::npos) {
      out.push_back(fields.front());
      fields.erase(fields.begin());
      continue;
    }
    const std::string_view prefix = path.substr(0, dot + 1);
    std::vector<HardwareField> family;
    std::ranges::copy_if(fields, std::back_inserter(family),
                         [&](const auto& f) { return f.path.starts_with(prefix); });
    std::erase_if(fields, [&](const auto& f) { return f.path.starts_with(prefix); });
    for (const HardwareField& field : grouped(std::move(family), dot + 1)) out.push_back(field);
  }
  return out;
}

}  // namespace

std::string hardware_yaml(const Hardware& hardware) {
  std::string text = "lockstep_hardware: 1\n";
  text += fmt::format("name: {}\n", quoted(hardware.name));
  if (!hardware.about.empty()) text += fmt::format("about: {}\n", quoted(hardware.about));
  if (!hardware.accuracy.empty()) text += fmt::format("accuracy: {}\n", quoted(hardware.accuracy));
  text += fmt::format("generation: {}\n", hardware.generation);
  Hardware values = hardware;
  std::vector<std::string> before;
  for (const HardwareField& field : grouped(all_hardware_fields())) {
    const std::vector<std::string> path = split(field.path, '.');
    text += fmt::format("{} {}\n", opened(path, before), field.of(values));
    before = path;
  }
  if (hardware.sources.empty()) return text;
  text += "sources:\n";
  for (const auto& [path, source] : hardware.sources) {
    text += fmt::format("  {}: {}\n", path, quoted(source));
  }
  return text;
}

}  // namespace lockstep

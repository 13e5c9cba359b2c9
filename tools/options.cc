#include "tools/options.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "sim/base/text.h"
#include "sim/cost/hardware_file.h"
#include "tools/commands.h"

namespace lockstep::tools {

Variant Common::variant() const {
  if (fixed) return {Variant::Kind::fixed, 0};
  if (neighbour != 0) return {Variant::Kind::neighbour, neighbour};
  return {};
}

CLI::Validator whole_number(std::int64_t least, std::int64_t most) {
  const auto refuse = [least, most](const std::string& text) -> std::string {
    const auto number = parse_integer(text);
    if (number && *number >= least && *number <= most) return {};
    return fmt::format("expected a whole number from {} to {}, not '{}'", with_commas(least),
                       with_commas(most), text);
  };
  return {refuse, fmt::format("{} to {}", with_commas(least), with_commas(most))};
}

void add_variant(CLI::App& command, Common& common) {
  CLI::Option* fixed =
      command.add_flag("--fixed", common.fixed, "take each file with the edits of its `fix`");
  command.add_option("--neighbour", common.neighbour, "with those of its neighbour N, from 1")
      ->check(whole_number(1, 1'000))
      ->excludes(fixed);
}

Result<std::vector<Setting>> parse_settings(const std::vector<std::string>& texts) {
  std::vector<Setting> settings;
  Diagnostics faults;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      faults.push_back({{},
                        "",
                        fmt::format("--set {}: expected path=value", text),
                        "",
                        "for example --set parallel.ep_size=1"});
      continue;
    }
    settings.push_back({text.substr(0, equals), text.substr(equals + 1)});
  }
  if (!faults.empty()) return faults;
  return settings;
}

Result<Hardware> hardware_with(const std::string& preset_or_path,
                               const std::vector<std::string>& set) {
  const Result<std::vector<Setting>> settings = parse_settings(set);
  if (!settings) return settings.faults();
  return load_hardware(preset_or_path, *settings);
}

Style style_of(std::FILE* stream) {
  const char* refused = std::getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe): one thread
  const bool allowed = refused == nullptr || *refused == '\0';
  return {allowed && isatty(fileno(stream)) == 1};
}

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

int fail(const Diagnostics& faults) {
  const std::string text = to_string(faults);
  std::fwrite(text.data(), 1, text.size(), stderr);
  return kBadInput;
}

int worse(int a, int b) {
  constexpr std::array<int, 6> kFromGoodToBad{kGood,          kUndecided, kBad,
                                              kProcessFailed, kNoBackend, kBadInput};
  const auto badness = [&](int code) {
    return std::find(kFromGoodToBad.begin(), kFromGoodToBad.end(), code) - kFromGoodToBad.begin();
  };
  return badness(a) < badness(b) ? b : a;
}

}  // namespace lockstep::tools

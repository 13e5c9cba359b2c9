#include "sim/scenario/checkpoints.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "sim/base/text.h"
#include "sim/scenario/model_presets.h"

namespace lockstep {
namespace {

using Overrides = std::vector<std::pair<std::string, std::string>>;

struct Lineage {
  std::string name;  // in lower case
  std::string preset;
  Overrides overrides;
};

// Published checkpoints with the layers of a preset of another name; their config.json say so.
const std::vector<Lineage>& families() {
  static const std::vector<Lineage> all = {
      {"deepseek-v3.1", "deepseek-v3", {}},      {"qwen2-57b-a14b", "qwen2-moe-57b-a14b", {}},
      {"meta-llama-3.1-8b", "llama-3.1-8b", {}}, {"meta-llama-3.1-70b", "llama-3.1-70b", {}},
      {"mixtral-8x7b-v0.1", "mixtral-8x7b", {}}, {"mixtral-8x7b-instruct-v0.1", "mixtral-8x7b", {}},
  };
  return all;
}

struct Quantization {
  std::string_view word;
  std::string_view scheme;  // of model.quantization
};
constexpr auto kQuantizations = std::to_array<Quantization>({{"fp8", "fp8"},
                                                             {"nvfp4", "nvfp4"},
                                                             {"fp4", "nvfp4"},
                                                             {"mxfp4", "mxfp4"},
                                                             {"int4", "int4"},
                                                             {"awq", "int4"},
                                                             {"w4a16", "int4"},
                                                             {"int8", "int8"},
                                                             {"w8a8", "int8"},
                                                             {"bf16", "none"}});
constexpr auto kVariants = std::to_array<std::string_view>(
    {"base", "chat", "dynamic", "instruct", "it", "quantized", "terminus", "thinking", "v2"});

bool is_date(std::string_view word) {
  return (word.size() == 4 || word.size() == 6) &&
         std::ranges::all_of(word, [](unsigned char c) { return std::isdigit(c) != 0; });
}

void set(Overrides& overrides, const std::string& key, std::string_view value) {
  const auto known = std::ranges::find(overrides, key, &Overrides::value_type::first);
  if (known == overrides.end()) {
    overrides.emplace_back(key, value);
  } else {
    known->second = value;
  }
}

// What `words` say beside the family's name; nullopt if one of them means something else.
std::optional<Checkpoint> variant(const Lineage& family, const std::vector<std::string>& words) {
  Checkpoint checkpoint{family.preset, family.overrides, {}};
  for (const std::string& word : words) {
    const auto scheme = std::ranges::find(kQuantizations, word, &Quantization::word);
    if (scheme != kQuantizations.end()) {
      set(checkpoint.overrides, "quantization", scheme->scheme);
    } else if (is_date(word) || std::ranges::find(kVariants, word) != kVariants.end()) {
      checkpoint.assumed.push_back(word);
    } else {
      return std::nullopt;
    }
  }
  return checkpoint;
}

std::vector<Lineage> all_families() {
  std::vector<Lineage> all = families();
  for (const std::string& preset : model_preset_names()) all.push_back({preset, preset, {}});
  // The longest first; a preset's own name before an equal one.
  std::ranges::stable_sort(all, [](const Lineage& a, const Lineage& b) {
    return a.name.size() != b.name.size() ? a.name.size() > b.name.size()
                                          : (a.name == a.preset) > (b.name == b.preset);
  });
  return all;
}

}  // namespace

std::string checkpoint_name(std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  const std::size_t cache = path.rfind("models--");
  if (cache != std::string_view::npos) {
    path = path.substr(cache, path.find('/', cache) - cache);
    path.remove_prefix(path.rfind("--") + 2);
  }
  const std::size_t slash = path.rfind('/');
  if (slash != std::string_view::npos) path.remove_prefix(slash + 1);
  std::string name(path);
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

std::optional<Checkpoint> find_checkpoint(const std::string& name) {
  for (const Lineage& family : all_families()) {
    if (!name.starts_with(family.name)) continue;
    const std::string rest = name.substr(family.name.size());
    if (rest.empty()) return Checkpoint{family.preset, family.overrides, {}};
    if (rest[0] != '-') continue;
    if (auto found = variant(family, split(rest.substr(1), '-'))) return found;
  }
  return std::nullopt;
}

std::vector<std::string> known_checkpoints() {
  std::vector<std::string> names;
  for (const Lineage& family : families()) names.push_back(family.name);
  for (const std::string& preset : model_preset_names()) names.push_back(preset);
  return names;
}

}  // namespace lockstep

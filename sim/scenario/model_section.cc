#include "sim/scenario/model_section.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "sim/base/text.h"
#include "sim/scenario/model_presets.h"

namespace lockstep {
namespace {

constexpr std::string_view kSection = "model";

// The DeepSeek family: the architectures whose layers and sums section 6.2 of the reference sheet
// describes.
const std::vector<std::string>& modelled_architectures() {
  static const std::vector<std::string> names{"DeepseekV3ForCausalLM", "DeepseekV2ForCausalLM",
                                              "KimiK25ForConditionalGeneration",
                                              "GlmMoeDsaForCausalLM"};
  return names;
}

void read_architecture(Checker& checker, const Node& map, Model& model) {
  const Node* list = map.find("architectures");
  if (list == nullptr) return;
  const bool one = list->is_sequence() && list->items.size() == 1 && list->items[0].is_scalar();
  if (!one) return checker.wrong_type(*list, key_at("model.architectures"));
  const Node& name = list->items[0];
  if (std::ranges::count(modelled_architectures(), name.text) == 0) {
    return checker.fault(name, fmt::format("architecture {} is not modelled yet", shown(name)),
                         "the nearest that are: " + join(modelled_architectures(), ", "));
  }
  model.architecture = name.text;
}

void read_layers(Checker& checker, const Node& map, Model& model) {
  checker.read(map, kSection, "num_hidden_layers", model.num_hidden_layers);
  checker.read(map, kSection, "hidden_size", model.hidden_size);
  checker.read(map, kSection, "first_k_dense_replace", model.first_k_dense_replace);
  checker.read(map, kSection, "moe_layer_freq", model.moe_layer_freq);
  checker.read(map, kSection, "intermediate_size", model.intermediate_size);
  checker.read(map, kSection, "vocab_size", model.vocab_size);
  checker.read(map, kSection, "max_position_embeddings", model.max_position_embeddings);
  checker.read(map, kSection, "rms_norm_eps", model.rms_norm_eps);
  checker.read(map, kSection, "rope_theta", model.rope_theta);
  checker.read(map, kSection, "quantization", model.quantization);
}

void read_experts(Checker& checker, const Node& map, Model& model) {
  checker.read(map, kSection, "moe_intermediate_size", model.moe_intermediate_size);
  checker.read(map, kSection, "n_routed_experts", model.n_routed_experts);
  checker.read(map, kSection, "num_experts_per_tok", model.num_experts_per_tok);
  checker.read(map, kSection, "n_shared_experts", model.n_shared_experts);
  checker.read(map, kSection, "n_group", model.n_group);
  checker.read(map, kSection, "topk_group", model.topk_group);
  checker.read(map, kSection, "routed_scaling_factor", model.routed_scaling_factor);
  checker.read(map, kSection, "norm_topk_prob", model.norm_topk_prob);
  checker.read(map, kSection, "scoring_func", model.scoring_func);
}

void read_attention(Checker& checker, const Node& map, Model& model) {
  checker.read(map, kSection, "num_attention_heads", model.num_attention_heads);
  checker.read(map, kSection, "num_key_value_heads", model.num_key_value_heads);
  checker.read(map, kSection, "q_lora_rank", model.q_lora_rank);
  checker.read(map, kSection, "kv_lora_rank", model.kv_lora_rank);
  checker.read(map, kSection, "qk_nope_head_dim", model.qk_nope_head_dim);
  checker.read(map, kSection, "qk_rope_head_dim", model.qk_rope_head_dim);
  checker.read(map, kSection, "v_head_dim", model.v_head_dim);
}

void read_keys(Checker& checker, const Node& map, Model& model) {
  read_architecture(checker, map, model);
  checker.read(map, kSection, "model_type", model.model_type);
  read_layers(checker, map, model);
  read_experts(checker, map, model);
  read_attention(checker, map, model);
}

void require_keys(Checker& checker, const Node& map) {
  std::vector<std::string> missing;
  for (const Key& key : all_keys()) {
    const bool required = key.section() == kSection && key.fallback == "required";
    if (required && map.find(key.name()) == nullptr) missing.emplace_back(key.name());
  }
  if (missing.empty()) return;
  checker.fault(map, "the model lacks " + join(missing, ", "),
                "name a preset to take the rest from: " + join(model_preset_names(), ", "));
}

void check_experts(Checker& checker, const Node& value, const Model& m) {
  if (m.n_routed_experts == 0) return;
  if (m.moe_intermediate_size == 0) {
    checker.fault(value, "a model with routed experts needs 'moe_intermediate_size'");
  }
  if (m.num_experts_per_tok < 1 || m.num_experts_per_tok > m.n_routed_experts) {
    checker.fault(value, fmt::format("'num_experts_per_tok' must be from 1 to n_routed_experts "
                                     "({}), not {}",
                                     m.n_routed_experts, m.num_experts_per_tok));
  }
  if (m.n_routed_experts % m.n_group != 0) {
    checker.fault(value, fmt::format("n_routed_experts ({}) must be a multiple of n_group ({})",
                                     m.n_routed_experts, m.n_group));
  } else if (m.topk_group > m.n_group) {
    checker.fault(value, fmt::format("'topk_group' ({}) must not exceed n_group ({})", m.topk_group,
                                     m.n_group));
  } else if (m.num_experts_per_tok > m.n_routed_experts / m.n_group * m.topk_group) {
    checker.fault(value, fmt::format("the {} groups kept per token have fewer than "
                                     "num_experts_per_tok ({}) experts",
                                     m.topk_group, m.num_experts_per_tok));
  }
}

void check_consistency(Checker& checker, const Node& value, const Model& m) {
  if (m.first_k_dense_replace > m.num_hidden_layers) {
    checker.fault(value, fmt::format("'first_k_dense_replace' ({}) must not exceed "
                                     "num_hidden_layers ({})",
                                     m.first_k_dense_replace, m.num_hidden_layers));
  }
  check_experts(checker, value, m);
  if (!(m.rms_norm_eps > 0)) checker.fault(value, "'rms_norm_eps' must be above 0");
  if (!(m.rope_theta > 0)) checker.fault(value, "'rope_theta' must be above 0");
}

// ---- presets and config.json ------------------------------------------------------------------

const Node* find_below(const Node* node, std::initializer_list<std::string_view> path) {
  for (const std::string_view name : path) {
    if (node == nullptr) return nullptr;
    node = node->find(name);
  }
  return node;
}

std::string text_below(const Node& node, std::initializer_list<std::string_view> path) {
  const Node* found = find_below(&node, path);
  return found != nullptr && found->is_scalar() ? found->text : std::string();
}

// The scheme in one word: compressed-tensors with 4-bit integers is "int4", ModelOpt's NVFP4
// "nvfp4"; otherwise the quant_method itself ("fp8").
std::string quantization_of(const Node& config) {
  const std::string method = text_below(config, {"quant_method"});
  const auto weights = {std::string_view("config_groups"), std::string_view("group_0"),
                        std::string_view("weights")};
  const Node* group = find_below(&config, weights);
  if (method == "modelopt" && text_below(config, {"quant_algo"}) == "NVFP4") return "nvfp4";
  if (method == "compressed-tensors" && group != nullptr) {
    return text_below(*group, {"type"}) + text_below(*group, {"num_bits"});
  }
  return method.empty() ? "none" : method;
}

// The modelled keys of a published file; null means absent there.
Node modelled_keys(const Node& outer) {
  const Node* text_config = outer.find("text_config");
  const Node& inner = text_config != nullptr && text_config->is_map() ? *text_config : outer;
  Node kept = inner;
  kept.keys.clear();
  kept.items.clear();
  const auto keep = [&](const Node& key, const Node& value) {
    kept.keys.push_back(key);
    kept.items.push_back(value);
  };
  for (std::size_t i = 0; i < inner.keys.size(); ++i) {
    const Key* known = find_key(kSection, inner.keys[i].text);
    const bool published = known != nullptr && known->source == "config.json";
    const bool outermost = inner.keys[i].text == "architectures";
    if (published && !outermost && !inner.items[i].is_null()) keep(inner.keys[i], inner.items[i]);
  }
  for (std::size_t i = 0; i < outer.keys.size(); ++i) {
    if (outer.keys[i].text == "architectures") keep(outer.keys[i], outer.items[i]);
  }
  const Node* rope = inner.find("rope_parameters");
  const Node* theta = find_below(rope, {"rope_theta"});
  if (theta != nullptr && inner.find("rope_theta") == nullptr) {
    Node key = *theta;
    key.text = "rope_theta";
    keep(key, *theta);
  }
  return kept;
}

std::string quantization_of_file(const Node& outer) {
  const Node* config = outer.find("quantization_config");
  if (config == nullptr) config = find_below(&outer, {"text_config", "quantization_config"});
  return config == nullptr || !config->is_map() ? "none" : quantization_of(*config);
}

bool read_config(Checker& scenario, FaultList& faults, const Node& path,
                 const std::string& scenario_file, Model& model) {
  const std::filesystem::path beside = std::filesystem::path(scenario_file).parent_path();
  const std::string file = (beside / path.text).string();
  Result<Document> document = read_yaml(file);
  if (!document) {
    for (const Diagnostic& fault : document.faults()) {
      if (fault.place.line > 0) {
        faults.add(fault);
      } else {
        scenario.fault(path, fmt::format("{}: {}", file, fault.message),
                       "the path is relative to the scenario");
      }
    }
    return false;
  }
  const std::size_t before = faults.size();
  const std::vector<std::string> no_settings;
  Checker checker(*document, faults, no_settings);
  if (!checker.is_map(document->root, "config.json")) return false;
  const Node keys = modelled_keys(document->root);
  if (keys.find("architectures") == nullptr) {
    checker.fault(document->root, "'architectures' is missing",
                  "is this the config.json of a model?");
  }
  read_keys(checker, keys, model);
  require_keys(checker, keys);
  model.quantization = quantization_of_file(document->root);
  model.name = path.text;
  return faults.size() == before;
}

bool read_preset(Checker& checker, FaultList& faults, const Node& name, Model& model) {
  const std::vector<std::string> names = model_preset_names();
  const auto found = std::ranges::find(model_presets(), name.text, &ModelPreset::name);
  if (!name.is_scalar() || found == model_presets().end()) {
    const bool is_file = name.text.ends_with(".json");
    checker.fault(name, fmt::format("unknown model preset {}", shown(name)),
                  is_file ? fmt::format("for a file write {{config: {}}}", name.text)
                          : suggestion(name.text, names));
    return false;
  }
  Result<Document> document =
      parse_yaml(std::string(found->text), fmt::format("preset {}", found->name));
  if (!document) {
    faults.add_all(document.faults());
    return false;
  }
  const std::size_t before = faults.size();
  const std::vector<std::string> no_settings;
  Checker preset(*document, faults, no_settings);
  preset.refuse_unknown_keys(document->root, kSection);
  require_keys(preset, document->root);
  read_keys(preset, document->root, model);
  model.name = std::string(found->name);
  return faults.size() == before;
}

// What the keys beside `preset` or `config` override; false after a fault.
bool read_base(Checker& checker, FaultList& faults, const Node& value,
               const std::string& scenario_file, Model& model) {
  const Node* preset = value.find("preset");
  const Node* config = value.find("config");
  if (preset != nullptr && config != nullptr) {
    checker.fault(*config, "'preset' and 'config' exclude each other", "keep one of them");
    return false;
  }
  if (preset != nullptr) return read_preset(checker, faults, *preset, model);
  if (config == nullptr) {
    const std::size_t before = faults.size();
    require_keys(checker, value);
    return faults.size() == before;
  }
  if (!config->is_scalar()) {
    checker.wrong_type(*config, key_at("model.config"));
    return false;
  }
  return read_config(checker, faults, *config, scenario_file, model);
}

}  // namespace

std::optional<Model> read_model(Checker& checker, FaultList& faults, const Node& value,
                                const std::string& scenario_file) {
  Model model;
  model.name = "inline";
  model.architecture = "DeepseekV3ForCausalLM";
  model.model_type = "deepseek_v3";
  const std::size_t before = faults.size();
  if (value.is_map()) {
    checker.refuse_unknown_keys(value, kSection);
    const bool complete = read_base(checker, faults, value, scenario_file, model);
    read_keys(checker, value, model);
    if (!complete) return std::nullopt;
  } else if (value.is_scalar()) {
    if (!read_preset(checker, faults, value, model)) return std::nullopt;
  } else {
    checker.wrong_type(value, key_at("model"));
    return std::nullopt;
  }
  if (model.num_key_value_heads == 0) model.num_key_value_heads = model.num_attention_heads;
  if (faults.size() == before) check_consistency(checker, value, model);
  if (faults.size() != before) return std::nullopt;
  return model;
}

}  // namespace lockstep

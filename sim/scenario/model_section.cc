#include "sim/scenario/model_section.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "sim/base/text.h"
#include "sim/scenario/config_json.h"
#include "sim/scenario/model_check.h"
#include "sim/scenario/model_presets.h"
#include "sim/serving/family.h"

namespace lockstep {
namespace {

constexpr std::string_view kSection = "model";

// "Qwen3Moe" of Qwen3MoeForCausalLM: what tells one architecture from another.
std::string stem_of(std::string_view architecture) {
  return std::string(architecture.substr(0, architecture.find("For")));
}

// The nearest by the part before "For", which is what the class ending would hide, then by the
// whole name; otherwise all.
std::string nearest_architecture(std::string_view name) {
  const std::vector<std::string> known = modelled_architectures();
  std::vector<std::string> stems;
  for (const std::string& architecture : known) stems.push_back(stem_of(architecture));
  if (const auto near = nearest(stem_of(name), stems)) {
    const auto at = std::ranges::find(stems, *near) - stems.begin();
    return "the nearest that is: " + known[static_cast<std::size_t>(at)];
  }
  if (const auto near = nearest(name, known)) return "the nearest that is: " + *near;
  return "those that are: " + join(known, ", ") + "; describe others in serving.family";
}

// A model whose family is described beside the scenario (serving.family) may have any architecture.
bool has_own_family(const Checker& checker) {
  const Node* serving = checker.document().root.find("serving");
  const Node* family = serving != nullptr ? serving->find("family") : nullptr;
  return family != nullptr && !family->is_null();
}

void read_architecture(Checker& checker, const Node* list, bool any, Model& model) {
  if (list == nullptr) return;
  const bool one = list->is_sequence() && list->items.size() == 1 && list->items[0].is_scalar();
  if (!one) return checker.wrong_type(*list, key_at("model.architectures"));
  Node name = list->items[0];
  name.quoted = false;  // in a config.json every name is quoted: no need to say so
  if (!any && !is_modelled(name.text)) {
    return checker.fault(name, fmt::format("architecture {} is not modelled yet", shown(name)),
                         nearest_architecture(name.text));
  }
  model.architecture = name.text;
}

// Layer numbers; a number beyond the last layer has no effect, as in the model's own code.
void read_dense_layers(Checker& checker, const Node& map, Model& model) {
  const Node* list = map.find("mlp_only_layers");
  if (list == nullptr) return;
  const Key& key = key_at("model.mlp_only_layers");
  const bool short_list = list->is_sequence() && list->items.size() <= 10'000;
  if (!short_list) return checker.wrong_type(*list, key);
  std::vector<int> layers;
  for (const Node& item : list->items) {
    const auto layer = checker.integer(item, key);
    if (!layer) return;
    layers.push_back(static_cast<int>(*layer));
  }
  model.mlp_only_layers = std::move(layers);
}

void read_layer_types(Checker& checker, const Node& map, Model& model) {
  const Node* list = map.find("layer_types");
  if (list == nullptr) return;
  const Key& key = key_at("model.layer_types");
  const bool short_list = list->is_sequence() && list->items.size() <= 10'000;
  if (!short_list) return checker.wrong_type(*list, key);
  std::vector<std::string> types;
  for (const Node& item : list->items) {
    const bool known = item.text == "sliding_attention" || item.text == "full_attention";
    if (!item.is_scalar() || !known) {
      return checker.fault(item, fmt::format("unknown layer type {}", shown(item)),
                           "those that are modelled: sliding_attention, full_attention");
    }
    types.push_back(item.text);
  }
  model.layer_types = std::move(types);
}

void read_layers(Checker& checker, const Node& map, Model& model) {
  checker.read(map, kSection, "num_hidden_layers", model.num_hidden_layers);
  checker.read(map, kSection, "hidden_size", model.hidden_size);
  checker.read(map, kSection, "first_k_dense_replace", model.first_k_dense_replace);
  checker.read(map, kSection, "moe_layer_freq", model.moe_layer_freq);
  checker.read(map, kSection, "decoder_sparse_step", model.decoder_sparse_step);
  read_dense_layers(checker, map, model);
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
  checker.read(map, kSection, "shared_expert_intermediate_size",
               model.shared_expert_intermediate_size);
  checker.read(map, kSection, "n_group", model.n_group);
  checker.read(map, kSection, "topk_group", model.topk_group);
  checker.read(map, kSection, "routed_scaling_factor", model.routed_scaling_factor);
  checker.read(map, kSection, "norm_topk_prob", model.norm_topk_prob);
  checker.read(map, kSection, "scoring_func", model.scoring_func);
  checker.read(map, kSection, "topk_method", model.topk_method);
  checker.read(map, kSection, "router_bias", model.router_bias);
  checker.read(map, kSection, "shared_expert_gate", model.shared_expert_gate);
  checker.read(map, kSection, "expert_bias", model.expert_bias);
  checker.read(map, kSection, "swiglu_limit", model.swiglu_limit);
}

void read_attention(Checker& checker, const Node& map, Model& model) {
  checker.read(map, kSection, "num_attention_heads", model.num_attention_heads);
  checker.read(map, kSection, "num_key_value_heads", model.num_key_value_heads);
  checker.read(map, kSection, "head_dim", model.head_dim);
  checker.read(map, kSection, "attention_bias", model.attention_bias);
  checker.read(map, kSection, "qkv_bias", model.qkv_bias);
  checker.read(map, kSection, "use_qk_norm", model.use_qk_norm);
  checker.read(map, kSection, "attention_sinks", model.attention_sinks);
  checker.read(map, kSection, "partial_rotary_factor", model.partial_rotary_factor);
  checker.read(map, kSection, "sliding_window", model.sliding_window);
  read_layer_types(checker, map, model);
  checker.read(map, kSection, "q_lora_rank", model.q_lora_rank);
  checker.read(map, kSection, "kv_lora_rank", model.kv_lora_rank);
  checker.read(map, kSection, "qk_nope_head_dim", model.qk_nope_head_dim);
  checker.read(map, kSection, "qk_rope_head_dim", model.qk_rope_head_dim);
  checker.read(map, kSection, "v_head_dim", model.v_head_dim);
}

void read_keys(Checker& checker, const Node& map, Model& model) {
  checker.read(map, kSection, "model_type", model.model_type);
  read_layers(checker, map, model);
  read_experts(checker, map, model);
  read_attention(checker, map, model);
}

// Whether a model with the keys of `map` must have `key`.
bool needs(const Key& key, const Node& map, const Model& model) {
  if (key.fallback == "required") return true;
  if (key.fallback.starts_with("required with MLA")) return has_latent_attention(model);
  const bool experts = map.find("n_routed_experts") != nullptr;
  return key.fallback == "required with dense layers" && !experts;
}

void require_keys(Checker& checker, const Node& map, const Model& model) {
  std::vector<std::string> missing;
  for (const Key& key : all_keys()) {
    const bool required = key.section() == kSection && needs(key, map, model);
    if (required && map.find(key.name()) == nullptr) missing.emplace_back(key.name());
  }
  if (missing.empty()) return;
  checker.fault(map, "the model lacks " + join(missing, ", "),
                "name a preset to take the rest from: " + join(model_preset_names(), ", "));
}

// All keys of `map`, which has no base to take the rest from.
void read_complete(Checker& checker, const Node& map, Model& model) {
  const std::size_t before = checker.faults_so_far();
  read_architecture(checker, map.find("architectures"), has_own_family(checker), model);
  const bool known = checker.faults_so_far() == before;
  read_keys(checker, map, model);
  if (known) require_keys(checker, map, model);  // what is required depends on the architecture
}

// ---- presets and config.json ------------------------------------------------------------------

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
  const Node* architectures = architectures_of(document->root);
  if (architectures == nullptr) {
    checker.fault(document->root, "'architectures' is missing",
                  "is this the config.json of a model?");
    return false;
  }
  read_architecture(checker, architectures, has_own_family(scenario), model);
  if (faults.size() != before) return false;  // the names of the other keys depend on it
  const Node keys = model_keys_of(document->root, model.architecture);
  read_keys(checker, keys, model);
  require_keys(checker, keys, model);
  const bool widthless = keys.find("shared_expert_intermediate_size") != nullptr &&
                         model.shared_expert_intermediate_size == 0;
  if (widthless) model.n_shared_experts = 0;  // Qwen: the one shared expert is not there
  model.quantization = quantization_of(checker, document->root);
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
  read_complete(preset, document->root, model);
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
    read_complete(checker, value, model);
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
    const bool has_base = value.find("preset") != nullptr || value.find("config") != nullptr;
    const bool complete = read_base(checker, faults, value, scenario_file, model);
    if (has_base) {
      read_architecture(checker, value.find("architectures"), has_own_family(checker), model);
      read_keys(checker, value, model);
    }
    if (!complete) return std::nullopt;
  } else if (value.is_scalar()) {
    if (!read_preset(checker, faults, value, model)) return std::nullopt;
  } else {
    checker.wrong_type(value, key_at("model"));
    return std::nullopt;
  }
  if (faults.size() == before) check_model(checker, value, model);
  if (faults.size() != before) return std::nullopt;
  return with_derived_widths(std::move(model));
}

}  // namespace lockstep

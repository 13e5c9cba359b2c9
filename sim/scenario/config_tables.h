// Which keys of a published config.json give which keys of a scenario's `model`, by architecture:
// families name the same figure differently, and leave out what their configuration class defaults.
#pragma once

#include <span>
#include <string_view>

namespace lockstep {

struct PublishedKey {
  std::string_view key;    // of `model`: "n_routed_experts"
  std::string_view names;  // in the file, the first that it has: "num_local_experts|num_experts";
                           // "rope_parameters.rope_theta" is nested; "" is never read
  std::string_view
      fallback;  // the value where the file has none of them; "": `model`'s own default
  std::string_view only_if{};  // read only where this key of the file is true
};

struct PublishedModel {
  std::string_view architecture;  // "Qwen3MoeForCausalLM"
  bool latent_attention = false;  // MLA: head widths are kv_lora_rank, qk_*_head_dim, v_head_dim
  std::span<const PublishedKey> keys;
};

// Keys that all architectures share; a model's own entry for the same key replaces one.
std::span<const PublishedKey> common_published_keys();
std::span<const PublishedModel> published_models();
// nullptr if the table does not have `architecture`.
const PublishedModel* find_published_model(std::string_view architecture);

}  // namespace lockstep

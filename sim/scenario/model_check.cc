#include "sim/scenario/model_check.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include "sim/scenario/config_tables.h"

namespace lockstep {
namespace {

class ModelChecker {
 public:
  ModelChecker(Checker& checker, const Node& value, const Model& model)
      : checker_(checker), value_(value), m_(model) {}

  void check() {
    if (m_.first_k_dense_replace > m_.num_hidden_layers) {
      fault(fmt::format("'first_k_dense_replace' ({}) must not exceed num_hidden_layers ({})",
                        m_.first_k_dense_replace, m_.num_hidden_layers));
    }
    check_dense();
    if (m_.n_routed_experts > 0) check_experts();
    check_shared();
    if (has_latent_attention(m_)) {
      check_latent();
    } else {
      check_heads();
    }
    check_number("rms_norm_eps", m_.rms_norm_eps);
    check_number("rope_theta", m_.rope_theta);
    check_number("partial_rotary_factor", m_.partial_rotary_factor);
    if (m_.partial_rotary_factor > 1) fault("'partial_rotary_factor' must not exceed 1");
    if (!std::isfinite(m_.swiglu_limit) || m_.swiglu_limit < 0) {
      fault("'swiglu_limit' must be a finite number, 0 for none");
    }
    if (!std::isfinite(m_.routed_scaling_factor)) {
      fault("'routed_scaling_factor' must be a finite number");
    }
  }

 private:
  void fault(std::string message, std::string hint = {}) {
    checker_.fault(value_, std::move(message), std::move(hint));
  }

  void check_number(std::string_view name, double number) {
    if (std::isfinite(number) && number > 0) return;
    fault(fmt::format("'{}' must be above 0", name));
  }

  void check_dense() {
    if (m_.intermediate_size > 0) return;
    for (int layer = 0; layer < m_.num_hidden_layers; ++layer) {
      if (m_.is_sparse(layer)) continue;
      return fault(fmt::format("layer {} is dense and needs 'intermediate_size'", layer));
    }
  }

  void check_experts() {
    if (m_.moe_intermediate_size == 0) {
      fault("a model with routed experts needs 'moe_intermediate_size'");
    }
    if (m_.num_experts_per_tok < 1 || m_.num_experts_per_tok > m_.n_routed_experts) {
      fault(fmt::format("'num_experts_per_tok' must be from 1 to n_routed_experts ({}), not {}",
                        m_.n_routed_experts, m_.num_experts_per_tok));
    }
    if (m_.n_routed_experts % m_.n_group != 0) {
      fault(fmt::format("n_routed_experts ({}) must be a multiple of n_group ({})",
                        m_.n_routed_experts, m_.n_group));
    } else if (m_.topk_group > m_.n_group) {
      fault(
          fmt::format("'topk_group' ({}) must not exceed n_group ({})", m_.topk_group, m_.n_group));
    } else if (m_.num_experts_per_tok > m_.n_routed_experts / m_.n_group * m_.topk_group) {
      fault(
          fmt::format("the {} groups kept per token have fewer than num_experts_per_tok ({}) "
                      "experts",
                      m_.topk_group, m_.num_experts_per_tok));
    }
  }

  void check_shared() {
    const int width = m_.shared_expert_intermediate_size;
    if (width > 0 && m_.n_shared_experts == 0) {
      fault(fmt::format("'shared_expert_intermediate_size' ({}) is without shared experts", width),
            "give 'n_shared_experts', or leave it out");
    }
  }

  void check_latent() {
    const std::array<std::pair<std::string_view, int>, 4> widths{
        {{"kv_lora_rank", m_.kv_lora_rank},
         {"qk_nope_head_dim", m_.qk_nope_head_dim},
         {"qk_rope_head_dim", m_.qk_rope_head_dim},
         {"v_head_dim", m_.v_head_dim}}};
    for (const auto& [name, width] : widths) {
      if (width > 0) continue;
      fault(fmt::format("'{}' must be above 0: {} has latent attention", name, m_.architecture));
    }
    if (m_.head_dim > 0) {
      fault(
          fmt::format("'head_dim' has no meaning for {}: it has latent attention", m_.architecture),
          "its widths are qk_nope_head_dim, qk_rope_head_dim and v_head_dim");
    }
  }

  void check_heads() {
    const std::array<std::pair<std::string_view, int>, 4> widths{
        {{"q_lora_rank", m_.q_lora_rank},
         {"kv_lora_rank", m_.kv_lora_rank},
         {"qk_nope_head_dim", m_.qk_nope_head_dim},
         {"qk_rope_head_dim", m_.qk_rope_head_dim}}};
    for (const auto& [name, width] : widths) {
      if (width == 0) continue;
      return fault(fmt::format("'{}' has no meaning for {}: it has no latent attention", name,
                               m_.architecture),
                   "a head's width is head_dim");
    }
    const int heads = m_.num_attention_heads;
    if (m_.head_dim == 0 && m_.hidden_size % heads != 0) {
      fault(fmt::format("hidden_size ({}) is not a multiple of num_attention_heads ({})",
                        m_.hidden_size, heads),
            "give 'head_dim'");
    }
    const int width = m_.head_dim > 0 ? m_.head_dim : m_.hidden_size / heads;
    if (m_.v_head_dim > 0 && m_.v_head_dim != width) {
      fault(fmt::format("'v_head_dim' ({}) must be head_dim ({}) without latent attention",
                        m_.v_head_dim, width),
            "leave it out");
    }
    if (m_.num_key_value_heads > 0 && heads % m_.num_key_value_heads != 0) {
      fault(fmt::format("num_attention_heads ({}) must be a multiple of num_key_value_heads ({})",
                        heads, m_.num_key_value_heads));
    }
  }

  Checker& checker_;
  const Node& value_;
  const Model& m_;
};

}  // namespace

bool has_latent_attention(const Model& model) {
  const PublishedModel* published = find_published_model(model.architecture);
  return published != nullptr && published->latent_attention;
}

void check_model(Checker& checker, const Node& value, const Model& model) {
  ModelChecker(checker, value, model).check();
}

Model with_derived_widths(Model model) {
  if (model.num_key_value_heads == 0) model.num_key_value_heads = model.num_attention_heads;
  if (has_latent_attention(model)) return model;
  if (model.head_dim == 0) model.head_dim = model.hidden_size / model.num_attention_heads;
  model.v_head_dim = model.head_dim;
  return model;
}

}  // namespace lockstep

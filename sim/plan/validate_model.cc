#include <fmt/format.h>

#include <cmath>
#include <string_view>
#include <utility>

#include "sim/plan/validate.h"

namespace lockstep {
namespace {

constexpr int kLargestDimension = 1 << 24;

class ModelChecks {
 public:
  explicit ModelChecks(const Model& model) : model_(model) {}

  std::vector<PlanFault> faults() {
    check_model();
    return std::move(faults_);
  }

 private:
  void add(std::string message) { faults_.push_back({"model", -1, std::move(message)}); }

  void check_dimension(std::string_view name, std::int64_t value, int least) {
    if (value >= least && value <= kLargestDimension) return;
    add(fmt::format("{} is {}; it must be {} to {}", name, value, least, kLargestDimension));
  }

  void check_model() {
    const Model& m = model_;
    check_dimension("num_hidden_layers", m.num_hidden_layers, 1);
    check_dimension("hidden_size", m.hidden_size, 1);
    check_dimension("vocab_size", m.vocab_size, 1);
    check_dimension("num_attention_heads", m.num_attention_heads, 1);
    check_dimension("moe_layer_freq", m.moe_layer_freq, 1);
    check_dimension("decoder_sparse_step", m.decoder_sparse_step, 1);
    check_dimension("n_group", m.n_group, 1);
    check_dimension("topk_group", m.topk_group, 1);
    check_dimension("first_k_dense_replace", m.first_k_dense_replace, 0);
    check_dimension("intermediate_size", m.intermediate_size, 0);
    check_dimension("moe_intermediate_size", m.moe_intermediate_size, 0);
    check_dimension("n_routed_experts", m.n_routed_experts, 0);
    check_dimension("num_experts_per_tok", m.num_experts_per_tok, 0);
    check_dimension("n_shared_experts", m.n_shared_experts, 0);
    check_dimension("num_key_value_heads", m.num_key_value_heads, 0);
    check_dimension("q_lora_rank", m.q_lora_rank, 0);
    check_dimension("kv_lora_rank", m.kv_lora_rank, 0);
    check_dimension("qk_nope_head_dim", m.qk_nope_head_dim, 0);
    check_dimension("qk_rope_head_dim", m.qk_rope_head_dim, 0);
    check_dimension("v_head_dim", m.v_head_dim, 0);
    check_dimension("max_position_embeddings", m.max_position_embeddings, 0);
    check_dimension("shared_expert_intermediate_size", m.shared_expert_intermediate_size, 0);
    check_dimension("head_dim", m.head_dim, 0);
    check_dimension("sliding_window", m.sliding_window, 0);
    for (const int layer : m.mlp_only_layers)
      check_dimension("a layer of mlp_only_layers", layer, 0);
    check_router();
  }

  void check_router() {
    const Model& m = model_;
    if (m.num_experts_per_tok > m.n_routed_experts) {
      add(fmt::format("num_experts_per_tok is {}, but there are {} routed experts",
                      m.num_experts_per_tok, m.n_routed_experts));
    }
    if (m.n_group > 0 && (m.topk_group > m.n_group || m.n_routed_experts % m.n_group != 0)) {
      add(
          fmt::format("n_group {} must divide the {} routed experts and be at least topk_group "
                      "{}",
                      m.n_group, m.n_routed_experts, m.topk_group));
    }
    const bool finite = std::isfinite(m.routed_scaling_factor) && std::isfinite(m.rms_norm_eps) &&
                        std::isfinite(m.rope_theta);
    if (!finite) {
      add("routed_scaling_factor, rms_norm_eps and rope_theta must be finite numbers");
    }
  }

  const Model& model_;
  std::vector<PlanFault> faults_;
};

}  // namespace

std::vector<PlanFault> model_faults(const Model& model) { return ModelChecks(model).faults(); }

}  // namespace lockstep

#include "sim/serving/sglang/environment.h"

namespace lockstep::sglang {
namespace {

Symbol quantization_of(const Model& model, const Settings& settings) {
  const std::string& name =
      settings.quantization.empty() ? model.quantization : settings.quantization;
  if (name.empty() || name == "none") return Symbol::none;
  if (name == "modelopt_fp4" || name == "nvfp4") return Symbol::modelopt_fp4;
  if (name == "w4afp8") return Symbol::w4afp8;
  if (name == "quark") return Symbol::quark;
  return Symbol::other;
}

Symbol padding_symbol(Padding padding) {
  switch (padding) {
    case Padding::none:
      return Symbol::none;
    case Padding::max_len:
      return Symbol::max_len;
    case Padding::sum_len:
      return Symbol::sum_len;
  }
  return Symbol::none;
}

Symbol boundary_reduction_of(const Settings& settings) {
  if (settings.boundary_reduction == "rs+rsv") return Symbol::rs_rsv;
  return parse_symbol(settings.boundary_reduction).value_or(Symbol::automatic);
}

void set_layout(Environment& e, const Parallel& parallel) {
  e.set(Input::tp, parallel.tp);
  e.set(Input::attn_dp, parallel.attn_dp);
  e.set(Input::attn_tp, parallel.attn_tp);
  e.set(Input::ep, parallel.ep);
  e.set(Input::moe_tp, parallel.moe_tp);
  e.set(Input::dp_attention, parallel.dp_attention);
  e.set(Input::dp_lm_head, parallel.dp_lm_head);
  e.set(Input::dense_tp_1, parallel.dense_tp_1);
  e.set(Input::a2a, parse_symbol(parallel.a2a).value_or(Symbol::none));
}

void set_model(Environment& e, const Model& model, const Settings& settings) {
  e.set(Input::mla, model.kv_lora_rank > 0);
  e.set(Input::quantization, quantization_of(model, settings));
  e.set(Input::n_routed_experts, model.n_routed_experts);
  e.set(Input::n_shared_experts, model.n_shared_experts);
}

void set_flags(Environment& e, const Settings& settings) {
  e.set(Input::enable_flashinfer_allreduce_fusion, settings.enable_flashinfer_allreduce_fusion);
  e.set(Input::enforce_disable_flashinfer_allreduce_fusion,
        settings.enforce_disable_flashinfer_allreduce_fusion);
  e.set(Input::disable_shared_experts_fusion, settings.disable_shared_experts_fusion);
  e.set(Input::disable_flashinfer_cutlass_moe_fp4_allgather,
        settings.disable_flashinfer_cutlass_moe_fp4_allgather);
  e.set(Input::shared_expert_tp1, settings.shared_expert_tp1);
  e.set(Input::deterministic, settings.enable_deterministic_inference);
  e.set(Input::boundary_reduction, boundary_reduction_of(settings));
  e.set(Input::moe_runner, settings.moe_runner_backend == "flashinfer_cutlass"
                               ? Symbol::flashinfer_cutlass
                               : Symbol::other);
}

}  // namespace

std::vector<Environment> environments(const LoweringInput& input, const Parallel& parallel,
                                      const Settings& settings, const ResolvedStep& step) {
  Environment common;
  set_layout(common, parallel);
  set_model(common, input.model, settings);
  set_flags(common, settings);
  common.set(Input::gpu, parse_symbol(input.gpu).value_or(Symbol::none));
  common.set(Input::nodes, (parallel.tp + input.gpus_per_node - 1) / input.gpus_per_node);
  common.set(Input::is_extend, step.is_extend);
  common.set(Input::cuda_graph, step.cuda_graph);
  std::vector<Environment> of_rank;
  for (int rank = 0; rank < parallel.world(); ++rank) {
    const auto d = static_cast<std::size_t>(parallel.attn_dp_rank(rank));
    Environment& e = of_rank.emplace_back(common);
    e.set(Input::rank, rank);
    e.set(Input::dp_rank, static_cast<std::int64_t>(d));
    e.set(Input::attn_tp_rank, parallel.attn_tp_rank(rank));
    e.set(Input::rows, step.counts.rows[d]);
    e.set(Input::padding, padding_symbol(step.counts.mode[d]));
  }
  return of_rank;
}

}  // namespace lockstep::sglang

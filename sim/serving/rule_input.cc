#include "sim/serving/rule_input.h"

#include <algorithm>

namespace lockstep {
namespace {

constexpr auto kSymbols = std::to_array<std::string_view>(
    {"none",         "max_len",   "sum_len",      "dense",
     "sparse",       "scattered", "tp_attn_full", "full",
     "deepep",       "mooncake",  "nixl",         "mori",
     "ampere",       "hopper",    "blackwell",    "flashinfer_cutlass",
     "modelopt_fp4", "w4afp8",    "quark",        "other",
     "auto",         "ar",        "rs",           "rsv",
     "rs_rsv"});

constexpr std::array kPaddings{Symbol::none, Symbol::max_len, Symbol::sum_len};
constexpr std::array kKinds{Symbol::dense, Symbol::sparse};
constexpr std::array kModes{Symbol::scattered, Symbol::tp_attn_full, Symbol::full};
constexpr std::array kBackends{Symbol::none, Symbol::deepep, Symbol::mooncake, Symbol::nixl,
                               Symbol::mori};
constexpr std::array kGpus{Symbol::none, Symbol::ampere, Symbol::hopper, Symbol::blackwell};
constexpr std::array kQuantizations{Symbol::none, Symbol::modelopt_fp4, Symbol::w4afp8,
                                    Symbol::quark, Symbol::other};
constexpr std::array kBoundaryReductions{Symbol::automatic, Symbol::ar, Symbol::rs, Symbol::rsv,
                                         Symbol::rs_rsv};
constexpr std::array kRunners{Symbol::flashinfer_cutlass, Symbol::other};

constexpr ValueType kBool = ValueType::boolean;
constexpr ValueType kInt = ValueType::integer;
constexpr ValueType kSym = ValueType::symbol;

// In the order of Input.
constexpr std::array<InputInfo, kInputs> kInfos{{
    {"supports_dp_attention", kBool, {}, "value of supports_dp_attention"},
    {"supports_dense_tp_1", kBool, {}, "value of supports_dense_tp_1"},
    {"on_fusion_list", kBool, {}, "value of on_fusion_list"},
    {"rs_ok", kBool, {}, "value of allow_reduce_scatter"},
    {"fp4_allgather", kBool, {}, "value of is_fp4_allgather"},
    {"use_dp_reduce_scatterv", kBool, {}, "value of should_use_dp_reduce_scatterv"},
    {"returns_over_dp", kBool, {}, "value of returns_over_dp"},
    {"boundary_permits_rs", kBool, {}, "value of boundary_permits_rs"},
    {"boundary_permits_rsv", kBool, {}, "value of boundary_permits_rsv"},
    {"return_uses_reduce_scatterv", kBool, {}, "value of dp_return_uses_reduce_scatterv"},
    {"return_uses_reduce_scatter", kBool, {}, "value of dp_return_uses_reduce_scatter"},
    {"fusion_enabled", kBool, {}, "value of flashinfer_allreduce_fusion_enabled"},
    {"use_reduce_scatter", kBool, {}, "value of should_use_reduce_scatter"},
    {"allreduce_fusion", kBool, {}, "value of should_allreduce_fusion"},
    {"sum_moves_to_next_layer", kBool, {}, "value of sum_moves_to_next_layer"},
    {"return_moves_to_next_layer", kBool, {}, "value of return_moves_to_next_layer"},
    {"deferred_sum_covers_moe_tp", kBool, {}, "value of deferred_sum_covers_moe_tp"},
    {"declined_kernel_still_reduces", kBool, {}, "value of declined_kernel_still_reduces"},
    {"fused_kernel_declines", kBool, {}, "value of fused_kernel_declines"},
    {"boundary_completes_sum", kBool, {}, "value of boundary_completes_sum"},
    {"skip_mlp_all_reduce", kBool, {}, "value of should_skip_mlp_all_reduce"},
    {"sums_experts_over_tp", kBool, {}, "value of sums_experts_over_tp"},
    {"sums_experts_over_moe_ep", kBool, {}, "value of sums_experts_over_moe_ep"},
    {"sums_experts_over_moe_tp", kBool, {}, "value of sums_experts_over_moe_tp"},
    {"skip_post_experts_all_reduce", kBool, {}, "value of should_skip_post_experts_all_reduce"},
    {"skip_moe_ep_all_reduce", kBool, {}, "value of should_skip_moe_ep_all_reduce"},
    {"skip_moe_tp_all_reduce", kBool, {}, "value of should_skip_moe_tp_all_reduce"},
    {"shared_experts_fused", kBool, {}, "value of shared_experts_fused"},
    {"shared_experts_on_one_rank", kBool, {}, "value of shared_experts_on_one_rank"},
    {"shared_experts_on_second_stream", kBool, {}, "value of shared_experts_on_second_stream"},
    {"embedding_sharded", kBool, {}, "value of embedding_is_sharded"},
    {"padding", kSym, kPaddings, "padding mode of the step on this rank"},
    {"is_extend", kBool, {}, "some rank has an extend batch"},
    {"cuda_graph", kBool, {}, "the step runs as a captured graph"},
    {"rows", kInt, {}, "rows of this rank's shard, padded"},
    {"layer", kInt, {}, "layer, from 0"},
    {"last_layer", kBool, {}, "the last layer"},
    {"kind", kSym, kKinds, "feed-forward of the layer"},
    {"mlp_mode", kSym, kModes, "rows on which the feed-forward runs"},
    {"output_mode", kSym, kModes, "rows of the layer's output"},
    {"rank", kInt, {}, "rank inside TP"},
    {"dp_rank", kInt, {}, "attention-DP shard of the rank"},
    {"attn_tp_rank", kInt, {}, "rank inside its attention-TP group"},
    {"tp", kInt, {}, "tensor-parallel size"},
    {"attn_dp", kInt, {}, "attention-DP size"},
    {"attn_tp", kInt, {}, "attention-TP size"},
    {"ep", kInt, {}, "expert-parallel size"},
    {"moe_tp", kInt, {}, "MoE tensor-parallel size"},
    {"dp_attention", kBool, {}, "DP attention is on"},
    {"dp_lm_head", kBool, {}, "DP lm_head is on"},
    {"dense_tp_1", kBool, {}, "moe_dense_tp_size is 1"},
    {"a2a", kSym, kBackends, "all-to-all backend"},
    {"gpu", kSym, kGpus, "GPU generation"},
    {"nodes", kInt, {}, "nodes that TP spans"},
    {"mla", kBool, {}, "multi-head latent attention"},
    {"quantization", kSym, kQuantizations, "quantisation of the weights"},
    {"moe_runner", kSym, kRunners, "MoE runner backend"},
    {"n_routed_experts", kInt, {}, "routed experts"},
    {"n_shared_experts", kInt, {}, "shared experts"},
    {"boundary_reduction", kSym, kBoundaryReductions, "server flag"},
    {"deterministic", kBool, {}, "enable_deterministic_inference"},
    {"enable_flashinfer_allreduce_fusion", kBool, {}, "server flag"},
    {"enforce_disable_flashinfer_allreduce_fusion", kBool, {}, "server flag"},
    {"disable_shared_experts_fusion", kBool, {}, "server flag"},
    {"disable_flashinfer_cutlass_moe_fp4_allgather", kBool, {}, "server flag"},
    {"shared_expert_tp1", kBool, {}, "SGLANG_SHARED_EXPERT_TP1"},
    {"default", kBool, {}, "the built-in value of the rule at this revision"},
}};

}  // namespace

std::string_view to_string(Symbol symbol) { return kSymbols[static_cast<std::size_t>(symbol)]; }

std::optional<Symbol> parse_symbol(std::string_view name) {
  const auto found = std::ranges::find(kSymbols, name);
  if (found == kSymbols.end()) return std::nullopt;
  return static_cast<Symbol>(found - kSymbols.begin());
}

const InputInfo& info(Input input) { return kInfos[static_cast<std::size_t>(input)]; }

std::optional<Input> parse_input(std::string_view name) {
  const auto found = std::ranges::find(kInfos, name, &InputInfo::name);
  if (found == kInfos.end()) return std::nullopt;
  return static_cast<Input>(found - kInfos.begin());
}

std::vector<std::string> known_names() {
  std::vector<std::string> names;
  for (const InputInfo& i : kInfos) names.emplace_back(i.name);
  for (const std::string_view s : kSymbols) names.emplace_back(s);
  return names;
}

std::string Environment::text(Input input) const {
  if (is_unknown(input)) return "unknown";
  switch (info(input).type) {
    case ValueType::boolean:
      return is(input) ? "true" : "false";
    case ValueType::integer:
      return std::to_string(at(input));
    case ValueType::symbol:
      return std::string(to_string(static_cast<Symbol>(at(input))));
  }
  return {};
}

}  // namespace lockstep

#include "sim/serving/sglang/rules.h"

#include <fmt/format.h>

#include <vector>

namespace lockstep::sglang {
namespace {

constexpr bool kByThen = false;  // RuleVersion::attributed

// Paths below python/sglang/srt/.
constexpr std::string_view kMoeUtils = "layers/moe/utils.py";
constexpr std::string_view kCommunicator = "layers/communicator.py";
constexpr std::string_view kDeepseek = "models/deepseek_v2.py";
constexpr std::string_view kServerArgs = "server_args.py";

// Reading guide: each line is (pull request that brought the text, the text). rs_ok is true for
// every DeepSeek-family layer; it stands where SGLang asks it.
// Which return over attention-DP ranks is possible at all.
std::vector<Rule> return_rules() {
  return {
      {"is_fp4_allgather",
       Input::fp4_allgather,
       kMoeUtils,
       "should_use_flashinfer_cutlass_moe_fp4_allgather",
       {{8539,
         "not disable_flashinfer_cutlass_moe_fp4_allgather and a2a == none and "
         "moe_runner == flashinfer_cutlass and dp_attention and quantization == modelopt_fp4 and "
         "ep == attn_dp",
         kByThen}}},

      {"should_use_dp_reduce_scatterv",
       Input::use_dp_reduce_scatterv,
       kMoeUtils,
       "should_use_dp_reduce_scatterv",
       {{22642,
         "not fp4_allgather and a2a == none and dp_attention and attn_dp > 1 and ep == attn_dp"},
        {32663,
         "not fp4_allgather and a2a == none and dp_attention and attn_dp > 1 and ep == attn_dp "
         "and tp == attn_dp"}}},

      {"returns_over_dp",
       Input::returns_over_dp,
       kCommunicator,
       "LayerCommunicator",
       {{8539, "mlp_mode == full and output_mode == tp_attn_full and tp != attn_tp"}}},
  };
}

// Whether a feed-forward leaves its sum to the next layer's fused add and norm.
std::vector<Rule> fusion_rules() {
  return {
      {"flashinfer_allreduce_fusion_enabled",
       Input::fusion_enabled,
       kServerArgs,
       "_handle_model_specific_adjustments",
       {{8539,
         "not enforce_disable_flashinfer_allreduce_fusion and (enable_flashinfer_allreduce_fusion "
         "or architecture == deepseek_v3 and gpu == blackwell and not dp_attention and "
         "nodes == 1)",
         kByThen},
        {20406,
         "not enforce_disable_flashinfer_allreduce_fusion and (enable_flashinfer_allreduce_fusion "
         "or (architecture == deepseek_v3 or architecture == kimi_k25) and "
         "(gpu == hopper or gpu == blackwell) and not dp_attention and nodes == 1 and "
         "a2a == none and tp > 1)",
         kByThen},
        {22664,
         "not enforce_disable_flashinfer_allreduce_fusion and (enable_flashinfer_allreduce_fusion "
         "or (architecture == deepseek_v3 or architecture == kimi_k25) and "
         "(gpu == hopper or gpu == blackwell) and not dp_attention and "
         "(nodes == 1 or gpu == blackwell) and a2a == none and tp > 1)",
         kByThen}}},

      {"should_allreduce_fusion",
       Input::allreduce_fusion,
       kCommunicator,
       "should_fuse_mlp_allreduce_with_next_layer",
       {{9973,
         "fusion_enabled and tp > 1 and not last_layer and rows >= 1 and rows <= 4096 and "
         "(gpu == hopper or gpu == blackwell)"},
        {11632,
         "fusion_enabled and not dp_attention and tp > 1 and not last_layer and rows >= 1 and "
         "rows <= 4096 and (gpu == hopper or gpu == blackwell)"},
        {20406,
         "fusion_enabled and not dp_attention and tp > 1 and not last_layer and rows >= 1 and "
         "rows <= 2048 and (gpu == hopper or gpu == blackwell)",
         kByThen},
        {19918,
         "fusion_enabled and not dp_attention and tp > 1 and not last_layer and rows >= 1 and "
         "rows <= 2048 and (gpu == hopper or gpu == blackwell) and mlp_mode != scattered"}}},
  };
}

// What the producer is told, and which step the communicator takes.
std::vector<Rule> reduction_rules() {
  return {
      {"should_use_reduce_scatter",
       Input::use_reduce_scatter,
       kCommunicator,
       "should_use_reduce_scatter",
       {{8539, "rs_ok and returns_over_dp and padding == max_len"},
        {24785, "rs_ok and returns_over_dp and (use_dp_reduce_scatterv or padding == max_len)"}}},

      {"should_skip_mlp_all_reduce",
       Input::skip_mlp_all_reduce,
       kDeepseek,
       "DeepseekV2MLP.forward",
       {{8539, "allreduce_fusion or use_reduce_scatter"}}},

      {"should_skip_post_experts_all_reduce",
       Input::skip_post_experts_all_reduce,
       kMoeUtils,
       "should_skip_post_experts_all_reduce",
       {{8539, "allreduce_fusion or use_reduce_scatter or fp4_allgather"},
        {23732,
         "allreduce_fusion or use_reduce_scatter or use_dp_reduce_scatterv or fp4_allgather"},
        {23748,
         "allreduce_fusion or use_reduce_scatter or use_dp_reduce_scatterv or fp4_allgather"}}},

      {"dp_return_uses_reduce_scatterv",
       Input::return_uses_reduce_scatterv,
       kCommunicator,
       "CommunicateSummableTensorPairFn._scatter_hidden_states",
       {{22642, "use_dp_reduce_scatterv"}}},

      {"dp_return_uses_reduce_scatter",
       Input::return_uses_reduce_scatter,
       kCommunicator,
       "CommunicateSummableTensorPairFn._scatter_hidden_states",
       {{8539, "rs_ok and padding == max_len"},
        {22642, "not return_uses_reduce_scatterv and rs_ok and padding == max_len"}}},
  };
}

// Which of two ways a module is built.
std::vector<Rule> variant_rules() {
  return {
      {"shared_experts_fused",
       Input::shared_experts_fused,
       kDeepseek,
       "determine_num_fused_shared_experts",
       {{8539,
         "not disable_shared_experts_fusion and n_shared_experts == 1 and n_routed_experts == 256 "
         "and ep == 1 and a2a == none and gpu != none and quantization != w4afp8",
         kByThen},
        {25390,
         "not disable_shared_experts_fusion and n_shared_experts == 1 and "
         "(n_routed_experts == 256 or n_routed_experts == 384) and ep == 1 and a2a == none and "
         "gpu != none and quantization != w4afp8"},
        {25974,
         "not disable_shared_experts_fusion and n_shared_experts == 1 and "
         "(n_routed_experts == 256 or n_routed_experts == 384 and quantization == quark) and "
         "ep == 1 and a2a == none and gpu != none and quantization != w4afp8"}}},

      {"embedding_is_sharded",
       Input::embedding_sharded,
       "layers/vocab_parallel_embedding.py",
       "VocabParallelEmbedding",
       {{8539, "not dp_attention", kByThen}, {24785, "true", kByThen}}},
  };
}

// In the order in which they are decided.
const std::vector<Rule>& table() {
  static const std::vector<Rule> rules = [] {
    std::vector<Rule> all;
    for (const auto& part : {return_rules(), fusion_rules(), reduction_rules(), variant_rules()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return rules;
}

std::string_view type_name(ValueType type) {
  return type == ValueType::boolean ? "bool" : type == ValueType::integer ? "int" : "symbol";
}

}  // namespace

std::span<const Rule> rules() { return table(); }

std::string rules_as_markdown() {
  std::string text = "| rule | from | expression |\n|---|---|---|\n";
  for (const Rule& rule : rules()) {
    for (const RuleVersion& version : rule.history) {
      text += fmt::format("| `{}` | {}#{} | `{}` |\n", rule.name, version.attributed ? "" : "by ",
                          version.pull_request, version.expression);
    }
  }
  text += "\n| rule | file | function |\n|---|---|---|\n";
  for (const Rule& rule : rules()) {
    text += fmt::format("| `{}` | {} | `{}` |\n", rule.name, rule.file, rule.function);
  }
  text += "\n| input | type | meaning |\n|---|---|---|\n";
  for (std::size_t i = 0; i < kInputs; ++i) {
    const InputInfo& input = info(static_cast<Input>(i));
    std::string values;
    for (const Symbol s : input.domain) values += fmt::format(" `{}`", to_string(s));
    text += fmt::format("| `{}` | {}{} | {} |\n", input.name, type_name(input.type), values,
                        input.meaning);
  }
  return text;
}

}  // namespace lockstep::sglang

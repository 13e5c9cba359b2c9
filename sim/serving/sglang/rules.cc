#include "sim/serving/sglang/rules.h"

#include <algorithm>
#include <iterator>

#include "sim/base/require.h"
#include "sim/serving/sglang/timeline.h"

namespace lockstep::sglang {
namespace {

constexpr bool kByThen = false;  // RuleVersion::attributed

// Paths below python/sglang/srt/.
constexpr std::string_view kMoeUtils = "layers/moe/utils.py";
constexpr std::string_view kCommunicator = "layers/communicator.py";
constexpr std::string_view kServerArgs = "server_args.py";
constexpr std::string_view kLayernorm = "layers/layernorm.py";
constexpr std::string_view kExit = "layers/communicator/exit.py";
constexpr std::string_view kModels = "models";

// Reading guide: each line is (pull request that brought the text, the text). A rule without a
// history is false until a family's file gives it one.

// What a model file offers and is listed for; every family answers these itself.
std::vector<Rule> family_facts() {
  return {
      {"supports_dp_attention", Input::supports_dp_attention, kModels, "", {}},
      {"supports_dense_tp_1", Input::supports_dense_tp_1, kModels, "", {{8280, "true", kByThen}}},
      {"on_fusion_list", Input::on_fusion_list, kServerArgs, "", {}},
      {"allow_reduce_scatter", Input::rs_ok, kModels, "", {}},
  };
}

// Which return over attention-DP ranks is possible at all, and which one is taken (3.4, 5.1).
// From #41253 on a stage leaves its sum to any step that --boundary-reduction permits
// (arg_groups/boundary_reduction.py@0fbe7e4, communicator/exit.py@060c48f).
std::vector<Rule> return_rules() {
  return {
      {"is_fp4_allgather",
       Input::fp4_allgather,
       kMoeUtils,
       "should_use_flashinfer_cutlass_moe_fp4_allgather",
       {{8280,
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
       {{8280, "mlp_mode == full and output_mode == tp_attn_full and tp != attn_tp", kByThen}}},

      {"boundary_permits_rs",
       Input::boundary_permits_rs,
       "arg_groups/boundary_reduction.py",
       "",
       {{41253,
         "boundary_reduction == auto or boundary_reduction == rs or boundary_reduction == "
         "rs_rsv"}}},

      {"boundary_permits_rsv",
       Input::boundary_permits_rsv,
       "arg_groups/boundary_reduction.py",
       "",
       {{41253,
         "boundary_reduction == auto or boundary_reduction == rsv or "
         "boundary_reduction == rs_rsv"}}},

      {"dp_return_uses_reduce_scatterv",
       Input::return_uses_reduce_scatterv,
       kCommunicator,
       "CommunicateSummableTensorPairFn._scatter_hidden_states",
       {{22642, "use_dp_reduce_scatterv"},
        {41195, "use_dp_reduce_scatterv and (rs_ok or kind == sparse)"},
        {41253, "use_dp_reduce_scatterv and boundary_permits_rsv"}}},

      {"dp_return_uses_reduce_scatter",
       Input::return_uses_reduce_scatter,
       kCommunicator,
       "CommunicateSummableTensorPairFn._scatter_hidden_states",
       {{8539, "rs_ok and padding == max_len"},
        {22642, "not return_uses_reduce_scatterv and rs_ok and padding == max_len"},
        {41253, "not return_uses_reduce_scatterv and boundary_permits_rs and padding == max_len"}}},

      {"should_use_reduce_scatter",
       Input::use_reduce_scatter,
       kCommunicator,
       "should_use_reduce_scatter",
       {{8539, "rs_ok and returns_over_dp and padding == max_len"},
        {24785, "rs_ok and returns_over_dp and (use_dp_reduce_scatterv or padding == max_len)"},
        {41253,
         "returns_over_dp and (return_uses_reduce_scatterv or return_uses_reduce_scatter)"}}},
  };
}

// Whether the fused kernel may run (5.4, 5.7). Its cap of 2,048 rows still stands in
// communicator/residual/add_norm.py@42f58b4.
std::vector<Rule> fusion_rules() {
  return {
      {"flashinfer_allreduce_fusion_enabled",
       Input::fusion_enabled,
       kServerArgs,
       "_handle_model_specific_adjustments",
       {{8280,
         "not enforce_disable_flashinfer_allreduce_fusion and enable_flashinfer_allreduce_fusion",
         kByThen},
        {11800,
         "not enforce_disable_flashinfer_allreduce_fusion and (enable_flashinfer_allreduce_fusion "
         "or on_fusion_list and gpu == blackwell and not dp_attention)",
         kByThen},
        {20406,
         "not enforce_disable_flashinfer_allreduce_fusion and (enable_flashinfer_allreduce_fusion "
         "or on_fusion_list and (gpu == hopper or gpu == blackwell) and not dp_attention and "
         "nodes == 1 and a2a == none and tp > 1)",
         kByThen},
        {22664,
         "not enforce_disable_flashinfer_allreduce_fusion and (enable_flashinfer_allreduce_fusion "
         "or on_fusion_list and (gpu == hopper or gpu == blackwell) and not dp_attention and "
         "(nodes == 1 or gpu == blackwell) and a2a == none and tp > 1)",
         kByThen},
        {24785,
         "not deterministic and not enforce_disable_flashinfer_allreduce_fusion and "
         "(enable_flashinfer_allreduce_fusion or on_fusion_list and (gpu == hopper or "
         "gpu == blackwell) and not dp_attention and (nodes == 1 or gpu == blackwell) and "
         "a2a == none and tp > 1)",
         kByThen}}},

      {"should_allreduce_fusion",
       Input::allreduce_fusion,
       kCommunicator,
       "should_fuse_mlp_allreduce_with_next_layer",
       {{8280,
         "fusion_enabled and tp > 1 and not last_layer and rows >= 1 and rows <= 1024 and "
         "gpu == blackwell",
         kByThen},
        {9973,
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

// Who completes a feed-forward's sum where nobody returns it by a reduce-scatter (5.4, 6.4). From
// #41197 on a sum moves to the next layer whether or not a fused kernel will take it there
// (communicator/exit.py@060c48f); from #42301 on the boundary completes what has not moved.
std::vector<Rule> deferral_rules() {
  return {
      {"sum_moves_to_next_layer",
       Input::sum_moves_to_next_layer,
       kExit,
       "",
       {{8280, "allreduce_fusion", kByThen},
        {41197,
         "tp > 1 and not last_layer and mlp_mode != scattered and not use_reduce_scatter and "
         "not return_uses_reduce_scatterv and (not dp_attention or returns_over_dp)"}}},

      {"return_moves_to_next_layer",
       Input::return_moves_to_next_layer,
       kExit,
       "",
       {{41253, "not last_layer and returns_over_dp"}}},

      {"deferred_sum_covers_moe_tp",
       Input::deferred_sum_covers_moe_tp,
       kMoeUtils,
       "can_merge_post_experts_all_reduce",
       {{8280, "unknown", kByThen, "how far back the fused sum over expert parallelism alone goes"},
        {30802, "false", kByThen},
        {32963, "true"}}},

      {"fused_kernel_declines", Input::fused_kernel_declines, kLayernorm, "", {}},

      {"declined_kernel_still_reduces",
       Input::declined_kernel_still_reduces,
       kLayernorm,
       "forward_with_allreduce_fusion",
       {{41193, "true"}}},

      {"boundary_completes_sum",
       Input::boundary_completes_sum,
       "layers/layer_boundary",
       "",
       {{42301, "true"}}},
  };
}

// What the producers sum, and when they leave it (5.3, 6.3, 6.5.2). What they ask is the family's.
std::vector<Rule> producer_rules() {
  return {
      {"should_skip_mlp_all_reduce", Input::skip_mlp_all_reduce, kModels, "", {}},
      {"sums_experts_over_tp", Input::sums_experts_over_tp, kModels, "", {{8280, "true", kByThen}}},
      {"sums_experts_over_moe_ep", Input::sums_experts_over_moe_ep, kModels, "", {}},
      {"sums_experts_over_moe_tp", Input::sums_experts_over_moe_tp, kModels, "", {}},
      {"should_skip_post_experts_all_reduce", Input::skip_post_experts_all_reduce, kModels, "", {}},
      {"should_skip_moe_ep_all_reduce", Input::skip_moe_ep_all_reduce, kModels, "", {}},
      {"should_skip_moe_tp_all_reduce", Input::skip_moe_tp_all_reduce, kModels, "", {}},
  };
}

// Which of several ways a module is built (6.1, 6.2).
std::vector<Rule> variant_rules() {
  return {
      {"shared_experts_fused", Input::shared_experts_fused, kModels, "", {}},
      {"shared_experts_on_one_rank",
       Input::shared_experts_on_one_rank,
       kMoeUtils,
       "should_add_replicated_moe_output",
       {{41195, "true"}}},
      {"shared_experts_on_second_stream", Input::shared_experts_on_second_stream, kModels, "", {}},
      {"embedding_is_sharded",
       Input::embedding_sharded,
       "layers/vocab_parallel_embedding.py",
       "VocabParallelEmbedding",
       {{8280, "not dp_attention", kByThen}}},
  };
}

const std::vector<Rule>& table() {
  static const std::vector<Rule> rules = [] {
    std::vector<Rule> all;
    for (const auto& part : {family_facts(), return_rules(), fusion_rules(), deferral_rules(),
                             producer_rules(), variant_rules()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return rules;
}

auto entry_of(int pull_request) {
  return std::ranges::find(timeline(), pull_request, &TimelineEntry::pull_request);
}

// The family's text for one architecture.
RuleVersion version_of(const FamilyRuleVersion& version, const std::string& architecture) {
  const std::vector<std::string>& listed = version.architectures;
  const bool applies = listed.empty() || std::ranges::find(listed, architecture) != listed.end();
  return {version.pull_request, applies ? std::string_view(version.expression) : "false",
          version.attributed, version.fact};
}

}  // namespace

std::vector<Rule> common_rules() { return table(); }

std::vector<Rule> plain_rules() {
  return {{"supports_dp_attention", Input::supports_dp_attention, "", "", {{8280, "true"}}},
          {"supports_dense_tp_1", Input::supports_dense_tp_1, "", "", {{8280, "true"}}},
          {"sums_experts_over_tp", Input::sums_experts_over_tp, "", "", {{8280, "true"}}}};
}

std::vector<Rule> rules_of(const Family& family, const std::string& architecture) {
  std::vector<Rule> rules = table();
  for (const FamilyRule& own : family.rules) {
    const auto rule = std::ranges::find(rules, own.rule, &Rule::name);
    LOCKSTEP_ASSERT(rule != rules.end());
    rule->history.clear();
    for (const FamilyRuleVersion& version : own.history) {
      rule->history.push_back(version_of(version, architecture));
    }
    if (!own.file.empty()) rule->file = own.file;
    if (!own.function.empty()) rule->function = own.function;
  }
  return rules;
}

std::vector<std::string> rule_names() {
  std::vector<std::string> names;
  for (const Rule& rule : table()) names.emplace_back(rule.name);
  return names;
}

bool is_timeline_entry(int pull_request) { return entry_of(pull_request) != timeline().end(); }

bool merged_before(int pull_request, int other) { return entry_of(pull_request) < entry_of(other); }

}  // namespace lockstep::sglang

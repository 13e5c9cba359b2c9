#include "sim/scenario/sglang_arguments.h"

#include <algorithm>
#include <array>

#include "sim/scenario/keys.h"

namespace lockstep {
namespace {

using enum ArgumentEffect;

constexpr auto kMeaningful = std::to_array<ServerArgument>({
    {"model_path", model, ""},
    {"model", model, ""},
    {"tp_size", key, "parallel.tp_size"},
    {"tensor_parallel_size", key, "parallel.tp_size"},
    {"tp", key, "parallel.tp_size"},
    {"dp_size", key, "parallel.dp_size"},
    {"data_parallel_size", key, "parallel.dp_size"},
    {"dp", key, "parallel.dp_size"},
    {"ep_size", key, "parallel.ep_size"},
    {"expert_parallel_size", key, "parallel.ep_size"},
    {"ep", key, "parallel.ep_size"},
    {"pp_size", key, "parallel.pp_size"},
    {"pipeline_parallel_size", key, "parallel.pp_size"},
    {"attn_cp_size", key, "parallel.attn_cp_size"},
    {"moe_dp_size", key, "parallel.moe_dp_size"},
    {"moe_dense_tp_size", key, "parallel.moe_dense_tp_size"},
    {"enable_dp_attention", key, "parallel.enable_dp_attention"},
    {"enable_dp_lm_head", key, "parallel.enable_dp_lm_head"},
    {"moe_a2a_backend", key, "parallel.moe_a2a_backend"},
    {"moe_runner_backend", key, "serving.flags.moe_runner_backend"},
    {"quantization", key, "serving.flags.quantization"},
    {"enable_flashinfer_allreduce_fusion", key, "serving.flags.enable_flashinfer_allreduce_fusion"},
    {"flashinfer_allreduce_fusion_backend", key,
     "serving.flags.flashinfer_allreduce_fusion_backend"},
    {"enforce_disable_flashinfer_allreduce_fusion", key,
     "serving.flags.enforce_disable_flashinfer_allreduce_fusion"},
    {"enable_aiter_allreduce_fusion", key, "serving.flags.enable_aiter_allreduce_fusion"},
    {"disable_shared_experts_fusion", key, "serving.flags.disable_shared_experts_fusion"},
    {"enforce_shared_experts_fusion", key, "serving.flags.enforce_shared_experts_fusion"},
    {"disable_flashinfer_cutlass_moe_fp4_allgather", key,
     "serving.flags.disable_flashinfer_cutlass_moe_fp4_allgather"},
    {"enable_deterministic_inference", key, "serving.flags.enable_deterministic_inference"},
    {"enable_two_batch_overlap", key, "serving.flags.enable_two_batch_overlap"},
    {"disable_cuda_graph_padding", key, "serving.flags.disable_cuda_graph_padding"},
    {"cuda_graph_max_bs", key, "serving.flags.cuda_graph_max_bs"},
    {"cuda_graph_max_bs_decode", key, "serving.flags.cuda_graph_max_bs"},
    {"cuda_graph_backend_prefill", key, "serving.flags.cuda_graph_backend_prefill"},
    {"disable_cuda_graph", eager, ""},
    {"cuda_graph_bs", captured_sizes, ""},
    {"cuda_graph_bs_decode", captured_sizes, ""},
});

constexpr auto kRefused = std::to_array<std::string_view>({
    "ep_num_redundant_experts",
    "init_expert_location",
    "enable_eplb",
    "enable_lora",
    "lora_paths",
    "json_model_override_args",
    "speculative_algorithm",
    "speculative_draft_model_path",
    "speculative_num_steps",
    "speculative_eagle_topk",
    "speculative_num_draft_tokens",
    "enable_single_batch_overlap",
    "dwdp_size",
});

constexpr auto kIgnored = std::to_array<std::string_view>({
    "api_key",
    "attention_backend",
    "base_gpu_id",
    "bucket_time_to_first_token",
    "chat_template",
    "chunked_prefill_size",
    "constrained_json_whitespace_pattern",
    "context_length",
    "crash_dump_folder",
    "decode_attention_backend",
    "decode_log_interval",
    "deepep_config",
    "deepep_mode",
    "device",
    "disaggregation_bootstrap_port",
    "disaggregation_ib_device",
    "disaggregation_mode",
    "disaggregation_transfer_backend",
    "dist_init_addr",
    "dist_timeout",
    "download_dir",
    "dtype",
    "file_storage_path",
    "fp4_gemm_backend",
    "fp8_gemm_backend",
    "gpu_id_step",
    "grammar_backend",
    "hicache_io_backend",
    "hicache_mem_layout",
    "hicache_ratio",
    "hicache_size",
    "hicache_storage_backend",
    "hicache_write_policy",
    "host",
    "kv_cache_dtype",
    "load_balance_method",
    "load_format",
    "log_level",
    "log_level_http",
    "log_requests_level",
    "max_prefill_tokens",
    "max_queued_requests",
    "max_running_requests",
    "max_total_tokens",
    "mem_fraction_static",
    "mm_attention_backend",
    "model_impl",
    "model_loader_extra_config",
    "nccl_port",
    "nnodes",
    "node_rank",
    "num_continuous_decode_steps",
    "page_size",
    "port",
    "preferred_sampling_params",
    "prefill_attention_backend",
    "random_seed",
    "reasoning_parser",
    "revision",
    "sampling_backend",
    "schedule_conservativeness",
    "schedule_policy",
    "served_model_name",
    "stream_interval",
    "stream_output",
    "swa_full_tokens_ratio",
    "tokenizer_mode",
    "tokenizer_path",
    "tokenizer_worker_num",
    "tool_call_parser",
    "torch_compile_max_bs",
    "watchdog_timeout",
    "weight_version",
});

constexpr auto kIgnoredSwitches = std::to_array<std::string_view>({
    "allow_auto_truncate",
    "delete_ckpt_after_loading",
    "disable_chunked_prefix_cache",
    "disable_custom_all_reduce",
    "disable_fast_image_processor",
    "disable_outlines_disk_cache",
    "disable_overlap_schedule",
    "disable_radix_cache",
    "enable_cache_report",
    "enable_hierarchical_cache",
    "enable_memory_saver",
    "enable_metrics",
    "enable_mixed_chunk",
    "enable_multimodal",
    "enable_nccl_nvls",
    "enable_p2p_check",
    "enable_request_time_stats_logging",
    "enable_return_hidden_states",
    "enable_symm_mem",
    "enable_torch_compile",
    "enable_torch_symm_mem",
    "is_embedding",
    "log_requests",
    "show_time_cost",
    "skip_server_warmup",
    "skip_tokenizer_init",
    "sleep_on_idle",
    "triton_attention_reduce_in_fp32",
    "trust_remote_code",
});

constexpr std::size_t kCount =
    kMeaningful.size() + kRefused.size() + kIgnored.size() + kIgnoredSwitches.size();

constexpr std::array<ServerArgument, kCount> make_arguments() {
  std::array<ServerArgument, kCount> all{};
  auto next = std::copy(kMeaningful.begin(), kMeaningful.end(), all.begin());
  for (const std::string_view name : kRefused) *next++ = {name, refused, ""};
  for (const std::string_view name : kIgnored) *next++ = {name, ignored, ""};
  for (const std::string_view name : kIgnoredSwitches) *next++ = {name, ignored_switch, ""};
  return all;
}

constexpr std::array<ServerArgument, kCount> kArguments = make_arguments();

}  // namespace

const ServerArgument* find_server_argument(std::string_view name) {
  std::string spelled(name);
  std::ranges::replace(spelled, '-', '_');
  const auto found =
      std::ranges::find(kArguments, std::string_view(spelled), &ServerArgument::name);
  return found == kArguments.end() ? nullptr : &*found;
}

bool takes_no_value(const ServerArgument& argument) {
  if (argument.effect == eager || argument.effect == ignored_switch) return true;
  return argument.effect == key && key_at(argument.key).type == KeyType::boolean;
}

std::vector<std::string> server_argument_names() {
  std::vector<std::string> names;
  for (const ServerArgument& argument : kArguments) {
    names.emplace_back(argument.name);
    std::ranges::replace(names.back(), '_', '-');
  }
  return names;
}

}  // namespace lockstep

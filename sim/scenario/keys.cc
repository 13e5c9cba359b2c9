#include "sim/scenario/keys.h"

#include <algorithm>
#include <array>

#include "sim/base/require.h"
#include "sim/base/text.h"

namespace lockstep {
namespace {

using View = std::string_view;

constexpr View kLockstep = "Lockstep";
constexpr View kConfig = "config.json";
constexpr View kArgs = "SGLang server_args";
constexpr View kRules = "SGLang; reference sheet 5.7";
constexpr View kBatch = "SGLang; reference sheet 4";

constexpr std::int64_t kMostRanks = 65'536;
constexpr std::int64_t kMostTokens = 1'000'000;
constexpr std::int64_t kMostColumns = 1'000'000;
constexpr std::int64_t kMostNumber = 1'000'000'000;
constexpr std::int64_t kMostPositions = 16'777'216;
constexpr std::int64_t kMostSeed = 9'223'372'036'854'775'807;

constexpr Key of(KeyType type, View path, View fallback, View source, View meaning) {
  return {path, type, 0, 0, {}, fallback, {}, source, meaning};
}
constexpr Key integer(View path, std::int64_t least, std::int64_t most, View fallback, View unit,
                      View source, View meaning) {
  return {path, KeyType::integer, least, most, {}, fallback, unit, source, meaning};
}
constexpr Key choice(View path, View choices, View fallback, View source, View meaning) {
  return {path, KeyType::choice, 0, 0, choices, fallback, {}, source, meaning};
}
constexpr Key ranks(View name, View fallback, View meaning) {
  return integer(name, 1, kMostRanks, fallback, "ranks", kArgs, meaning);
}
constexpr Key columns(View name, View fallback, View unit, View meaning) {
  return integer(name, 0, kMostColumns, fallback, unit, kConfig, meaning);
}
constexpr Key flag(View path, View meaning) {
  return of(KeyType::boolean, path, "false", kRules, meaning);
}
constexpr Key env(View path, View meaning) {
  return of(KeyType::text, path, "unset", kRules, meaning);
}

constexpr Key changes(View path, View meaning) {
  return {path, KeyType::integer_list, 1,         kMostNumber, {},
          "[]", "pull requests",       kLockstep, meaning};
}

constexpr auto kTop = std::to_array<Key>({
    integer("lockstep", 1, 1, "required", "", kLockstep, "version of this format"),
    of(KeyType::text, "name", "the file's name", kLockstep, "printed in reports"),
    of(KeyType::text, "about", "", kLockstep, "what the scenario shows"),
    of(KeyType::preset_or_map, "model", "required", kLockstep, "what is computed"),
    of(KeyType::map, "serving", "", kLockstep, "whose rules decide on communication"),
    of(KeyType::map, "parallel", "", kLockstep, "who computes"),
    of(KeyType::preset_or_map, "hardware", "hgx-h200", kLockstep, "on what"),
    of(KeyType::map, "batch", "required", kLockstep, "what arrives, in one step; or `steps`"),
    of(KeyType::batches, "steps", "", kLockstep,
       "several steps, caches kept; instead of `batch`. Of a program: maps of tokens and graph"),
    integer("seed", 0, kMostSeed, "1", "", kLockstep, "of weights and inputs in a replay"),
    of(KeyType::map, "expect", "", kLockstep, "makes the file a test"),
    of(KeyType::map, "bug", "", kLockstep, "where the bug comes from: an entry of docs/bugs.md"),
    of(KeyType::map, "fix", "", kLockstep, "edits of this file that mend the bug: its control"),
    of(KeyType::patches, "neighbours", "", kLockstep, "edits that lead to clean layouts"),
});

// Read by sim/program.
constexpr Key of_program(View path, View fallback, View meaning) {
  return of(KeyType::program, path, fallback, kLockstep, meaning);
}
constexpr auto kProgram = std::to_array<Key>({
    of_program("program", "", "what any system does, line by line; instead of a model"),
    of_program("world", "the mesh's", "ranks"),
    of_program("mesh", "", "a product of groups: {dp: 2, tp: 4}"),
    of_program("groups", "", "process groups"),
    of_program("let", "", "constants by name"),
    of_program("tokens", "required without steps", "tokens of each request, by shard"),
    of_program("shards", "world", "the group in which a rank's place is its shard"),
    of_program("hidden", "64", "columns of a tensor"),
    of_program("rows", "", "row layouts by name"),
});

constexpr auto kModel = std::to_array<Key>({
    of(KeyType::text, "model.preset", "", kLockstep, "a preset whose keys are the defaults"),
    of(KeyType::text, "model.config", "", kLockstep,
       "a `config.json`, relative to the scenario, whose keys are the defaults"),
    of(KeyType::text_list, "model.architectures", "[DeepseekV3ForCausalLM]", kConfig,
       "the model class, one entry"),
    of(KeyType::text, "model.model_type", "deepseek_v3", kConfig, "the text part's type"),
    integer("model.num_hidden_layers", 1, 10'000, "required", "layers", kConfig, "layers"),
    integer("model.hidden_size", 1, kMostColumns, "required", "elements", kConfig,
            "width of the residual stream"),
    integer("model.first_k_dense_replace", 0, 10'000, "0", "layers", kConfig,
            "layers before this one are dense"),
    integer("model.moe_layer_freq", 1, 10'000, "1", "layers", kConfig,
            "from there, every such layer is sparse, counted from layer 0"),
    integer("model.decoder_sparse_step", 1, 10'000, "1", "layers", kConfig,
            "of those, layers whose number, counted from 1, is a multiple are sparse"),
    {"model.mlp_only_layers", KeyType::integer_list, 0, 10'000, "", "[]", "layers", kConfig,
     "layers, from 0, that are dense all the same"},
    columns("model.intermediate_size", "required with dense layers", "elements",
            "dense feed-forward width"),
    columns("model.moe_intermediate_size", "required with experts", "elements",
            "one expert's width"),
    columns("model.n_routed_experts", "0", "experts", "0: every layer is dense"),
    columns("model.num_experts_per_tok", "0", "experts", "experts that a token is routed to"),
    columns("model.n_shared_experts", "0", "experts", "experts that see every token"),
    columns("model.shared_expert_intermediate_size", "moe_intermediate_size of each", "elements",
            "width of all shared experts together"),
    integer("model.n_group", 1, kMostColumns, "1", "groups", kConfig, "expert groups"),
    integer("model.topk_group", 1, kMostColumns, "1", "groups", kConfig, "groups kept per token"),
    of(KeyType::number, "model.routed_scaling_factor", "1.0", kConfig, "of the routed sum"),
    of(KeyType::boolean, "model.norm_topk_prob", "true", kConfig,
       "the kept weights are normalised"),
    choice("model.scoring_func", "sigmoid|softmax", "sigmoid", kConfig, "of the router"),
    choice("model.topk_method", "greedy|group_limited_greedy|noaux_tc", "unset", kConfig,
           "how experts are chosen: the best; in the groups with the best expert; in the groups "
           "with the two best, after a correction bias that counts in the choice alone. Unset: in "
           "the groups with the two best, without it"),
    of(KeyType::boolean, "model.router_bias", "false", kLockstep,
       "the router's logits have a bias"),
    of(KeyType::boolean, "model.shared_expert_gate", "false", kLockstep,
       "shared experts are weighted by a sigmoid of the token"),
    of(KeyType::boolean, "model.expert_bias", "false", kLockstep,
       "gate, up and down of an expert have biases"),
    of(KeyType::number, "model.swiglu_limit", "0", kConfig,
       "above 0: experts clamp gate and up, and compute (up + 1) * gate * sigmoid(1.702 gate)"),
    integer("model.num_attention_heads", 1, kMostColumns, "required", "heads", kConfig,
            "query heads"),
    columns("model.num_key_value_heads", "num_attention_heads", "heads", "key/value heads"),
    columns("model.head_dim", "hidden_size / num_attention_heads", "elements",
            "a head's width, without MLA"),
    of(KeyType::boolean, "model.attention_bias", "false", kConfig,
       "the output projection of attention has a bias"),
    integer("model.sliding_window", 0, kMostPositions, "0", "tokens", kConfig,
            "of the layers that have one; 0: none"),
    of(KeyType::text_list, "model.layer_types", "[]", kConfig,
       "sliding_attention or full_attention for each layer, from the start again where the list "
       "ends; empty: every layer has the window"),
    of(KeyType::boolean, "model.qkv_bias", "false", kConfig,
       "the projections of query, key and value have biases"),
    of(KeyType::boolean, "model.use_qk_norm", "false", kConfig,
       "queries and keys are normed, with gains: by head, or as the family says"),
    of(KeyType::boolean, "model.attention_sinks", "false", kLockstep,
       "one logit per head takes part in the softmax and has no value"),
    of(KeyType::number, "model.partial_rotary_factor", "1.0", kConfig,
       "the part of a head that turns with the position, without MLA"),
    columns("model.q_lora_rank", "0", "elements", "0: queries are not compressed"),
    columns("model.kv_lora_rank", "required with MLA", "elements",
            "width of the compressed key/value"),
    columns("model.qk_nope_head_dim", "required with MLA", "elements",
            "a head's part without position"),
    columns("model.qk_rope_head_dim", "required with MLA", "elements",
            "a head's part with position"),
    columns("model.v_head_dim", "required with MLA; else head_dim", "elements",
            "a head's value width"),
    integer("model.vocab_size", 1, 100'000'000, "required", "tokens", kConfig, "vocabulary"),
    integer("model.max_position_embeddings", 0, kMostPositions, "0", "tokens", kConfig,
            "longest sequence"),
    of(KeyType::number, "model.rms_norm_eps", "1e-06", kConfig, "of the RMS norms"),
    of(KeyType::number, "model.rope_theta", "10000", kConfig, "base of the rotary embedding"),
    of(KeyType::text, "model.quantization", "none", kLockstep,
       "how experts are stored; of a config.json: its `quantization_config`"),
});

constexpr auto kServing = std::to_array<Key>({
    choice("serving.system", "sglang|plain", "sglang", kLockstep, "whose rules; `plain` has none"),
    of(KeyType::revision, "serving.revision", "latest", kLockstep,
       "rules as of a merged pull request (24785), just before it (24785^), an ISO date, `latest`"),
    changes("serving.with", "what-if: later changes that are in the revision all the same"),
    changes("serving.without", "what-if: changes that are taken out of the revision"),
    of(KeyType::map, "serving.flags", "{}", kLockstep, "server flags that decide a rule"),
    of(KeyType::map, "serving.env", "{}", kLockstep, "environment variables that decide a rule"),
    of(KeyType::text_map, "serving.rules", "{}", kLockstep,
       "what-if: a rule's name and the expression to use for it"),
    of(KeyType::text, "serving.family", "", kLockstep,
       "a model family described in a file beside the scenario"),
    of(KeyType::text, "serving.flags.moe_runner_backend", "auto", kRules, "the experts' kernels"),
    of(KeyType::text, "serving.flags.quantization", "the model's", kRules,
       "overrides the checkpoint's quantization"),
    flag("serving.flags.enable_flashinfer_allreduce_fusion",
         "all-reduce, add and norm in one kernel"),
    choice("serving.flags.flashinfer_allreduce_fusion_backend", "auto|trtllm|mnnvl", "unset",
           kRules, "the same, in later revisions"),
    flag("serving.flags.enforce_disable_flashinfer_allreduce_fusion", "never fuse"),
    flag("serving.flags.enable_aiter_allreduce_fusion", "the fusion on AMD"),
    flag("serving.flags.disable_shared_experts_fusion", "shared experts run by themselves"),
    flag("serving.flags.enforce_shared_experts_fusion", "shared experts run among the routed ones"),
    flag("serving.flags.disable_flashinfer_cutlass_moe_fp4_allgather", "no gather in fp4"),
    flag("serving.flags.enable_deterministic_inference", "the same bits at any batch size"),
    flag("serving.flags.enable_two_batch_overlap", "two half batches overlap"),
    flag("serving.flags.disable_cuda_graph", "decode runs eagerly"),
    flag("serving.flags.disable_cuda_graph_padding", "capture every size up to the largest"),
    integer("serving.flags.cuda_graph_max_bs", 1, kMostRanks, "by GPU memory", "requests",
            "SGLang; reference sheet 4.6", "largest captured decode size"),
    choice("serving.flags.cuda_graph_backend_prefill", "disabled|tc_piecewise|breakable|full",
           "by model", kRules, "graph of prefill steps"),
    of(KeyType::text, "serving.flags.boundary_reduction", "auto", kRules,
       "where sums may stay open, from 2026-09-25 on"),
    env("serving.env.SGLANG_USE_AITER", "AMD kernels"),
    env("serving.env.SGLANG_SHARED_EXPERT_TP1", "every rank holds the whole shared expert"),
    env("serving.env.SGLANG_DP_SHARED_EXPERT_LOCAL",
        "the shared expert runs on a shard's own rows"),
    env("serving.env.SGLANG_DP_USE_GATHERV", "gathers with variable counts"),
    env("serving.env.SGLANG_DP_USE_REDUCE_SCATTER", "equal chunks in the DP return"),
    env("serving.env.SGLANG_USE_FUSED_PARALLEL_QKNORM", "one kernel for the sharded QK norm"),
});

constexpr auto kParallel = std::to_array<Key>({
    ranks("parallel.tp_size", "1", "tensor-parallel ranks: all ranks of the layout"),
    ranks("parallel.dp_size", "1", "data-parallel replicas of attention"),
    ranks("parallel.ep_size", "1", "expert-parallel ranks"),
    ranks("parallel.pp_size", "1", "pipeline stages"),
    ranks("parallel.attn_cp_size", "1", "context-parallel ranks of attention"),
    ranks("parallel.moe_dp_size", "1", "data-parallel replicas of the experts"),
    ranks("parallel.moe_dense_tp_size", "unset", "tensor-parallel ranks of dense layers"),
    of(KeyType::boolean, "parallel.enable_dp_attention", "false", kArgs,
       "attention is data-parallel inside the TP group"),
    of(KeyType::boolean, "parallel.enable_dp_lm_head", "false", kArgs,
       "each attention-DP shard computes its own logits"),
    choice("parallel.moe_a2a_backend",
           "none|deepep|deepep_v2|mooncake|nixl|ascend_fuseep|flashinfer|mori|pplx|megamoe", "none",
           kArgs, "all-to-all between tokens and experts"),
});

constexpr View kConstants = "docs/hardware.md";
constexpr Key constants(View path, View meaning) {
  return of(KeyType::settings, path, "of the preset", kConstants, meaning);
}

constexpr auto kHardware = std::to_array<Key>({
    of(KeyType::text, "hardware.preset", "hgx-h200", kLockstep, "a machine that is known"),
    integer("hardware.nodes", 1, kMostRanks, "as many as needed", "nodes", kLockstep, "nodes"),
    of(KeyType::text, "hardware.file", "", kLockstep,
       "instead of a preset: a hardware file, beside the scenario"),
    of(KeyType::text, "hardware.name", "of the preset", kLockstep, "printed in reports"),
    of(KeyType::text, "hardware.about", "of the preset", kLockstep, "what it is"),
    of(KeyType::text, "hardware.accuracy", "of the preset", kLockstep,
       "how far off its predictions have been"),
    choice("hardware.generation", "ampere|hopper|blackwell|none", "of the preset", kLockstep,
           "of the GPU; an input of rules"),
    constants("hardware.node", "constants of links and NICs"),
    constants("hardware.gpu", "constants of arithmetic and memory"),
    constants("hardware.launch", "constants of starting a kernel"),
    constants("hardware.nccl", "constants of NCCL"),
    constants("hardware.serving", "constants of a serving system's own collectives"),
    of(KeyType::settings, "hardware.sources", "{}", kConstants, "where constants come from"),
});

constexpr auto kBatchKeys = std::to_array<Key>({
    {"batch.forward_mode", KeyType::choice_or_list, 0, 0, "extend|decode|idle", "extend", "",
     kBatch, "prefill, decode or nothing; one, or one per attention-DP shard"},
    {"batch.tokens", KeyType::integer_or_list, 0, kMostTokens, "", "", "tokens", kLockstep,
     "extend: one request of that length; decode: that many requests of one token; one, or one "
     "per attention-DP shard"},
    integer("batch.kv_len", 1, kMostPositions, "1024", "tokens", kLockstep,
            "decode by `tokens`: a request's length with its new token"),
    of(KeyType::requests, "batch.requests", "", kLockstep,
       "instead of `tokens`: a list of requests per attention-DP shard"),
    integer("batch.requests.extend", 1, kMostTokens, "", "tokens", kLockstep,
            "new tokens of a prefill"),
    integer("batch.requests.prefix", 0, kMostPositions, "0", "tokens", kLockstep,
            "tokens of a prefill that are cached already"),
    integer("batch.requests.decode", 1, 1, "", "tokens", kLockstep, "new tokens of a decode"),
    integer("batch.requests.kv", 1, kMostPositions, "1024", "tokens", kLockstep,
            "a decode's length with its new token"),
    choice("batch.padding", "auto|max_len|sum_len", "auto", kBatch,
           "all shards to the largest, or none; `auto`: by the rules"),
    of(KeyType::toggle, "batch.cuda_graph", "auto", kBatch, "the step replays a captured graph"),
    {"batch.cuda_graph_bs", KeyType::integer_list, 1, kMostRanks, "", "generated", "requests",
     "SGLang; reference sheet 4.6", "captured decode sizes, ascending"},
    of(KeyType::map, "batch.prefill_graph", "{}", kBatch,
       "whether an extend step may run as a captured graph"),
    choice("batch.prefill_graph.backend", "disabled|tc_piecewise|breakable|full", "by the rules",
           kBatch, "only breakable changes the padding"),
    integer("batch.prefill_graph.max_tokens", 1, 16'777'216, "not known", "rows", kBatch,
            "the largest captured prefill size"),
});

constexpr View kVerdicts = "holds|violated|unknown";
constexpr View kCodes =
    "collective-mismatch|deadlock|wrong-rows|undefined-rows|layout-mismatch|expert-map|"
    "nonlinear-on-partial|missing-reduction|wrong-group|double-reduction|duplicated-term|"
    "stream-race";

constexpr auto kExpect = std::to_array<Key>({
    choice("expect.verdict", kVerdicts, "", kLockstep, "of `check`"),
    of(KeyType::map, "expect.first", "", kLockstep, "the first violation; absent keys match any"),
    integer("expect.count", 0, 1'000'000, "", "violations", kLockstep, "how many"),
    of(KeyType::layers, "expect.layers", "", kLockstep,
       "layers of all violations, in order, each once"),
    of(KeyType::violations, "expect.all", "", kLockstep, "every violation, in order"),
    choice("expect.replay", "agrees|diverges|stopped", "", kLockstep, "verdict of `replay`"),
    choice("expect.first.code", kCodes, "", kLockstep, "kind of fault"),
    integer("expect.first.step", 0, 1'000'000, "", "", kLockstep, "step, from 0"),
    integer("expect.first.layer", -1, 1'000'000, "", "", kLockstep,
            "layer, from 0; -1: outside the layers"),
    of(KeyType::text, "expect.first.module", "", kLockstep,
       "embedding, attention, mlp, moe, boundary, logits"),
    of(KeyType::text, "expect.first.group", "", kLockstep, "role of the process group: tp"),
    of(KeyType::factor, "expect.first.factor", "", kLockstep, "how often the value is present"),
    of(KeyType::text, "expect.first.operation", "", kLockstep,
       "the operation that broke the value, by kind or name"),
    integer("expect.first.explained_by", 1, kMostNumber, "", "", kLockstep,
            "a pull request that makes the violation vanish, added or taken out"),
});

constexpr auto kBug = std::to_array<Key>({
    of(KeyType::text, "bug.id", "required", kLockstep,
       "in the catalogue of contract bugs (C7); `outside` for others"),
    of(KeyType::text_or_list, "bug.source", "required", kLockstep, "owner/repo#number"),
    of(KeyType::text, "bug.system", "required", kLockstep, "whose bug it is"),
    of(KeyType::text, "bug.family", "required", kLockstep, "kind of bug; a table of docs/bugs.md"),
    of(KeyType::text, "bug.mechanism", "required", kLockstep, "what goes wrong"),
    of(KeyType::text, "bug.effect", "required", kLockstep, "on the values, as published"),
    of(KeyType::text, "bug.symptom", "", kLockstep, "what users saw, as published"),
    of(KeyType::text, "bug.partly", "", kLockstep, "the part of the cause that is left out"),
});

constexpr auto kFix = std::to_array<Key>({
    of(KeyType::text, "fix.about", "", kLockstep, "what the edits do, in one sentence"),
    of(KeyType::settings, "fix.set", "{}", kLockstep, "as `--set`: replaces or adds keys"),
    of(KeyType::text_list, "fix.remove", "[]", kLockstep,
       "names of program lines, at any depth, that are taken out"),
    of(KeyType::line_map, "fix.replace", "{}", kLockstep, "the line to have instead of a line"),
    of(KeyType::lines_map, "fix.before", "{}", kLockstep, "the lines to insert before a line"),
    of(KeyType::lines_map, "fix.after", "{}", kLockstep, "the lines to insert after a line"),
    of(KeyType::expectation, "fix.expect", "{verdict: holds}", kLockstep,
       "of the file with the edits"),
});

template <std::size_t... Sizes>
constexpr auto joined(const std::array<Key, Sizes>&... tables) {
  std::array<Key, (Sizes + ...)> all{};
  auto next = all.begin();
  ((next = std::copy(tables.begin(), tables.end(), next)), ...);
  return all;
}

constexpr auto kKeys =
    joined(kTop, kProgram, kModel, kServing, kParallel, kHardware, kBatchKeys, kExpect, kBug, kFix);

}  // namespace

std::string_view Key::section() const {
  const std::size_t dot = path.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : path.substr(0, dot);
}

std::string_view Key::name() const { return path.substr(path.rfind('.') + 1); }

std::span<const Key> all_keys() { return kKeys; }

const Key& key_at(std::string_view path) {
  const auto found = std::ranges::find(kKeys, path, &Key::path);
  LOCKSTEP_ASSERT(found != kKeys.end());
  return *found;
}

const Key* find_key(std::string_view section, std::string_view name) {
  for (const Key& key : kKeys) {
    if (key.section() == section && key.name() == name) return &key;
  }
  return nullptr;
}

std::vector<std::string> names_in(std::string_view section) {
  std::vector<std::string> names;
  for (const Key& key : kKeys) {
    if (key.section() == section) names.emplace_back(key.name());
  }
  return names;
}

std::vector<std::string> sections_with(std::string_view name, std::string_view section) {
  std::vector<std::string> sections;
  for (const Key& key : kKeys) {
    if (key.name() == name && key.section() != section) sections.emplace_back(key.section());
  }
  return sections;
}

std::vector<std::string> choices_of(const Key& key) { return split(key.choices, '|'); }

}  // namespace lockstep

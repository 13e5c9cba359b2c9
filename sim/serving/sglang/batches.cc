#include "sim/serving/sglang/batches.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sim/serving/sglang/cuda_graph.h"

namespace lockstep::sglang {
namespace {

constexpr int kMostTokens = 1 << 24;                       // of a shard in a step
constexpr std::int64_t kMostRows = std::int64_t{1} << 30;  // of all shards

std::optional<std::string> refuse_shard(const ShardBatch& shard) {
  if (shard.mode == ForwardMode::idle && !shard.requests.empty()) {
    return "an idle shard has no requests";
  }
  std::int64_t tokens = 0;
  for (const RequestSpec& r : shard.requests) {
    if (r.tokens < 1 || r.prefix < 0)
      return "a request has at least one token and no negative prefix";
    if (shard.mode == ForwardMode::decode && r.tokens != 1) {
      return "a decoded request has one token in a step";
    }
    tokens += r.tokens;
  }
  if (tokens > kMostTokens) return fmt::format("more than {} tokens in one step", kMostTokens);
  return std::nullopt;
}

Diagnostics check_batch(const BatchSpec& batch, const std::string& path, const Parallel& parallel) {
  const auto shards = static_cast<std::size_t>(parallel.attn_dp);
  if (batch.shards.size() != shards) {
    return {path_fault(path + ".tokens",
                       fmt::format("the layout has {} attention-DP shards, the batch has {}",
                                   shards, batch.shards.size()))};
  }
  Diagnostics faults;
  bool any = false;
  for (std::size_t d = 0; d < batch.shards.size(); ++d) {
    any = any || !batch.shards[d].requests.empty();
    if (const auto why = refuse_shard(batch.shards[d])) {
      faults.push_back(path_fault(path + ".tokens", fmt::format("shard {}: {}", d, *why)));
    }
  }
  if (!any)
    faults.push_back(path_fault(path + ".tokens", "no shard has a token: nothing would run"));
  if (batch.cuda_graph_bs) {
    const bool positive =
        std::ranges::all_of(*batch.cuda_graph_bs, [](int size) { return size > 0; });
    if (!positive || batch.cuda_graph_bs->empty()) {
      faults.push_back(path_fault(path + ".cuda_graph_bs", "captured sizes are positive numbers"));
    }
  }
  return faults;
}

// The size of the graph that the step runs as; nullopt if it runs eagerly.
Result<std::optional<int>> choose_graph(const BatchSpec& batch, const std::string& path,
                                        const PaddingQuestion& question, const StepQuestion& step) {
  const Settings& settings = step.settings;
  const bool asked = batch.cuda_graph.value_or(false);
  const std::string key = path + ".cuda_graph";
  if (batch.cuda_graph == false || (settings.disable_cuda_graph && !asked))
    return std::optional<int>{};
  if (question.is_extend) {
    if (!asked) return std::optional<int>{};
    return path_fault(key, "a captured graph with an extend batch is not modelled yet");
  }
  if (question.forced == Padding::sum_len) {
    if (!asked) return std::optional<int>{};
    return path_fault(key, "a captured decode graph is always max_len, the batch asks for sum_len");
  }
  const CaptureOptions options{batch.cuda_graph_bs, settings.cuda_graph_max_bs,
                               settings.disable_cuda_graph_padding};
  const std::vector<int> sizes = captured_sizes(options, step.gpu, step.parallel);
  const int rows = std::ranges::max(question.tokens);
  const std::optional<int> bucket = bucket_of(sizes, rows);
  if (!bucket && asked) {
    return path_fault(key, fmt::format("no captured size holds {} rows: the largest is {}", rows,
                                       sizes.empty() ? 0 : sizes.back()));
  }
  return bucket;
}

std::vector<std::string> notes_on(const BatchSpec& batch, const ResolvedStep& step,
                                  const std::optional<int>& bucket, const Parallel& parallel) {
  std::vector<std::string> notes;
  if (bucket)
    notes.push_back(fmt::format("runs as a captured graph of {} rows per shard", *bucket));
  if (batch.padding && !needs_mlp_sync(parallel)) {
    notes.push_back("no counts are published in this layout: the padding asked for has no effect");
  }
  const auto& modes = step.counts.mode;
  if (std::ranges::any_of(modes, [&](Padding m) { return m != modes.front(); })) {
    notes.push_back("each shard decides its padding by itself, and they differ");
  }
  const bool rewritten = step.is_extend && step.counts.mode.front() == Padding::max_len &&
                         std::ranges::any_of(batch.shards, [](const ShardBatch& s) {
                           return s.mode != ForwardMode::extend;
                         });
  if (rewritten) {
    notes.push_back(
        "SGLang runs the shards without an extend batch as one; their added rows are "
        "counted as padding");
  }
  return notes;
}

}  // namespace

Padding ResolvedStep::padding(const BatchSpec& batch) const {
  const auto busiest =
      std::ranges::max_element(batch.shards, {}, [](const ShardBatch& s) { return s.tokens(); });
  return counts.mode[static_cast<std::size_t>(busiest - batch.shards.begin())];
}

namespace {

// Section 4.1, V2b: under DP attention a breakable prefill graph is refused until #30898, asked for
// until #31682, the default from then on; never with MLA, nor where some shard decodes.
Result<PrefillGraph> prefill_graph(const BatchSpec& batch, const std::string& path,
                                   const StepQuestion& step) {
  const std::string& flag = step.settings.prefill_graph;
  const std::string backend = batch.prefill_graph.value_or(flag);
  const bool asked = backend == "breakable";
  const bool wanted = backend.empty() ? step.revision.includes(31682) : asked;
  if (asked && step.parallel.dp_attention && !step.revision.includes(30898)) {
    return path_fault(path + ".prefill_graph",
                      "SGLang refuses a breakable prefill graph under DP attention before #30898");
  }
  if (asked && step.mla) {
    return path_fault(path + ".prefill_graph",
                      "the breakable prefill graph is disabled for MLA models");
  }
  const bool decodes = std::ranges::any_of(batch.shards, [](const ShardBatch& s) {
    return s.mode == ForwardMode::decode && !s.requests.empty();
  });
  const bool dispatches = step.parallel.a2a != "none" && step.parallel.a2a != "deepep";
  PrefillGraph graph;
  graph.possible = wanted && step.parallel.dp_attention && !step.mla && !decodes && !dispatches;
  graph.largest = batch.prefill_graph_tokens;
  return graph;
}

Diagnostic unknown_padding(const std::string& path) {
  Diagnostic d =
      path_fault(path + ".padding",
                 "the largest captured prefill size is not known, and this step's padding "
                 "hangs on it");
  d.hint = "give batch.prefill_graph {max_tokens: N}, or batch.padding";
  d.unknown = true;
  return d;
}

PaddingQuestion question_of(const BatchSpec& batch) {
  PaddingQuestion question;
  for (const ShardBatch& shard : batch.shards) {
    question.tokens.push_back(shard.tokens());
    const bool extends = shard.mode == ForwardMode::extend && !shard.requests.empty();
    question.extends.push_back(extends);
    question.is_extend = question.is_extend || extends;
  }
  if (batch.padding != Padding::none) question.forced = batch.padding;
  return question;
}

}  // namespace

Result<ResolvedStep> resolve_step(const BatchSpec& batch, const std::string& path,
                                  const StepQuestion& step) {
  const Parallel& parallel = step.parallel;
  Diagnostics faults = check_batch(batch, path, parallel);
  if (!faults.empty()) return faults;
  PaddingQuestion question = question_of(batch);
  const auto graph = prefill_graph(batch, path, step);
  if (!graph) return graph.faults();
  question.prefill_graph = *graph;
  const auto bucket = choose_graph(batch, path, question, step);
  if (!bucket) return bucket.faults();
  question.bucket = *bucket;
  auto counts = pad_counts(question, parallel, step.revision);
  if (!counts) return unknown_padding(path);
  ResolvedStep resolved;
  resolved.is_extend = question.is_extend;
  resolved.cuda_graph = question.bucket.has_value();
  resolved.counts = std::move(*counts);
  const std::int64_t widest = std::ranges::max(resolved.counts.rows);
  if (widest * parallel.attn_dp >= kMostRows) {
    return path_fault(path + ".tokens", fmt::format("more than {} rows in one step", kMostRows));
  }
  resolved.notes = notes_on(batch, resolved, question.bucket, parallel);
  return resolved;
}

}  // namespace lockstep::sglang

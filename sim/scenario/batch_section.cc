#include "sim/scenario/batch_section.h"

#include <fmt/format.h>

#include <string>
#include <utility>

namespace lockstep {
namespace {

constexpr std::size_t kMostSteps = 64;
constexpr std::int64_t kMostTokensInAll = 268'435'456;
constexpr std::int64_t kMostRequestsInAll = 16'777'216;  // each takes memory; a long one no more
constexpr std::string_view kSection = "batch";
constexpr std::string_view kRequests = "batch.requests";
constexpr std::string_view kPrefillGraph = "batch.prefill_graph";

ForwardMode mode_named(const std::string& name) {
  if (name == "extend") return ForwardMode::extend;
  return name == "decode" ? ForwardMode::decode : ForwardMode::idle;
}

// Reads one `batch` map. Shared between the keys: how many shards there are, and how many tokens
// the steps before have used up.
class BatchReader {
 public:
  BatchReader(Checker& checker, int shards) : checker_(checker), shards_(shards) {}

  BatchSpec read(const Node& batch) {
    BatchSpec spec;
    checker_.refuse_unknown_keys(batch, kSection);
    read_shards(batch, spec);
    read_padding(batch, spec);
    read_graph(batch, spec);
    return spec;
  }

 private:
  // One value for all shards, or one per shard; empty after a fault.
  std::vector<const Node*> per_shard(const Node& value, std::string_view name) {
    const auto count = static_cast<std::size_t>(shards_);
    if (!value.is_sequence()) return std::vector<const Node*>(count, &value);
    if (!has_one_per_shard(value, name)) return {};
    std::vector<const Node*> values;
    for (const Node& item : value.items) values.push_back(&item);
    return values;
  }

  bool has_one_per_shard(const Node& list, std::string_view name) {
    if (list.items.size() == static_cast<std::size_t>(shards_)) return true;
    checker_.fault(
        list,
        fmt::format("'{}' has {} entries, but there {} {} attention-DP {}", name, list.items.size(),
                    shards_ == 1 ? "is" : "are", shards_, shards_ == 1 ? "shard" : "shards"),
        "there are dp_size shards with enable_dp_attention, else 1");
    return false;
  }

  void read_shards(const Node& batch, BatchSpec& spec) {
    const std::optional<std::vector<ForwardMode>> modes = read_modes(batch);
    const Node* tokens = batch.find("tokens");
    const Node* requests = batch.find("requests");
    int kv_len = 1024;
    checker_.read(batch, kSection, "kv_len", kv_len);
    if (tokens != nullptr && requests != nullptr) {
      return checker_.fault(*requests, "'tokens' and 'requests' exclude each other",
                            "'tokens' is the short form of 'requests'");
    }
    if (tokens != nullptr) {
      if (modes) read_tokens(*tokens, *modes, kv_len, spec);
    } else if (requests != nullptr) {
      const bool stated = batch.find("forward_mode") != nullptr;
      read_requests(*requests, stated ? modes : std::nullopt, spec);
    } else if (modes && all_idle(*modes)) {
      spec.shards.resize(static_cast<std::size_t>(shards_));
    } else {
      checker_.fault(batch, "a batch needs 'tokens' or 'requests'",
                     "for example 'tokens: 512': one request of that length on each shard");
    }
  }

  static bool all_idle(const std::vector<ForwardMode>& modes) {
    for (const ForwardMode mode : modes) {
      if (mode != ForwardMode::idle) return false;
    }
    return true;
  }

  std::optional<std::vector<ForwardMode>> read_modes(const Node& batch) {
    const Node* value = batch.find("forward_mode");
    std::vector<ForwardMode> modes;
    if (value == nullptr) {
      modes.assign(static_cast<std::size_t>(shards_), ForwardMode::extend);
      return modes;
    }
    const Key& key = key_at("batch.forward_mode");
    if (!value->is_sequence()) {
      const auto name = checker_.choice(*value, key);
      if (!name) return std::nullopt;
      modes.assign(static_cast<std::size_t>(shards_), mode_named(*name));
      return modes;
    }
    if (!has_one_per_shard(*value, "forward_mode")) return std::nullopt;
    for (const Node& item : value->items) {
      if (const auto name = checker_.choice(item, key)) modes.push_back(mode_named(*name));
    }
    if (modes.size() != value->items.size()) return std::nullopt;
    return modes;
  }

  // False, with a fault, once the scenario has more tokens or requests than are simulated.
  bool take_tokens(const Node& node, std::int64_t count, std::int64_t requests) {
    if (tokens_ > kMostTokensInAll || requests_ > kMostRequestsInAll) return false;  // reported
    tokens_ += count;
    requests_ += requests;
    if (requests_ > kMostRequestsInAll) {
      checker_.fault(node, fmt::format("more than {} requests in all", kMostRequestsInAll));
      return false;
    }
    if (tokens_ <= kMostTokensInAll) return true;
    checker_.fault(node, fmt::format("more than {} tokens in all", kMostTokensInAll));
    return false;
  }

  void read_tokens(const Node& value, const std::vector<ForwardMode>& modes, int kv_len,
                   BatchSpec& spec) {
    const Key& key = key_at("batch.tokens");
    if (value.is_scalar() && !checker_.integer(value, key)) return;
    if (!value.is_scalar() && !value.is_sequence()) return checker_.wrong_type(value, key);
    const std::vector<const Node*> counts = per_shard(value, "tokens");
    for (std::size_t shard = 0; shard < counts.size(); ++shard) {
      const auto count = checker_.integer(*counts[shard], key);
      const std::int64_t requests = modes[shard] == ForwardMode::decode ? count.value_or(0) : 1;
      if (!count || !take_tokens(*counts[shard], *count, requests)) {
        spec.shards.emplace_back();
        continue;
      }
      spec.shards.push_back(
          shorthand(*counts[shard], modes[shard], static_cast<int>(*count), kv_len));
    }
  }

  ShardBatch shorthand(const Node& value, ForwardMode mode, int count, int kv_len) {
    ShardBatch shard;
    if (count == 0) return shard;
    if (mode == ForwardMode::idle) {
      checker_.fault(value, fmt::format("an idle shard has no tokens, not {}", count));
      return shard;
    }
    shard.mode = mode;
    if (mode == ForwardMode::extend) {
      shard.requests.push_back({count, 0});
    } else {
      shard.requests.assign(static_cast<std::size_t>(count), {1, kv_len - 1});
    }
    return shard;
  }

  void read_requests(const Node& value, const std::optional<std::vector<ForwardMode>>& modes,
                     BatchSpec& spec) {
    if (!value.is_sequence()) return checker_.wrong_type(value, key_at(kRequests));
    if (!has_one_per_shard(value, "requests")) return;
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      const Node& list = value.items[i];
      if (!list.is_sequence()) {
        checker_.fault(list, fmt::format("a shard's requests must be a list, not {}", shown(list)),
                       "one list per attention-DP shard: [[{extend: 512}], []]");
        continue;
      }
      ShardBatch shard = read_shard(list);
      const bool differs = modes && !shard.requests.empty() && shard.mode != (*modes)[i];
      if (differs) {
        checker_.fault(list, fmt::format("forward_mode says {}, but these requests are {}",
                                         to_string((*modes)[i]), to_string(shard.mode)));
      }
      spec.shards.push_back(std::move(shard));
    }
  }

  // Requests of both kinds in one shard are what SGLang makes of chunked prefill with
  // --enable-mixed-chunk. ScheduleBatch.mix_with_running turns a running decode into a request that
  // extends by one token behind all that is cached, and the forward mode MIXED is an extend to
  // whoever asks is_extend() (python/sglang/srt/managers/schedule_batch.py at 000eaffacf04,
  // model_executor/forward_batch_info.py at 003bbaf9ab79). So the shard is an extend shard, and
  // {decode: 1, kv: K} in it is {extend: 1, prefix: K - 1}, which is what a decode has already.
  ShardBatch read_shard(const Node& list) {
    ShardBatch shard;
    for (const Node& item : list.items) {
      const std::optional<std::pair<ForwardMode, RequestSpec>> request = read_request(item);
      if (!request || !take_tokens(item, request->second.tokens, 1)) continue;
      const bool mixed = !shard.requests.empty() && shard.mode != request->first;
      shard.mode = mixed ? ForwardMode::extend : request->first;
      shard.requests.push_back(request->second);
    }
    if (shard.tokens() > key_at("batch.tokens").most) {
      checker_.fault(list, fmt::format("a shard may have at most {} tokens, not {}",
                                       key_at("batch.tokens").most, shard.tokens()));
    }
    return shard;
  }

  std::optional<std::pair<ForwardMode, RequestSpec>> read_request(const Node& item) {
    if (!item.is_map()) {
      checker_.fault(item, fmt::format("a request must be a map, not {}", shown(item)),
                     "{extend: 512, prefix: 0} or {decode: 1, kv: 4096}");
      return std::nullopt;
    }
    const std::size_t before = checker_.faults_so_far();
    checker_.refuse_unknown_keys(item, kRequests);
    const bool extend = item.find("extend") != nullptr;
    const bool decode = item.find("decode") != nullptr;
    const bool other_key = item.find(extend ? "kv" : "prefix") != nullptr;
    if (extend == decode || other_key) {
      checker_.fault(item, "a request is either {extend, prefix} or {decode, kv}");
      return std::nullopt;
    }
    RequestSpec request;
    int kv = 1024;
    checker_.read(item, kRequests, extend ? "extend" : "decode", request.tokens);
    checker_.read(item, kRequests, "prefix", request.prefix);
    checker_.read(item, kRequests, "kv", kv);
    if (decode) request.prefix = kv - 1;
    if (checker_.faults_so_far() != before) return std::nullopt;
    return std::pair(extend ? ForwardMode::extend : ForwardMode::decode, request);
  }

  void read_padding(const Node& batch, BatchSpec& spec) {
    std::string padding = "auto";
    checker_.read(batch, kSection, "padding", padding);
    if (padding == "max_len") spec.padding = Padding::max_len;
    if (padding == "sum_len") spec.padding = Padding::sum_len;
  }

  void read_graph(const Node& batch, BatchSpec& spec) {
    const Node* graph = batch.find("cuda_graph");
    if (graph != nullptr && !(graph->is_scalar() && graph->text == "auto")) {
      spec.cuda_graph = graph->as_bool();
      if (!spec.cuda_graph) checker_.wrong_type(*graph, key_at("batch.cuda_graph"));
    }
    read_captured_sizes(batch, spec);
    const Node* prefill = batch.find("prefill_graph");
    if (prefill == nullptr || !checker_.is_map(*prefill, kPrefillGraph)) return;
    checker_.refuse_unknown_keys(*prefill, kPrefillGraph);
    checker_.read(*prefill, kPrefillGraph, "backend", spec.prefill_graph);
    checker_.read(*prefill, kPrefillGraph, "max_tokens", spec.prefill_graph_tokens);
  }

  void read_captured_sizes(const Node& batch, BatchSpec& spec) {
    const Node* sizes = batch.find("cuda_graph_bs");
    if (sizes == nullptr) return;
    const Key& key = key_at("batch.cuda_graph_bs");
    if (!sizes->is_sequence() || sizes->items.empty()) return checker_.wrong_type(*sizes, key);
    std::vector<int> captured;
    for (const Node& item : sizes->items) {
      const auto size = checker_.integer(item, key);
      if (!size) return;
      if (!captured.empty() && *size <= captured.back()) {
        return checker_.fault(
            item, fmt::format("'cuda_graph_bs' must ascend: {} after {}", *size, captured.back()));
      }
      captured.push_back(static_cast<int>(*size));
    }
    spec.cuda_graph_bs = std::move(captured);
  }

  Checker& checker_;
  int shards_;
  std::int64_t tokens_ = 0;
  std::int64_t requests_ = 0;
};

}  // namespace

int shard_count(const ParallelFlags& parallel) {
  return parallel.enable_dp_attention ? parallel.dp_size : 1;
}

std::vector<BatchSpec> read_steps(Checker& checker, const Node& root, int shards) {
  std::vector<BatchSpec> steps;
  BatchReader reader(checker, shards);
  const Node* batch = root.find("batch");
  const Node* list = root.find("steps");
  if (batch != nullptr && list != nullptr) {
    checker.fault(*list, "'batch' and 'steps' exclude each other",
                  "'batch' is the short form of 'steps' with one entry");
  } else if (batch != nullptr) {
    if (checker.is_map(*batch, kSection)) steps.push_back(reader.read(*batch));
  } else if (list == nullptr) {
    checker.fault(root, "'batch' is missing: what arrives", "or 'steps', a list of batches");
  } else if (!list->is_sequence() || list->items.empty()) {
    checker.wrong_type(*list, key_at("steps"));
  } else if (list->items.size() > kMostSteps) {
    checker.fault(*list, fmt::format("at most {} steps, not {}", kMostSteps, list->items.size()));
  } else {
    for (const Node& step : list->items) {
      if (checker.is_map(step, "steps[]")) steps.push_back(reader.read(step));
    }
  }
  return steps;
}

}  // namespace lockstep

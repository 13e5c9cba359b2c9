// What arrives: the requests of one forward step on each attention-DP shard.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lockstep {

enum class ForwardMode : std::uint8_t { extend, decode, idle };
std::string to_string(ForwardMode mode);

// One request's share of a step. extend: `tokens` new ones after `prefix` cached ones.
// decode: tokens == 1 after `prefix` cached ones.
struct RequestSpec {
  int tokens = 0;
  int prefix = 0;
  bool operator==(const RequestSpec&) const = default;
};

// One attention-DP shard's batch. No requests means an idle shard.
struct ShardBatch {
  ForwardMode mode = ForwardMode::idle;
  std::vector<RequestSpec> requests;

  int tokens() const {
    int sum = 0;
    for (const RequestSpec& r : requests) sum += r.tokens;
    return sum;
  }
  bool operator==(const ShardBatch&) const = default;
};

enum class Padding : std::uint8_t { none, max_len, sum_len };  // none: no published counts
std::string to_string(Padding padding);

// One step as the scenario asks for it; unset options are decided by the serving system's rules.
struct BatchSpec {
  std::vector<ShardBatch> shards;                 // one per attention-DP shard
  std::optional<Padding> padding;                 // unset: auto
  std::optional<bool> cuda_graph;                 // unset: auto (decode only)
  std::optional<std::vector<int>> cuda_graph_bs;  // captured sizes; unset: generated
  std::optional<std::string> prefill_graph;       // backend: disabled, breakable; unset: auto
  std::optional<int> prefill_graph_tokens;        // the largest captured prefill size

  bool operator==(const BatchSpec&) const = default;
};

}  // namespace lockstep

#include "tests/enumeration/points.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sim/base/require.h"
#include "sim/scenario/scenario.h"

namespace lockstep::test {
namespace {

constexpr int kHoldsTheStep = 4096;
constexpr int kTooSmall = 1;

std::vector<int> divisors(int number) {
  std::vector<int> found;
  for (int d = 1; d <= number; ++d) {
    if (number % d == 0) found.push_back(d);
  }
  return found;
}

int tokens_of(Pattern pattern, int shard) {
  switch (pattern) {
    case Pattern::balanced:
      return 4;
    case Pattern::unbalanced:
      return 1 + (shard * 5 + 2) % 7;
    case Pattern::some_idle:
      return shard % 2 == 0 ? 3 + shard % 4 : 0;
    case Pattern::one_busy:
      return shard == 0 ? 9 : 0;
  }
  return 0;
}

// In a mixed batch every third shard prefills while the others decode.
ForwardMode mode_of(Mode mode, int shard) {
  if (mode == Mode::mixed) return shard % 3 == 0 ? ForwardMode::extend : ForwardMode::decode;
  return mode == Mode::extend ? ForwardMode::extend : ForwardMode::decode;
}

ShardBatch shard_of(const GridBatch& batch, int shard) {
  ShardBatch made;
  const int tokens = tokens_of(batch.pattern, shard);
  if (tokens == 0) return made;
  made.mode = mode_of(batch.mode, shard);
  if (made.mode == ForwardMode::decode) {
    made.requests.assign(static_cast<std::size_t>(tokens), RequestSpec{1, 5});
  } else if (tokens > 3) {
    made.requests = {{tokens - 2, 0}, {2, 3}};
  } else {
    made.requests = {{tokens, 0}};
  }
  return made;
}

BatchSpec batch_of(const GridBatch& batch, const Model& model, int shards) {
  BatchSpec spec;
  for (int shard = 0; shard < shards; ++shard) spec.shards.push_back(shard_of(batch, shard));
  const bool mla = model.kv_lora_rank > 0;
  if (batch.pad == Pad::max_len) spec.padding = Padding::max_len;
  if (batch.pad == Pad::sum_len) spec.padding = Padding::sum_len;
  if (batch.pad == Pad::captured) spec.prefill_graph = mla ? "disabled" : "breakable";
  spec.prefill_graph_tokens = batch.pad == Pad::captured ? kHoldsTheStep : kTooSmall;
  if (batch.mode == Mode::eager_decode) spec.cuda_graph = false;
  if (batch.mode == Mode::captured_decode) spec.cuda_graph = true;
  return spec;
}

constexpr std::array<const char*, 4> kModes{"extend", "eager decode", "captured decode", "mixed"};
constexpr std::array<const char*, 4> kPads{"captured", "automatic", "max_len", "sum_len"};
constexpr std::array<const char*, 4> kPatterns{"balanced", "unbalanced", "some idle", "one busy"};

}  // namespace

std::vector<GridLayout> all_layouts() {
  std::vector<GridLayout> layouts;
  for (const int tp : {1, 2, 4, 8, 16}) {
    for (const int dp : divisors(tp)) {
      for (const int ep : divisors(tp)) {
        for (const int flags : {0, 1, 2, 3, 4, 5, 6, 7}) {
          const GridLayout layout{
              tp, dp, ep, flags & 1, true, (flags & 2) != 0, (flags & 4) != 0 ? "deepep" : "none"};
          layouts.push_back(layout);
          if (dp > 1 && flags > 0) continue;
          layouts.push_back(layout);
          layouts.back().dp_attention = false;
        }
      }
    }
  }
  return layouts;
}

std::vector<GridBatch> all_batches() {
  std::vector<GridBatch> batches;
  for (const Mode mode : {Mode::extend, Mode::eager_decode, Mode::captured_decode, Mode::mixed}) {
    for (const Pad pad : {Pad::captured, Pad::automatic, Pad::max_len, Pad::sum_len}) {
      for (const Pattern pattern :
           {Pattern::balanced, Pattern::unbalanced, Pattern::some_idle, Pattern::one_busy}) {
        batches.push_back({mode, pad, pattern});
      }
    }
  }
  return batches;
}

Model preset_model(const std::string& name, int layers) {
  const Result<Scenario> scenario =
      parse_scenario("lockstep: 1\nmodel: " + name + "\nbatch: {tokens: 1}\n", "preset.yaml");
  LOCKSTEP_ASSERT(static_cast<bool>(scenario));
  Model model = scenario->input.model;
  if (layers > 0) model.num_hidden_layers = model.first_k_dense_replace + layers;
  return model;
}

LoweringInput input_of(const Model& model, const GridLayout& layout, const GridBatch& batch,
                       const std::string& revision) {
  LoweringInput input;
  input.name = model.name;
  input.model = model;
  input.parallel.tp_size = layout.tp;
  input.parallel.dp_size = layout.dp;
  input.parallel.ep_size = layout.ep;
  input.parallel.moe_dense_tp_size = layout.dense_tp;
  input.parallel.enable_dp_attention = layout.dp_attention;
  input.parallel.enable_dp_lm_head = layout.dp_lm_head;
  input.parallel.moe_a2a_backend = layout.a2a;
  input.serving.revision = revision;
  input.steps = {batch_of(batch, model, layout.dp_attention ? layout.dp : 1)};
  return input;
}

std::string text_of(const Model& model, const GridLayout& layout, const GridBatch& batch) {
  return fmt::format(
      "{} tp{} dp{} ep{}{}{}{} a2a {}, {}, {}, {}", model.name, layout.tp, layout.dp, layout.ep,
      layout.dp_attention ? " dp_attention" : "", layout.dense_tp == 1 ? " dense_tp1" : "",
      layout.dp_lm_head ? " dp_lm_head" : "", layout.a2a,
      kModes[static_cast<std::size_t>(batch.mode)], kPads[static_cast<std::size_t>(batch.pad)],
      kPatterns[static_cast<std::size_t>(batch.pattern)]);
}

}  // namespace lockstep::test

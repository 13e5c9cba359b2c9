#include "tests/differential/steps.h"

#include <fmt/format.h>

#include <algorithm>

namespace lockstep::test {
namespace {

bool is_idle(const ShardBatch& shard) { return shard.requests.empty(); }

void choose_modes(BatchSpec& batch, Random& random) {
  if (random.chance(1, 4)) {
    batch.padding = random.chance(1, 2) ? Padding::max_len : Padding::sum_len;
  }
  const bool decodes = std::ranges::all_of(batch.shards, [](const ShardBatch& shard) {
    return is_idle(shard) || shard.mode == ForwardMode::decode;
  });
  if (decodes && random.chance(1, 2)) batch.cuda_graph = random.chance(1, 2);
  batch.prefill_graph = "disabled";
}

ShardBatch drawn_shard(bool decode, bool may_idle, Random& random) {
  const int tokens = static_cast<int>(random.below(6)) + (may_idle ? 0 : 1);
  if (tokens == 0) return {};
  if (!decode && tokens > 2) {
    const int prefix = static_cast<int>(random.below(4));
    return {ForwardMode::extend, {{tokens - 2, 0}, {2, prefix}}};
  }
  if (!decode) return {ForwardMode::extend, {{tokens, 0}}};
  const std::vector<RequestSpec> requests(static_cast<std::size_t>(tokens), RequestSpec{1, 3});
  return {ForwardMode::decode, requests};
}

BatchSpec first_step(int shards, bool decode, Random& random) {
  BatchSpec batch;
  for (int i = 0; i < shards; ++i) batch.shards.push_back(drawn_shard(decode, shards > 1, random));
  if (std::ranges::all_of(batch.shards, is_idle)) {
    batch.shards.front() = {ForwardMode::extend, {{3, 0}}};
  }
  choose_modes(batch, random);
  return batch;
}

// `before`: what the shard did last.
ShardBatch continued(const ShardBatch& before, bool prefills, Random& random) {
  ShardBatch next{prefills ? ForwardMode::extend : ForwardMode::decode, before.requests};
  if (next.requests.size() > 1 && random.chance(1, 8)) next.requests.pop_back();
  for (RequestSpec& request : next.requests) {
    request.prefix += request.tokens;
    request.tokens = prefills ? 1 + static_cast<int>(random.below(3)) : 1;
  }
  return next;
}

// A shard that idles continues later. In one step in eight one shard prefills, and the batch is no
// longer one that decodes.
BatchSpec next_step(std::vector<ShardBatch>& before, Random& random) {
  BatchSpec batch;
  const auto shards = static_cast<std::int64_t>(before.size());
  const std::int64_t prefills = random.chance(1, 8) ? random.below(shards) : -1;
  for (std::int64_t i = 0; i < shards; ++i) {
    ShardBatch& last = before[static_cast<std::size_t>(i)];
    const bool rests = is_idle(last) || (shards > 1 && random.chance(1, 6));
    batch.shards.push_back(rests ? ShardBatch{} : continued(last, i == prefills, random));
    if (!rests) last = batch.shards.back();
  }
  if (std::ranges::all_of(batch.shards, is_idle)) {
    const auto busy = std::ranges::find_if_not(before, is_idle) - before.begin();
    const auto at = static_cast<std::size_t>(busy);
    batch.shards[at] = before[at] = continued(before[at], false, random);
  }
  choose_modes(batch, random);
  return batch;
}

std::string text_of(const BatchSpec& batch) {
  std::string modes;
  std::string tokens;
  for (const ShardBatch& shard : batch.shards) {
    if (!is_idle(shard) && modes.find(to_string(shard.mode)) == std::string::npos) {
      modes += (modes.empty() ? "" : "+") + to_string(shard.mode);
    }
    tokens += fmt::format("{}{}", tokens.empty() ? "" : ",", shard.tokens());
  }
  return fmt::format("{} [{}]{}{}", modes, tokens,
                     batch.padding ? " " + to_string(*batch.padding) : "",
                     batch.cuda_graph.value_or(false) ? " graph" : "");
}

}  // namespace

std::vector<BatchSpec> draw_steps(int shards, Random& random) {
  constexpr int kSteps[] = {1, 1, 2, 3};
  const int count = kSteps[random.below(4)];
  std::vector<BatchSpec> steps = {first_step(shards, random.chance(1, 3), random)};
  std::vector<ShardBatch> before = steps.front().shards;
  while (static_cast<int>(steps.size()) < count) steps.push_back(next_step(before, random));
  return steps;
}

std::string text_of(const std::vector<BatchSpec>& steps) {
  std::string all;
  for (const BatchSpec& step : steps) all += (all.empty() ? "" : ", ") + text_of(step);
  return all;
}

}  // namespace lockstep::test

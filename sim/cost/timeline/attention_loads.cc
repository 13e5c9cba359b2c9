#include "sim/cost/timeline/attention_loads.h"

#include <algorithm>

namespace lockstep {
namespace {

// Token i of a request (from 0) stands at position prefix + i and sees prefix + i + 1 positions:
//   pairs = sum over i < t of min(p + i + 1, w)
// which is t p + t (t + 1) / 2 where no window cuts.
std::int64_t pairs_of(std::int64_t prefix, std::int64_t tokens, std::int64_t window) {
  const std::int64_t last = prefix + tokens;  // what the last token sees
  if (window == 0 || last <= window) return tokens * prefix + tokens * (tokens + 1) / 2;
  const std::int64_t short_ones = std::clamp<std::int64_t>(window - prefix, 0, tokens);
  return pairs_of(prefix, short_ones, 0) + (tokens - short_ones) * window;
}

bool is_decode(const Request& request) { return request.tokens == 1 && request.prefix > 0; }

}  // namespace

AttentionLoads::AttentionLoads(const Plan& plan) : plan_(plan) {
  for (const Step& step : plan.steps) {
    std::vector<Request>& sorted = requests_.emplace_back(step.requests);
    std::ranges::sort(sorted, {}, &Request::first_token);
    const bool some = !sorted.empty();
    decodes_.push_back(some && std::ranges::all_of(sorted, is_decode));
  }
}

const AttentionLoad& AttentionLoads::at(int step, LayoutId layout, int rank, int window) {
  const PerRank<RowMap>& rows = plan_.layout(layout).rows;
  const int distinct = rows.index_of_rank[static_cast<std::size_t>(rank)];
  const auto [entry, is_new] = known_.try_emplace({step, layout.value, distinct, window});
  if (is_new) entry->second = load(step, rows.at(rank), window);
  return entry->second;
}

AttentionLoad AttentionLoads::load(int step, const RowMap& rows, int window) const {
  const std::vector<Request>& requests = requests_[static_cast<std::size_t>(step)];
  AttentionLoad load;
  bool decode = true;
  std::int64_t padding = 0;
  std::int64_t counted = -1;  // tokens below it belong to requests that have been counted
  for (const RowRun& run : rows) {
    if (run.token == kPadding) {
      padding += run.count;
      continue;
    }
    auto request = std::ranges::upper_bound(requests, run.token, {}, &Request::first_token);
    if (request != requests.begin()) --request;
    for (; request != requests.end() && request->first_token < run.token + run.count; ++request) {
      if (request->first_token < counted || request->first_token + request->tokens <= run.token) {
        continue;
      }
      const std::int64_t all = std::int64_t{request->prefix} + request->tokens;
      ++load.requests;
      load.tokens += request->tokens;
      load.pairs += pairs_of(request->prefix, request->tokens, window);
      // With a window, the first new token reads `window` positions and each other one more.
      load.kv_tokens +=
          window == 0 ? all : std::min(all, std::int64_t{window} + request->tokens - 1);
      decode = decode && is_decode(*request);
      counted = request->first_token + request->tokens;
    }
  }
  load.decode = load.requests > 0 ? decode : decodes_[static_cast<std::size_t>(step)];
  if (load.decode) {
    load.requests += padding;
    load.tokens += padding;
    load.pairs += padding;
    load.kv_tokens += padding;
  }
  return load;
}

}  // namespace lockstep

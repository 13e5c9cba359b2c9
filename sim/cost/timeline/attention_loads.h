// How much attention a rank has to do in a step: sums over the requests whose tokens it holds.
#pragma once

#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "sim/plan/plan.h"

namespace lockstep {

struct AttentionLoad {
  bool decode = false;         // one new token a request
  std::int64_t requests = 0;   // rows of padding count as requests of one token in a decode step
  std::int64_t tokens = 0;     // new ones
  std::int64_t pairs = 0;      // (new token, position that it sees)
  std::int64_t kv_tokens = 0;  // whose keys and values are read
  auto operator<=>(const AttentionLoad&) const = default;
};

class AttentionLoads {
 public:
  explicit AttentionLoads(const Plan& plan);

  // Of the rows that `layout` gives to `rank`. A token sees `window` positions at most; 0: all.
  const AttentionLoad& at(int step, LayoutId layout, int rank, int window);

 private:
  AttentionLoad load(int step, const RowMap& rows, int window) const;

  const Plan& plan_;
  std::vector<std::vector<Request>> requests_;  // by step, in the order of their tokens
  std::vector<bool> decodes_;                   // by step: every request has one new token
  std::map<std::tuple<int, int, int, int>, AttentionLoad> known_;
};

}  // namespace lockstep

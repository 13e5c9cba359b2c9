#include "sim/parallel/parallel.h"

#include <utility>

namespace lockstep {
namespace {

// Partitions `ranks` ranks into groups of `size` members that are `stride` apart, inside blocks of
// size * stride consecutive ranks.
std::vector<std::vector<int>> strided_parts(int ranks, int size, int stride) {
  std::vector<std::vector<int>> parts;
  for (int block = 0; block < ranks; block += size * stride) {
    for (int first = block; first < block + stride; ++first) {
      std::vector<int> part;
      for (int i = 0; i < size; ++i) part.push_back(first + i * stride);
      parts.push_back(std::move(part));
    }
  }
  return parts;
}

Group group(const Parallel& parallel, const std::string& role, int size, int stride) {
  const bool is_tp = size == parallel.tp;
  return {role, is_tp ? "tp" : role, strided_parts(parallel.tp, size, stride)};
}

}  // namespace

std::vector<Group> build_groups(const Parallel& parallel) {
  return {group(parallel, "tp", parallel.tp, 1), group(parallel, "attn_tp", parallel.attn_tp, 1),
          group(parallel, "moe_ep", parallel.ep, parallel.moe_tp),
          group(parallel, "moe_tp", parallel.moe_tp, 1)};
}

}  // namespace lockstep

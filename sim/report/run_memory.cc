#include "sim/report/run_memory.h"

#include <fmt/format.h>

#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "sim/cost/timeline/attention_loads.h"

namespace lockstep {
namespace {

// As many ranks are looked at one by one: each takes a walk through the plan.
constexpr int kEachRank = 64;

// The first rank for which `amount` is largest.
template <typename Amount>
int fullest_by(int world, const Amount& amount) {
  int fullest = 0;
  std::int64_t most = amount(0);
  for (int rank = 1; rank < world; ++rank) {
    const std::int64_t here = amount(rank);
    if (here > most) std::tie(fullest, most) = std::pair(rank, here);
  }
  return fullest;
}

void add_by_rows(const Plan& plan, std::set<int>& ranks) {
  for (const RowLayout& layout : plan.layouts) {
    std::vector<std::int64_t> counts;
    for (const RowMap& rows : layout.rows.distinct) counts.push_back(row_count(rows));
    ranks.insert(fullest_by(plan.world, [&](int rank) {
      const int index = layout.rows.index_of_rank[static_cast<std::size_t>(rank)];
      return counts[static_cast<std::size_t>(index)];
    }));
  }
}

void add_by_cache(const Plan& plan, std::set<int>& ranks) {
  AttentionLoads loads(plan);
  std::set<std::pair<int, int>> seen;  // step and layout
  for (const Operation& op : plan.operations) {
    if (op.kind != OpKind::attention || !op.in.front().expect.exists()) continue;
    const LayoutId layout = plan.spec(op.in.front().expect).rows;
    if (!seen.emplace(op.site.step, layout.value).second) continue;
    ranks.insert(fullest_by(
        plan.world, [&](int rank) { return loads.at(op.site.step, layout, rank, 0).kv_tokens; }));
  }
}

std::set<int> candidates(const Plan& plan) {
  std::set<int> ranks{0, plan.world - 1};
  if (plan.world > kEachRank) {
    add_by_rows(plan, ranks);
    add_by_cache(plan, ranks);
    return ranks;
  }
  for (int rank = 0; rank < plan.world; ++rank) ranks.insert(rank);
  return ranks;
}

double gigabytes(std::int64_t bytes) { return static_cast<double>(bytes) / 1e9; }

}  // namespace

std::optional<RunMemory> memory_of(const Plan& plan, const GpuConstants& gpu) {
  if (plan.origin.system == "program") return std::nullopt;
  RunMemory memory;
  for (const int rank : candidates(plan)) {
    const MemoryUse use = memory_use(plan, rank);
    if (use.total() > memory.use.total()) std::tie(memory.rank, memory.use) = std::pair(rank, use);
  }
  memory.fit = memory_fit(memory.use, gpu);
  return memory;
}

std::string memory_warning(const RunMemory& memory) {
  return fmt::format("does not fit: rank {} needs {:.1f} GB of {:.1f} GB", memory.rank,
                     gigabytes(memory.use.total()), gigabytes(memory.fit.capacity));
}

std::string memory_text(const RunMemory& memory, const Style& style) {
  const MemoryUse& use = memory.use;
  std::string text = fmt::format(
      "memory of the fullest rank ({}): {:.1f} of {:.1f} GB: weights {:.1f}, cache {:.1f}, "
      "buffers {:.1f}\n",
      memory.rank, gigabytes(use.total()), gigabytes(memory.fit.capacity), gigabytes(use.weights()),
      gigabytes(use.cache), gigabytes(use.buffers()));
  if (!memory.fit.fits) {
    text += style.bad(fmt::format("does not fit: {:.1f} GB too much; times are as if it did\n",
                                  gigabytes(-memory.fit.left)));
  }
  return text;
}

nlohmann::ordered_json memory_json(const RunMemory& memory) {
  return {{"rank", memory.rank},
          {"fits", memory.fit.fits},
          {"capacity_bytes", memory.fit.capacity},
          {"used_bytes", memory.use.total()},
          {"weights_bytes", memory.use.weights()},
          {"cache_bytes", memory.use.cache},
          {"buffers_bytes", memory.use.buffers()},
          {"left_bytes", memory.fit.left},
          {"most_cache_tokens", memory.fit.most_cache_tokens}};
}

}  // namespace lockstep

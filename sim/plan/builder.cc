#include "sim/plan/builder.h"

#include <algorithm>
#include <unordered_map>

#include "sim/base/random.h"
#include "sim/base/require.h"

namespace lockstep {
namespace {

std::uint64_t hash_of(const RowMap& map) {
  std::uint64_t hash = map.size();
  for (const RowRun& run : map) {
    hash = mix64(hash ^ static_cast<std::uint64_t>(run.token));
    hash = mix64(hash ^ static_cast<std::uint64_t>(run.count));
  }
  return hash;
}

std::uint64_t hash_of(const RowMoves& moves) {
  std::uint64_t hash = static_cast<std::uint64_t>(moves.rows_out);
  for (const Move& m : moves.moves) {
    for (const std::int64_t n : {m.from, m.to, m.count}) {
      hash = mix64(hash ^ static_cast<std::uint64_t>(n));
    }
  }
  return hash;
}

std::uint64_t hash_of(const std::vector<ShareRange>& shares) {
  std::uint64_t hash = shares.size();
  for (const ShareRange& range : shares) {
    hash = mix64(hash ^ static_cast<std::uint64_t>(range.first));
    hash = mix64(hash ^ static_cast<std::uint64_t>(range.last));
  }
  return hash;
}

// The distinct entries are in order of first appearance.
template <class T>
PerRank<T> shared(std::vector<T> per_rank) {
  PerRank<T> table;
  std::unordered_map<std::uint64_t, std::vector<int>> by_hash;
  table.index_of_rank.reserve(per_rank.size());
  for (T& value : per_rank) {
    // Neighbours are mostly alike, or all are different.
    const bool repeats =
        !table.index_of_rank.empty() &&
        table.distinct[static_cast<std::size_t>(table.index_of_rank.back())] == value;
    if (repeats) {
      table.index_of_rank.push_back(table.index_of_rank.back());
      continue;
    }
    std::vector<int>& candidates = by_hash[hash_of(value)];
    const auto found = std::ranges::find_if(candidates, [&](int index) {
      return table.distinct[static_cast<std::size_t>(index)] == value;
    });
    if (found != candidates.end()) {
      table.index_of_rank.push_back(*found);
      continue;
    }
    candidates.push_back(static_cast<int>(table.distinct.size()));
    table.index_of_rank.push_back(candidates.back());
    table.distinct.push_back(std::move(value));
  }
  return table;
}

// Appends and names by position.
template <class IdType, class T>
IdType append_to(std::vector<T>& table, T value) {
  table.push_back(std::move(value));
  return IdType{static_cast<std::int32_t>(table.size()) - 1};
}

}  // namespace

void PlanBuilder::reserve(std::size_t operations) {
  plan_.operations.reserve(operations);
  plan_.tensors.reserve(operations);
  plan_.terms.reserve(operations);
  plan_.specs.reserve(operations);
}

GroupId PlanBuilder::group(const std::string& role) const {
  const auto found = std::ranges::find(plan_.groups, role, &Group::role);
  LOCKSTEP_ASSERT(found != plan_.groups.end());
  return GroupId{static_cast<std::int32_t>(found - plan_.groups.begin())};
}

GroupId PlanBuilder::add_group(Group group) {
  return append_to<GroupId>(plan_.groups, std::move(group));
}

LayoutId PlanBuilder::layout(std::string name, std::vector<RowMap> per_rank) {
  return append_to<LayoutId>(plan_.layouts,
                             RowLayout{std::move(name), shared(std::move(per_rank))});
}

LayoutId PlanBuilder::layout(std::string name, RowMap of_every_rank) {
  PerRank<RowMap> rows;
  rows.distinct.push_back(std::move(of_every_rank));
  rows.index_of_rank.assign(static_cast<std::size_t>(plan_.world), 0);
  return append_to<LayoutId>(plan_.layouts, RowLayout{std::move(name), std::move(rows)});
}

MovesId PlanBuilder::moves(std::string name, std::vector<RowMoves> per_rank) {
  return append_to<MovesId>(plan_.moves, MoveTable{std::move(name), shared(std::move(per_rank))});
}

SizesId PlanBuilder::sizes(std::string name, std::vector<std::int64_t> sizes) {
  return append_to<SizesId>(plan_.sizes, SizeTable{std::move(name), std::move(sizes)});
}

PlacementId PlanBuilder::placement(std::string name,
                                   std::vector<std::vector<ShareRange>> per_rank) {
  PlacementTable table{std::move(name), shared(std::move(per_rank))};
  const auto found = std::ranges::find(plan_.placements, table);
  if (found != plan_.placements.end()) {
    return PlacementId{static_cast<std::int32_t>(found - plan_.placements.begin())};
  }
  return append_to<PlacementId>(plan_.placements, std::move(table));
}

TensorId PlanBuilder::tensor(Tensor tensor) {
  return append_to<TensorId>(plan_.tensors, std::move(tensor));
}

TermId PlanBuilder::term(Term term) { return append_to<TermId>(plan_.terms, std::move(term)); }

void PlanBuilder::set_combine(TermId term, Reduction combine) {
  plan_.terms[term.index()].combine = combine;
}

void PlanBuilder::close(TermId handle, std::vector<TermId> parts) {
  plan_.closings.push_back({handle, std::move(parts)});
}

SpecId PlanBuilder::spec(StateSpec spec) {
  // Specs repeat among neighbours: a layer's boundary expects what its last operation declared.
  constexpr std::size_t kNeighbours = 16;
  const std::size_t count = plan_.specs.size();
  for (std::size_t i = count; i-- > (count > kNeighbours ? count - kNeighbours : 0);) {
    if (plan_.specs[i] == spec) return SpecId{static_cast<std::int32_t>(i)};
  }
  return append_to<SpecId>(plan_.specs, std::move(spec));
}

ReasonId PlanBuilder::reason(Reason reason) {
  const auto found = std::ranges::find(plan_.reasons, reason);
  if (found != plan_.reasons.end()) {
    return ReasonId{static_cast<std::int32_t>(found - plan_.reasons.begin())};
  }
  return append_to<ReasonId>(plan_.reasons, std::move(reason));
}

Operation& PlanBuilder::append(Operation operation) {
  return plan_.operations.emplace_back(std::move(operation));
}

int PlanBuilder::record_event() {
  LOCKSTEP_ASSERT(!plan_.operations.empty());
  int& event = plan_.operations.back().records;
  if (event < 0) event = events_++;
  return event;
}

}  // namespace lockstep

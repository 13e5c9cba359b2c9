#include "sim/cost/timeline/tensor_states.h"

#include <string_view>

namespace lockstep {
namespace {

Rows rows_of(const RowMap& map) {
  Rows rows;
  for (const RowRun& run : map) {
    rows.all += run.count;
    if (run.token != kPadding) rows.real += run.count;
  }
  return rows;
}

}  // namespace

TensorStates::TensorStates(const Plan& plan, const Seats& seats)
    : plan_(plan), seats_(seats), common_(plan.tensors.size()) {
  for (const RowLayout& layout : plan.layouts) {
    std::vector<Rows>& rows = rows_.emplace_back();
    for (const RowMap& map : layout.rows.distinct) rows.push_back(rows_of(map));
  }
  columns_.reserve(plan.tensors.size());
  for (const Tensor& tensor : plan.tensors) columns_.push_back(plan.column_count(tensor.columns));
}

void TensorStates::pass(const Operation& op) {
  for (const Output& out : op.out) {
    const auto tensor = out.tensor.index();
    const auto own = own_.find(out.tensor.value);
    if (op.ranks.empty()) {
      common_[tensor] = out.declared;
      if (own != own_.end()) own_.erase(own);
      continue;
    }
    if (own == own_.end() && common_[tensor] == out.declared) continue;
    std::vector<SpecId>& by_rank = own_[out.tensor.value];
    by_rank.resize(static_cast<std::size_t>(plan_.world), common_[tensor]);
    for (const RankSet::Interval& interval : op.ranks.intervals()) {
      for (int rank = interval.first; rank <= interval.last; ++rank) {
        by_rank[static_cast<std::size_t>(rank)] = out.declared;
      }
    }
  }
}

SpecId TensorStates::last(TensorId tensor, int rank) const {
  const auto own = own_.empty() ? own_.end() : own_.find(tensor.value);
  return own == own_.end() ? common_[tensor.index()] : own->second[static_cast<std::size_t>(rank)];
}

Rows TensorStates::rows(SpecId state, int rank) const {
  if (!state.exists()) return {};
  const LayoutId layout = plan_.spec(state).rows;
  const int distinct = plan_.layout(layout).rows.index_of_rank[static_cast<std::size_t>(rank)];
  return rows_[layout.index()][static_cast<std::size_t>(distinct)];
}

std::int64_t TensorStates::columns(TensorId tensor, SpecId state, int rank) const {
  const std::int64_t whole = columns_[tensor.index()];
  if (!state.exists() || !plan_.spec(state).columns_over.exists()) return whole;
  const Seat& seat = seats_.at(plan_.spec(state).columns_over, rank);
  const ShareRange slice = column_slice(whole, seat.index, seat.size);
  return slice.last - slice.first;
}

int element_bytes(const std::string& dtype) {
  struct Width {
    std::string_view part;
    int bytes;
  };
  constexpr Width kWidths[] = {{"64", 8}, {"32", 4}, {"16", 2}, {"8", 1}};
  const std::string_view name = dtype;
  const std::size_t digits = name.find_first_of("0123456789");  // float8_e4m3: the 8
  if (digits == std::string_view::npos) return 2;
  for (const Width& width : kWidths) {
    if (name.substr(digits).starts_with(width.part)) return width.bytes;
  }
  return 2;
}

}  // namespace lockstep

// The collectives of an Execution: matching, refusal, and what each member receives.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "sim/base/require.h"
#include "sim/contract/execution.h"

namespace lockstep::contract {
namespace {

bool needs_equal_rows(OpKind kind) {
  return kind != OpKind::all_gatherv && kind != OpKind::dispatch;
}

bool has_sizes(OpKind kind) {
  return kind == OpKind::reduce_scatterv || kind == OpKind::all_gatherv;
}

}  // namespace

void Execution::run_collective(int operation, int rank) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  const int communicator = meeting_.communicator(op.group, rank);
  if (const auto all = meeting_.arrive(communicator, {rank, operation})) {
    complete_collective(communicator, *all);
  } else {
    status_[static_cast<std::size_t>(rank)] = Status::waiting;
  }
}

void Execution::complete_collective(int communicator, const std::vector<Arrival>& arrivals) {
  std::string why = disagreement(arrivals);
  if (!why.empty()) {
    for (const Arrival& a : arrivals) status_[static_cast<std::size_t>(a.rank)] = Status::stopped;
    mismatches_.push_back({communicator, arrivals, std::move(why)});
    return;
  }
  const auto op_of = [&](const Arrival& a) -> const Operation& {
    return plan_.operations[static_cast<std::size_t>(a.operation)];
  };
  const std::size_t outputs = op_of(arrivals.front()).out.size();
  for (std::size_t output = 0; output < outputs; ++output) {
    std::vector<StateId> in;
    in.reserve(arrivals.size());
    for (const Arrival& a : arrivals) in.push_back(state(op_of(a).in[output].tensor, a.rank));
    const std::vector<StateId> result = collective_result(arrivals, in, output);
    for (std::size_t i = 0; i < arrivals.size(); ++i) {
      write(arrivals[i].operation, output, arrivals[i].rank, result[i]);
    }
  }
  for (const Arrival& a : arrivals) {
    status_[static_cast<std::size_t>(a.rank)] = Status::running;
    advance(a.rank, a.operation);
  }
}

// Why the calls do not fit together; empty if they do.
std::string Execution::disagreement(const std::vector<Arrival>& arrivals) const {
  const Arrival& first = arrivals.front();
  const Operation& want = plan_.operations[static_cast<std::size_t>(first.operation)];
  const auto rows_at = [&](const Arrival& a) {
    const Operation& op = plan_.operations[static_cast<std::size_t>(a.operation)];
    const StateId held = state(op.in.front().tensor, a.rank);
    return held.exists() ? states_.rows(held) : std::int64_t{-1};
  };
  for (const Arrival& a : arrivals) {
    const Operation& op = plan_.operations[static_cast<std::size_t>(a.operation)];
    const auto differs = [&](std::string_view what, const auto& here, const auto& there) {
      return fmt::format("rank {} calls with {} {}, rank {} with {}", first.rank, what, there,
                         a.rank, here);
    };
    if (op.kind != want.kind) {
      return fmt::format("rank {} calls {}, rank {} calls {}", first.rank, to_string(want.kind),
                         a.rank, to_string(op.kind));
    }
    if (op.out.size() != want.out.size() || op.axis != want.axis) {
      return fmt::format("ranks {} and {} call {} on different axes", first.rank, a.rank,
                         to_string(op.kind));
    }
    const std::string& dtype = plan_.tensor(op.in.front().tensor).dtype;
    const std::string& wanted_dtype = plan_.tensor(want.in.front().tensor).dtype;
    if (dtype != wanted_dtype) return differs("data type", dtype, wanted_dtype);
    const std::string& columns = plan_.tensor(op.in.front().tensor).columns;
    const std::string& wanted_columns = plan_.tensor(want.in.front().tensor).columns;
    if (columns != wanted_columns) return differs("columns", columns, wanted_columns);
    const std::int64_t rows = rows_at(a);
    const std::int64_t wanted_rows = rows_at(first);
    const bool both_exist = rows >= 0 && wanted_rows >= 0;
    if (needs_equal_rows(op.kind) && both_exist && rows != wanted_rows) {
      return differs("rows", rows, wanted_rows);
    }
    if (has_sizes(op.kind) &&
        plan_.size_table(op.sizes).sizes != plan_.size_table(want.sizes).sizes) {
      return fmt::format("ranks {} and {} pass different sizes lists", first.rank, a.rank);
    }
    std::string refused = refused_arguments(a, arrivals.size());
    if (!refused.empty()) return refused;
  }
  return {};
}

// Arguments that the library refuses by itself.
std::string Execution::refused_arguments(const Arrival& a, std::size_t members) const {
  const Operation& op = plan_.operations[static_cast<std::size_t>(a.operation)];
  const StateId held = state(op.in.front().tensor, a.rank);
  const std::int64_t rows = states_.rows(held);
  const auto count = static_cast<std::int64_t>(members);
  if (op.kind == OpKind::reduce_scatter && rows % count != 0) {
    return fmt::format("reduce_scatter of {} rows over {} ranks: not a multiple", rows, count);
  }
  if (!has_sizes(op.kind)) return {};
  const std::vector<std::int64_t>& sizes = plan_.size_table(op.sizes).sizes;
  if (sizes.size() != members) {
    return fmt::format("{} takes one size per rank: {} sizes for a group of {}", to_string(op.kind),
                       sizes.size(), count);
  }
  if (!held.exists()) return {};
  if (op.kind == OpKind::reduce_scatterv) {
    const std::int64_t total = std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0});
    if (total != rows)
      return fmt::format("sizes add up to {}, the tensor has {} rows", total, rows);
    return {};
  }
  const std::int64_t own =
      sizes[static_cast<std::size_t>(membership(plan_, op.group, a.rank).index)];
  if (own != rows) return fmt::format("rank {} passes {} rows, its size is {}", a.rank, rows, own);
  return {};
}

// How many rows of the sum each member receives.
std::vector<std::int64_t> Execution::chunk_rows(const std::vector<Arrival>& arrivals,
                                                std::size_t output) const {
  std::vector<std::int64_t> rows;
  for (std::size_t i = 0; i < arrivals.size(); ++i) {
    const Operation& op = plan_.operations[static_cast<std::size_t>(arrivals[i].operation)];
    if (op.kind == OpKind::reduce_scatterv) {
      rows.push_back(plan_.size_table(op.sizes).sizes[i]);
    } else if (op.kind == OpKind::combine) {
      const LayoutId home = plan_.spec(op.out[output].declared).rows;
      rows.push_back(lockstep::row_count(plan_.layout(home).rows.at(arrivals[i].rank)));
    } else {
      const StateId held = state(op.in[output].tensor, arrivals[i].rank);
      rows.push_back(states_.rows(held) / static_cast<std::int64_t>(arrivals.size()));
    }
  }
  return rows;
}

std::vector<StateId> Execution::collective_result(const std::vector<Arrival>& arrivals,
                                                  std::span<const StateId> in, std::size_t output) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(arrivals.front().operation)];
  const std::size_t members = arrivals.size();
  if (!sums(op.kind)) {
    const bool columns = op.kind == OpKind::all_gather && op.axis == Axis::columns;
    const StateId all = columns ? states_.concatenate_columns(in) : states_.concatenate_rows(in);
    return std::vector<StateId>(members, all);
  }
  const StateId total = states_.sum(in);
  if (op.kind == OpKind::all_reduce) return std::vector<StateId>(members, total);
  std::vector<StateId> chunks;
  std::int64_t first = 0;
  for (const std::int64_t rows : chunk_rows(arrivals, output)) {
    chunks.push_back(states_.slice(total, first, rows));
    first += rows;
  }
  return chunks;
}

}  // namespace lockstep::contract

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
  if (!meeting_) meeting_.emplace(plan_, places_);
  const int communicator = meeting_->communicator(op.group, rank);
  if (const auto all = meeting_->arrive(communicator, {rank, operation})) {
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
    const std::vector<StateId> result = collective_result(arrivals, output);
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
std::string Execution::disagreement(const std::vector<Arrival>& arrivals) {
  const Arrival& first = arrivals.front();
  for (const Arrival& a : arrivals) {
    std::string why = disagreement(a, first);
    if (why.empty()) why = refused_arguments(a, arrivals.size());
    if (!why.empty()) return why;
  }
  return {};
}

std::string Execution::disagreement(const Arrival& a, const Arrival& first) {
  const Operation& want = plan_.operations[static_cast<std::size_t>(first.operation)];
  const Operation& op = plan_.operations[static_cast<std::size_t>(a.operation)];
  const auto differs = [&](std::string_view what, const auto& here, const auto& there) {
    return fmt::format("rank {} calls with {} {}, rank {} with {}", first.rank, what, there, a.rank,
                       here);
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
  const std::int64_t rows = rows_held(op.in.front().tensor, a.rank);
  const std::int64_t wanted_rows = rows_held(want.in.front().tensor, first.rank);
  const bool both_exist = rows >= 0 && wanted_rows >= 0;
  if (needs_equal_rows(op.kind) && both_exist && rows != wanted_rows) {
    return differs("rows", rows, wanted_rows);
  }
  if (has_sizes(op.kind) && op.sizes != want.sizes &&
      plan_.size_table(op.sizes).sizes != plan_.size_table(want.sizes).sizes) {
    return fmt::format("ranks {} and {} pass different sizes lists", first.rank, a.rank);
  }
  return {};
}

// Arguments that the library refuses by itself.
std::string Execution::refused_arguments(const Arrival& a, std::size_t members) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(a.operation)];
  const std::int64_t held = rows_held(op.in.front().tensor, a.rank);
  const std::int64_t rows = std::max<std::int64_t>(held, 0);
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
  if (held < 0) return {};
  if (op.kind == OpKind::reduce_scatterv) {
    const std::int64_t total = total_of(op.sizes);
    if (total != rows)
      return fmt::format("sizes add up to {}, the tensor has {} rows", total, rows);
    return {};
  }
  const std::int64_t own = sizes[static_cast<std::size_t>(places_.index(op.group, a.rank))];
  if (own != rows) return fmt::format("rank {} passes {} rows, its size is {}", a.rank, rows, own);
  return {};
}

std::int64_t Execution::total_of(SizesId sizes) {
  if (sizes != totalled_) {
    const std::vector<std::int64_t>& all = plan_.size_table(sizes).sizes;
    total_ = std::accumulate(all.begin(), all.end(), std::int64_t{0});
    totalled_ = sizes;
  }
  return total_;
}

// How many rows of the sum each member receives.
std::vector<std::int64_t> Execution::chunk_rows(const std::vector<Arrival>& arrivals,
                                                std::size_t output) {
  std::vector<std::int64_t> rows;
  for (std::size_t i = 0; i < arrivals.size(); ++i) {
    const Operation& op = plan_.operations[static_cast<std::size_t>(arrivals[i].operation)];
    if (op.kind == OpKind::reduce_scatterv) {
      rows.push_back(plan_.size_table(op.sizes).sizes[i]);
    } else if (op.kind == OpKind::combine) {
      const LayoutId home = plan_.spec(op.out[output].declared).rows;
      rows.push_back(lockstep::row_count(plan_.layout(home).rows.at(arrivals[i].rank)));
    } else {
      const std::int64_t held = rows_held(op.in[output].tensor, arrivals[i].rank);
      rows.push_back(std::max<std::int64_t>(held, 0) / static_cast<std::int64_t>(arrivals.size()));
    }
  }
  return rows;
}

// A sum that lacks an addend is undefined, whatever the others hold: none of their states is made.
std::optional<StateId> Execution::sum_with_absent(const std::vector<Arrival>& arrivals,
                                                  std::size_t output) {
  std::int64_t rows = 0;
  bool absent = false;
  const Arrival* shape = nullptr;
  for (const Arrival& a : arrivals) {
    const TensorId in = plan_.operations[static_cast<std::size_t>(a.operation)].in[output].tensor;
    const Holding& holding = current_[in.index()];
    const bool simple = holding.by_form() && !forms_.at(holding.form).columns_over.exists();
    if (!simple) return std::nullopt;
    const std::int64_t held = rows_held(in, a.rank);
    absent = absent || held < 0;
    rows = std::max(rows, held);
    if (held >= 0) shape = &a;
  }
  if (!absent || shape == nullptr) return std::nullopt;
  const Operation& op = plan_.operations[static_cast<std::size_t>(shape->operation)];
  return states_.undefined_like(state(op.in[output].tensor, shape->rank), rows);
}

std::vector<StateId> Execution::collective_result(const std::vector<Arrival>& arrivals,
                                                  std::size_t output) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(arrivals.front().operation)];
  const std::size_t members = arrivals.size();
  std::optional<StateId> total;
  if (sums(op.kind) && members > 1) total = sum_with_absent(arrivals, output);
  std::vector<StateId> in;
  if (!total) {
    in.reserve(members);
    for (const Arrival& a : arrivals) {
      const Operation& of = plan_.operations[static_cast<std::size_t>(a.operation)];
      in.push_back(state(of.in[output].tensor, a.rank));
    }
  }
  if (!sums(op.kind)) {
    const bool columns = op.kind == OpKind::all_gather && op.axis == Axis::columns;
    const StateId all = columns ? states_.concatenate_columns(in) : states_.concatenate_rows(in);
    return std::vector<StateId>(members, all);
  }
  if (!total) total = states_.sum(in);
  if (op.kind == OpKind::all_reduce) return std::vector<StateId>(members, *total);
  return states_.slices(*total, chunk_rows(arrivals, output));
}

}  // namespace lockstep::contract

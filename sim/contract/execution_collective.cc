// The collectives of an Execution: matching, refusal, and what each member receives.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "sim/base/require.h"
#include "sim/contract/execution.h"
#include "sim/plan/names.h"

namespace lockstep::contract {
namespace {

bool needs_equal_rows(OpKind kind) {
  return kind != OpKind::all_gatherv && kind != OpKind::dispatch && kind != OpKind::all_to_allv;
}

Joining joining_of(Reduction reduction) {
  switch (reduction) {
    case Reduction::max:
      return Joining::max;
    case Reduction::logsumexp:
      return Joining::logsumexp;
    default:
      return Joining::sum;
  }
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
    return stop(communicator, arrivals, std::move(why));
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
  // What the others bring to a broadcast is only memory; they must fit the root.
  const Operation& called = plan_.operations[static_cast<std::size_t>(arrivals[0].operation)];
  const bool has_root = called.kind == OpKind::broadcast && called.root >= 0 &&
                        static_cast<std::size_t>(called.root) < arrivals.size();
  const Arrival& first = arrivals[has_root ? static_cast<std::size_t>(called.root) : 0];
  // A tensor that does not exist fits any: the others are held against one that does.
  const auto exists = [&](const Arrival& a) { return rows_called_with(a) >= 0; };
  const bool settled = has_root || exists(first);
  const auto some = settled ? arrivals.end() : std::ranges::find_if(arrivals, exists);
  const Arrival& with_rows = some == arrivals.end() ? first : *some;
  for (const Arrival& a : arrivals) {
    std::string why = disagreement(a, first);
    if (why.empty()) why = different_rows(a, with_rows);
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
  if (op.reduction != want.reduction) {
    return differs("reduction", to_string(op.reduction), to_string(want.reduction));
  }
  if (op.root != want.root) return differs("root", op.root, want.root);
  if (op.in.empty()) return {};
  const std::string& dtype = plan_.tensor(op.in.front().tensor).dtype;
  const std::string& wanted_dtype = plan_.tensor(want.in.front().tensor).dtype;
  if (dtype != wanted_dtype) return differs("data type", dtype, wanted_dtype);
  const std::string& columns = plan_.tensor(op.in.front().tensor).columns;
  const std::string& wanted_columns = plan_.tensor(want.in.front().tensor).columns;
  if (columns != wanted_columns) return differs("columns", columns, wanted_columns);
  if (takes_sizes(op.kind) && op.sizes != want.sizes &&
      plan_.size_table(op.sizes).sizes != plan_.size_table(want.sizes).sizes) {
    return fmt::format("ranks {} and {} pass different sizes lists", first.rank, a.rank);
  }
  return {};
}

// Of the tensor that a call brings; -1 where it brings none.
std::int64_t Execution::rows_called_with(const Arrival& a) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(a.operation)];
  return op.in.empty() ? -1 : rows_held(op.in.front().tensor, a.rank);
}

std::string Execution::different_rows(const Arrival& a, const Arrival& first) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(a.operation)];
  const std::int64_t rows = rows_called_with(a);
  const std::int64_t wanted = rows_called_with(first);
  const bool both_exist = rows >= 0 && wanted >= 0;
  if (!needs_equal_rows(op.kind) || !both_exist || rows == wanted) return {};
  return fmt::format("rank {} calls with rows {}, rank {} with {}", first.rank, wanted, a.rank,
                     rows);
}

// Arguments that the library refuses by itself.
std::string Execution::refused_arguments(const Arrival& a, std::size_t members) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(a.operation)];
  const auto count = static_cast<std::int64_t>(members);
  if (takes_root(op.kind) && (op.root < 0 || op.root >= count)) {
    return fmt::format("{} with root {} of a group of {}", to_string(op.kind), op.root, count);
  }
  if (takes_sizes(op.kind)) return refused_sizes(a, members);
  const bool chunks = op.kind == OpKind::reduce_scatter || op.kind == OpKind::all_to_all;
  if (!chunks) return {};
  const std::int64_t rows = std::max<std::int64_t>(rows_held(op.in.front().tensor, a.rank), 0);
  if (rows % count == 0) return {};
  return fmt::format("{} of {} rows over {} ranks: not a multiple", to_string(op.kind), rows,
                     count);
}

std::string Execution::refused_sizes(const Arrival& a, std::size_t members) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(a.operation)];
  const std::vector<std::int64_t>& sizes = plan_.size_table(op.sizes).sizes;
  if (op.kind == OpKind::all_to_allv && sizes.size() != members * members) {
    return fmt::format("{} takes one size per pair of ranks: {} sizes for a group of {}",
                       to_string(op.kind), sizes.size(), members);
  }
  if (op.kind != OpKind::all_to_allv && sizes.size() != members) {
    return fmt::format("{} takes one size per rank: {} sizes for a group of {}", to_string(op.kind),
                       sizes.size(), members);
  }
  const std::int64_t rows = rows_held(op.in.front().tensor, a.rank);
  if (rows < 0) return {};
  if (op.kind == OpKind::reduce_scatterv) {
    const std::int64_t total = total_of(op.sizes);
    if (total != rows)
      return fmt::format("sizes add up to {}, the tensor has {} rows", total, rows);
    return {};
  }
  const std::size_t each = op.kind == OpKind::all_to_allv ? members : 1;
  const auto index = static_cast<std::size_t>(places_.index(op.group, a.rank));
  const auto first = sizes.begin() + static_cast<std::ptrdiff_t>(index * each);
  const std::int64_t own =
      std::accumulate(first, first + static_cast<std::ptrdiff_t>(each), std::int64_t{0});
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

std::vector<StateId> Execution::operands(const std::vector<Arrival>& arrivals, std::size_t output) {
  std::vector<StateId> in;
  in.reserve(arrivals.size());
  for (const Arrival& a : arrivals) {
    const Operation& of = plan_.operations[static_cast<std::size_t>(a.operation)];
    in.push_back(state(of.in[output].tensor, a.rank));
  }
  return in;
}

// By member.
std::vector<StateId> Execution::collective_result(const std::vector<Arrival>& arrivals,
                                                  std::size_t output) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(arrivals.front().operation)];
  const std::size_t members = arrivals.size();
  if (sums(op.kind)) return reduced(arrivals, output);
  const std::vector<StateId> in = operands(arrivals, output);
  if (op.kind == OpKind::broadcast) {
    return std::vector<StateId>(members, in[static_cast<std::size_t>(op.root)]);
  }
  if (op.kind == OpKind::all_to_all || op.kind == OpKind::all_to_allv) return exchanged(op, in);
  const bool columns = op.kind == OpKind::all_gather && op.axis == Axis::columns;
  const StateId all = columns ? states_.concatenate_columns(in) : states_.concatenate_rows(in);
  return std::vector<StateId>(members, all);
}

std::vector<StateId> Execution::reduced(const std::vector<Arrival>& arrivals, std::size_t output) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(arrivals.front().operation)];
  const std::size_t members = arrivals.size();
  std::optional<StateId> total;
  if (members > 1) total = sum_with_absent(arrivals, output);
  if (!total) total = states_.sum(operands(arrivals, output), joining_of(op.reduction));
  if (op.reduction == Reduction::average) {
    const Rational share = Rational(1, static_cast<std::int64_t>(members));
    total = states_.map(*total, [&](ValueId v) { return values_.scale(v, share); });
  }
  if (op.kind == OpKind::all_reduce) return std::vector<StateId>(members, *total);
  if (op.kind != OpKind::reduce) return states_.slices(*total, chunk_rows(arrivals, output));
  std::vector<StateId> result(members, *total);
  for (std::size_t i = 0; i < members; ++i) {
    if (static_cast<int>(i) == op.root) continue;
    const Operation& own = plan_.operations[static_cast<std::size_t>(arrivals[i].operation)];
    const bool in_place = own.in[output].tensor == own.out[output].tensor;
    if (in_place) {
      result[i] = state(own.in[output].tensor, arrivals[i].rank);
    } else if (total->exists()) {
      result[i] = states_.undefined_like(*total, states_.rows(*total));
    }
  }
  return result;
}

// Member j receives the j-th chunk of each member, one after the other. What does not exist has
// chunks all the same, of as many rows as the others'.
std::vector<StateId> Execution::exchanged(const Operation& op, std::span<const StateId> in) {
  const std::size_t members = in.size();
  const auto shape = std::ranges::find_if(in, [](StateId id) { return id.exists(); });
  if (shape == in.end()) return std::vector<StateId>(members, StateId::none());
  const auto equal = states_.rows(*shape) / static_cast<std::int64_t>(members);
  std::vector<std::vector<StateId>> chunks(members);  // by receiver
  for (std::size_t i = 0; i < members; ++i) {
    std::vector<std::int64_t> counts(members, equal);
    if (op.kind == OpKind::all_to_allv) {
      const auto first =
          plan_.size_table(op.sizes).sizes.begin() + static_cast<std::ptrdiff_t>(i * members);
      counts.assign(first, first + static_cast<std::ptrdiff_t>(members));
    }
    const std::int64_t rows = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
    const StateId whole = in[i].exists() ? in[i] : states_.undefined_like(*shape, rows);
    const std::vector<StateId> cut = states_.slices(whole, counts);
    for (std::size_t j = 0; j < members; ++j) chunks[j].push_back(cut[j]);
  }
  std::vector<StateId> result;
  for (const std::vector<StateId>& received : chunks) {
    result.push_back(states_.concatenate_rows(received));
  }
  return result;
}

}  // namespace lockstep::contract

#include "tests/brute_force/calls.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace lockstep::test {
namespace {

bool counts_equal_rows(OpKind kind) {
  return kind != OpKind::all_gatherv && kind != OpKind::dispatch && kind != OpKind::all_to_allv;
}

const Tensor& operand_tensor(const Plan& plan, const Operation& op) {
  return plan.tensor(op.in.empty() ? op.out.front().tensor : op.in.front().tensor);
}

const std::vector<std::int64_t>& sizes_of(const Plan& plan, const Call& call) {
  return plan.size_table(call.operation->sizes).sizes;
}

std::int64_t sum_of(const std::vector<std::int64_t>& sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0});
}

std::string unlike(const Plan& plan, const Call& a, const Call& b) {
  const Operation& x = *a.operation;
  const Operation& y = *b.operation;
  const std::string who = fmt::format("ranks {} and {}: ", a.rank, b.rank);
  if (x.kind != y.kind) return who + "kinds";
  if (x.kind == OpKind::barrier) return {};
  if (x.axis != y.axis) return who + "axes";
  if (x.reduction != y.reduction) return who + "reductions";
  if (x.root != y.root) return who + "roots";
  const Tensor& of_a = operand_tensor(plan, x);
  const Tensor& of_b = operand_tensor(plan, y);
  if (of_a.dtype != of_b.dtype) return who + "data types";
  if (of_a.columns != of_b.columns) return who + "columns";
  const bool known = a.operand.exists() && b.operand.exists();
  if (counts_equal_rows(x.kind) && known && a.operand.rows() != b.operand.rows()) {
    return who + "rows";
  }
  if (takes_sizes(x.kind) && sizes_of(plan, a) != sizes_of(plan, b)) return who + "sizes";
  return {};
}

// The rows that member `index` must bring by the sizes; those that it brings are `rows`.
std::string refused_sizes(OpKind kind, const std::vector<std::int64_t>& sizes, std::size_t members,
                          std::size_t index, std::optional<std::int64_t> rows) {
  const bool square = kind == OpKind::all_to_allv;
  if (sizes.size() != (square ? members * members : members)) return "number of sizes";
  if (!rows) return {};
  std::int64_t owed = sizes[index];
  if (kind == OpKind::reduce_scatterv) owed = sum_of(sizes);
  if (square) {
    const auto first = sizes.begin() + static_cast<std::ptrdiff_t>(index * members);
    owed = std::accumulate(first, first + static_cast<std::ptrdiff_t>(members), std::int64_t{0});
  }
  return owed == *rows ? "" : "sizes are not those of the rows";
}

std::string refused(const Plan& plan, const Call& call, std::size_t members, std::size_t index) {
  const OpKind kind = call.operation->kind;
  const auto count = static_cast<std::int64_t>(members);
  const bool chunks = kind == OpKind::reduce_scatter || kind == OpKind::all_to_all;
  if (chunks && call.operand.rows() % count != 0) return "rows are no multiple of the members";
  const int root = call.operation->root;
  if (takes_root(kind) && (root < 0 || root >= count)) return "the root is no member";
  if (!takes_sizes(kind)) return {};
  std::optional<std::int64_t> rows;
  if (call.operand.exists()) rows = call.operand.rows();
  return refused_sizes(kind, sizes_of(plan, call), members, index, rows);
}

std::vector<Held> operands_of(const std::vector<Call>& calls) {
  std::vector<Held> operands;
  for (const Call& call : calls) operands.push_back(call.operand);
  return operands;
}

// How many rows of the sum member `index` gets.
std::int64_t chunk(const Plan& plan, const Call& call, std::size_t index, std::size_t members) {
  const Operation& op = *call.operation;
  if (op.kind == OpKind::reduce_scatterv) return sizes_of(plan, call)[index];
  if (op.kind == OpKind::combine) {
    const LayoutId home = plan.spec(op.out.front().declared).rows;
    return row_count(plan.layout(home).rows.at(call.rank));
  }
  return call.operand.rows() / static_cast<std::int64_t>(members);
}

std::vector<Held> scattered(const Plan& plan, const std::vector<Call>& calls, const Held& sum) {
  std::vector<Held> chunks;
  std::int64_t first = 0;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const std::int64_t count = chunk(plan, calls[i], i, calls.size());
    chunks.push_back(rows_of(sum, first, count));
    first += count;
  }
  return chunks;
}

std::vector<Held> to_root(const std::vector<Call>& calls, const Held& sum) {
  std::vector<Held> results;
  const auto root = static_cast<std::size_t>(calls.front().operation->root);
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const Operation& op = *calls[i].operation;
    const bool in_place = op.in.front().tensor == op.out.front().tensor;
    if (i == root) {
      results.push_back(sum);
    } else {
      results.push_back(in_place ? calls[i].operand : undefined_like(sum, sum.rows()));
    }
  }
  return results;
}

// sizes[i * n + j] rows from i to j; undefined ones from who has none.
std::vector<Held> exchanged(const std::vector<Held>& operands,
                            const std::vector<std::int64_t>& sizes) {
  const std::size_t n = operands.size();
  const auto shape = std::ranges::find_if(operands, [](const Held& h) { return h.exists(); });
  if (shape == operands.end()) return std::vector<Held>(n);
  std::vector<std::vector<Held>> pieces(n);
  for (std::size_t i = 0; i < n; ++i) {
    std::int64_t first = 0;
    const Held source = operands[i].exists() ? operands[i] : undefined_like(*shape, 0);
    for (std::size_t j = 0; j < n; ++j) {
      pieces[j].push_back(rows_of(source, first, sizes[i * n + j]));
      first += sizes[i * n + j];
    }
  }
  std::vector<Held> results;
  for (const std::vector<Held>& of_member : pieces) results.push_back(below_each_other(of_member));
  return results;
}

// Which member `call` sends to (receives from); -1: none.
std::optional<int> peer(const std::vector<int>& peers, std::size_t index) {
  if (peers.empty()) return std::nullopt;
  const int other = peer_of(peers, static_cast<int>(index));
  return other == -1 ? std::nullopt : std::optional<int>(other);
}

}  // namespace

Communicator communicator(const Plan& plan, GroupId group, int rank) {
  return {plan.group(group).object, *membership(plan, group, rank).members};
}

std::string misfit(const Plan& plan, const std::vector<Call>& calls) {
  // What the others bring to a broadcast is only memory: it must fit the root.
  const Operation& called = *calls.front().operation;
  const bool told = called.kind == OpKind::broadcast && called.root >= 0 &&
                    called.root < static_cast<int>(calls.size());
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (told && static_cast<int>(i) != called.root) continue;
    for (std::size_t j = told ? 0 : i + 1; j < calls.size(); ++j) {
      const std::string why = unlike(plan, calls[i], calls[j]);
      if (!why.empty()) return why;
    }
  }
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const std::string why = refused(plan, calls[i], calls.size(), i);
    if (!why.empty()) return fmt::format("rank {}: {}", calls[i].rank, why);
  }
  return {};
}

std::vector<Held> results_of(const Plan& plan, const std::vector<Call>& calls) {
  const Operation& op = *calls.front().operation;
  const std::vector<Held> operands = operands_of(calls);
  const std::size_t n = calls.size();
  if (op.kind == OpKind::barrier) return std::vector<Held>(n);
  if (sums(op.kind)) {
    const Held sum = reduced(plan, operands, op.reduction);
    if (op.kind == OpKind::all_reduce) return std::vector<Held>(n, sum);
    return op.kind == OpKind::reduce ? to_root(calls, sum) : scattered(plan, calls, sum);
  }
  if (op.kind == OpKind::broadcast) {
    return std::vector<Held>(n, operands[static_cast<std::size_t>(op.root)]);
  }
  if (op.kind == OpKind::all_to_allv) return exchanged(operands, sizes_of(plan, calls.front()));
  if (op.kind == OpKind::all_to_all) {
    std::int64_t rows = 0;
    for (const Held& held : operands) rows = std::max(rows, held.rows());
    const std::int64_t each = rows / static_cast<std::int64_t>(n);
    return exchanged(operands, std::vector<std::int64_t>(n * n, each));
  }
  const bool columns = op.kind == OpKind::all_gather && op.axis == Axis::columns;
  return std::vector<Held>(n, columns ? beside_each_other(operands) : below_each_other(operands));
}

std::string misfit_of_pair(const Plan& plan, const Call& sender, const Call& receiver) {
  const Tensor& sent = plan.tensor(sender.operation->in.front().tensor);
  const Tensor& wanted = plan.tensor(receiver.operation->out.front().tensor);
  const std::string who = fmt::format("rank {} to rank {}: ", sender.rank, receiver.rank);
  if (sent.dtype != wanted.dtype) return who + "data types";
  if (sent.columns != wanted.columns) return who + "columns";
  return {};
}

std::string Posts::add(const Plan& plan, const Call& call) {
  const Operation& op = *call.operation;
  const Communicator on = communicator(plan, op.group, call.rank);
  const Membership me = membership(plan, op.group, call.rank);
  const auto index = static_cast<std::size_t>(me.index);
  const auto to = peer(op.to, index);
  const auto from = peer(op.from, index);
  const auto member = [&](int other) {
    return other >= 0 && other < static_cast<int>(on.members.size());
  };
  // Alone, neither half may be left out or go to oneself.
  const bool alone = op.kind != OpKind::send_recv;
  const bool lacks_half = alone && !to && !from;
  const bool to_itself = alone && (to == me.index || from == me.index);
  if (lacks_half || to_itself || (to && !member(*to)) || (from && !member(*from))) {
    return fmt::format("rank {}: the other is no member", call.rank);
  }
  const auto rank_of = [&](int other) { return on.members[static_cast<std::size_t>(other)]; };
  if (to) sends_.push_back({on, call.rank, rank_of(*to), call});
  if (from) receives_.push_back({on, rank_of(*from), call.rank, call});
  return {};
}

std::optional<Pair> Posts::meet() {
  for (auto send = sends_.begin(); send != sends_.end(); ++send) {
    const auto receive = std::ranges::find_if(
        receives_, [&](const Post& other) { return other.key() == send->key(); });
    if (receive == receives_.end()) continue;
    Pair pair{send->call, receive->call};
    sends_.erase(send);
    receives_.erase(receive);
    return pair;
  }
  return std::nullopt;
}

bool Posts::outstanding(int rank) const {
  const auto of_rank = [rank](const Post& post) { return post.call.rank == rank; };
  return std::ranges::any_of(sends_, of_rank) || std::ranges::any_of(receives_, of_rank);
}

void Posts::forget(int rank) {
  const auto of_rank = [rank](const Post& post) { return post.call.rank == rank; };
  sends_.remove_if(of_rank);
  receives_.remove_if(of_rank);
}

std::vector<std::int64_t> tokens_of(const Plan& plan, LayoutId layout, int rank) {
  std::vector<std::int64_t> tokens;
  for (const RowRun& run : plan.layout(layout).rows.at(rank)) {
    for (std::int64_t i = 0; i < run.count; ++i) {
      tokens.push_back(run.token == kPadding ? kPadding : run.token + i);
    }
  }
  return tokens;
}

std::pair<std::int64_t, std::int64_t> columns_on(const Plan& plan, TensorId tensor, SpecId spec,
                                                 int rank) {
  const std::int64_t count = plan.column_count(plan.tensor(tensor).columns);
  const GroupId over = plan.spec(spec).columns_over;
  if (!over.exists()) return {0, count};
  const Membership m = membership(plan, over, rank);
  const ShareRange slice = column_slice(count, m.index, static_cast<int>(m.members->size()));
  return {slice.first, slice.last};
}

}  // namespace lockstep::test

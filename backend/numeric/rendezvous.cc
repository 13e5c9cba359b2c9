#include "backend/numeric/rendezvous.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "sim/base/require.h"
#include "sim/plan/names.h"

namespace lockstep::numeric {
namespace {

const Operation& operation_of(const Plan& plan, const Call& call) {
  return plan.operations[static_cast<std::size_t>(call.operation)];
}

// The first property in which `get` tells two members apart, in words.
template <class Get>
std::optional<std::string> difference(const std::vector<Call>& calls, Get get) {
  const auto want = get(calls.front());
  std::vector<int> same;
  std::vector<int> other;
  std::string other_text;
  for (const Call& call : calls) {
    const auto have = get(call);
    if (have == want) {
      same.push_back(call.rank);
    } else {
      if (other.empty()) other_text = have;
      other.push_back(call.rank);
    }
  }
  if (other.empty()) return std::nullopt;
  return fmt::format("ranks {} call {}, ranks {} call {}", to_string(RankSet::of(same)), want,
                     to_string(RankSet::of(other)), other_text);
}

// Everything that must be equal among members beside the rows.
std::string signature(const Plan& plan, const Call& call) {
  const Operation& op = operation_of(plan, call);
  if (op.in.empty()) return to_string(op.kind);
  const Tensor& tensor = plan.tensor(op.in.front().tensor);
  std::string text = fmt::format("{} of {} {}", to_string(op.kind), tensor.dtype, tensor.columns);
  if (op.axis == Axis::columns) text += " along columns";
  if (op.reduction != Reduction::sum) text += fmt::format(" by {}", to_string(op.reduction));
  if (takes_root(op.kind)) text += fmt::format(" with root {}", op.root);
  if (takes_sizes(op.kind)) {
    text += fmt::format(" with sizes {}", fmt::join(plan.size_table(op.sizes).sizes, ","));
  }
  return text;
}

// A member whose tensor was never written passes some memory of the right size.
std::optional<std::string> different_rows(const std::vector<Call>& calls) {
  std::vector<Call> known;
  std::ranges::copy_if(calls, std::back_inserter(known), [](const Call& c) { return c.rows >= 0; });
  if (known.empty()) return std::nullopt;
  return difference(known, [](const Call& c) { return fmt::format("with {} rows", c.rows); });
}

// What the others bring to a broadcast is only memory. It must fit the root's, where there is any.
bool has_rows_at_root(const Plan& plan, const std::vector<Call>& calls) {
  const int root = operation_of(plan, calls.front()).root;
  const bool is_member = root >= 0 && static_cast<std::size_t>(root) < calls.size();
  return !is_member || calls[static_cast<std::size_t>(root)].rows >= 0;
}

std::string refused_sizes(const Plan& plan, const Call& call, std::size_t place,
                          std::size_t members) {
  const Operation& op = operation_of(plan, call);
  const std::vector<std::int64_t>& sizes = plan.size_table(op.sizes).sizes;
  const bool of_pairs = op.kind == OpKind::all_to_allv;
  if (sizes.size() != (of_pairs ? members * members : members)) {
    return fmt::format("rank {} passes {} sizes to {} over {} ranks", call.rank, sizes.size(),
                       to_string(op.kind), members);
  }
  if (call.rows < 0) return {};
  std::size_t first = op.kind == OpKind::reduce_scatterv ? 0 : place;
  if (of_pairs) first = place * members;
  const std::size_t count = op.kind == OpKind::all_gatherv ? 1 : members;
  const std::int64_t wanted =
      std::accumulate(sizes.data() + first, sizes.data() + first + count, std::int64_t{0});
  if (wanted == call.rows) return {};
  return fmt::format("rank {} calls {} with {} rows, its sizes say {}", call.rank,
                     to_string(op.kind), call.rows, wanted);
}

std::string refused(const Plan& plan, const Call& call, std::size_t place, std::size_t members) {
  const Operation& op = operation_of(plan, call);
  const bool in_chunks = op.kind == OpKind::reduce_scatter || op.kind == OpKind::all_to_all;
  if (in_chunks && call.rows > 0 && call.rows % static_cast<std::int64_t>(members) != 0) {
    return fmt::format("rank {} calls {} with {} rows, no multiple of {} ranks", call.rank,
                       to_string(op.kind), call.rows, members);
  }
  const bool has_root = op.root >= 0 && static_cast<std::size_t>(op.root) < members;
  if (takes_root(op.kind) && !has_root) {
    return fmt::format("rank {} calls {} with root {} over {} ranks", call.rank, to_string(op.kind),
                       op.root, members);
  }
  return takes_sizes(op.kind) ? refused_sizes(plan, call, place, members) : std::string();
}

bool needs_equal_rows(OpKind kind) {
  return kind != OpKind::all_gatherv && kind != OpKind::dispatch && kind != OpKind::all_to_allv &&
         kind != OpKind::barrier;
}

}  // namespace

Rendezvous::Rendezvous(const Plan& plan) {
  for (const Group& group : plan.groups) {
    std::vector<int>& of_rank =
        by_group_and_rank_.emplace_back(static_cast<std::size_t>(plan.world), -1);
    for (const std::vector<int>& part : group.parts) {
      const auto same = [&](const Communicator& c) {
        return c.object == group.object && c.members == part;
      };
      auto found = std::ranges::find_if(communicators_, same);
      if (found == communicators_.end()) {
        communicators_.push_back({group.object, part, {}});
        found = communicators_.end() - 1;
      }
      const auto index = static_cast<int>(found - communicators_.begin());
      for (const int rank : part) of_rank[static_cast<std::size_t>(rank)] = index;
    }
  }
}

int Rendezvous::communicator(GroupId group, int rank) const {
  const int index = by_group_and_rank_[group.index()][static_cast<std::size_t>(rank)];
  LOCKSTEP_ASSERT(index >= 0);
  return index;
}

std::vector<Call> Rendezvous::arrive(GroupId group, Call call) {
  Communicator& communicator =
      communicators_[static_cast<std::size_t>(this->communicator(group, call.rank))];
  communicator.present.push_back(call);
  if (communicator.present.size() < communicator.members.size()) return {};
  std::vector<Call> in_group_order;
  for (const int rank : communicator.members) {
    in_group_order.push_back(*std::ranges::find(communicator.present, rank, &Call::rank));
  }
  communicator.present.clear();
  return in_group_order;
}

std::vector<Rendezvous::Waiting> Rendezvous::waiting() const {
  std::vector<Waiting> all;
  for (const Communicator& communicator : communicators_) {
    if (communicator.present.empty()) continue;
    Waiting& waiting = all.emplace_back(Waiting{communicator.present, {}});
    for (const int rank : communicator.members) {
      const bool here =
          std::ranges::find(communicator.present, rank, &Call::rank) != communicator.present.end();
      if (!here) waiting.absent.push_back(rank);
    }
  }
  return all;
}

std::string mismatch(const Plan& plan, const std::vector<Call>& calls) {
  const auto signatures = [&](const Call& c) { return signature(plan, c); };
  if (const auto why = difference(calls, signatures)) return *why;
  const OpKind kind = operation_of(plan, calls.front()).kind;
  if (needs_equal_rows(kind) && (kind != OpKind::broadcast || has_rows_at_root(plan, calls))) {
    if (const auto why = different_rows(calls)) return *why;
  }
  for (std::size_t i = 0; i < calls.size(); ++i) {
    std::string why = refused(plan, calls[i], i, calls.size());
    if (!why.empty()) return why;
  }
  return {};
}

}  // namespace lockstep::numeric

#include "backend/numeric/rendezvous.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "sim/base/require.h"

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
  const Tensor& tensor = plan.tensor(op.in.front().tensor);
  std::string text = fmt::format("{} of {} {}", to_string(op.kind), tensor.dtype, tensor.columns);
  if (op.axis == Axis::columns) text += " along columns";
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

std::string refused(const Plan& plan, const Call& call, std::int64_t place, std::int64_t members) {
  const Operation& op = operation_of(plan, call);
  if (op.kind == OpKind::reduce_scatter && call.rows > 0 && call.rows % members != 0) {
    return fmt::format("rank {} calls reduce_scatter with {} rows, no multiple of {} ranks",
                       call.rank, call.rows, members);
  }
  if (!takes_sizes(op.kind)) return {};
  const std::vector<std::int64_t>& sizes = plan.size_table(op.sizes).sizes;
  if (static_cast<std::int64_t>(sizes.size()) != members) {
    return fmt::format("rank {} passes {} sizes to {} over {} ranks", call.rank, sizes.size(),
                       to_string(op.kind), members);
  }
  if (call.rows < 0) return {};
  const std::int64_t wanted = op.kind == OpKind::reduce_scatterv
                                  ? std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0})
                                  : sizes[static_cast<std::size_t>(place)];
  if (wanted == call.rows) return {};
  return fmt::format("rank {} calls {} with {} rows, its sizes say {}", call.rank,
                     to_string(op.kind), call.rows, wanted);
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

std::vector<Call> Rendezvous::arrive(GroupId group, Call call) {
  const int index = by_group_and_rank_[group.index()][static_cast<std::size_t>(call.rank)];
  LOCKSTEP_ASSERT(index >= 0);
  Communicator& communicator = communicators_[static_cast<std::size_t>(index)];
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
  if (kind != OpKind::all_gatherv && kind != OpKind::dispatch) {
    if (const auto why = different_rows(calls)) return *why;
  }
  for (std::size_t i = 0; i < calls.size(); ++i) {
    std::string why = refused(plan, calls[i], static_cast<std::int64_t>(i),
                              static_cast<std::int64_t>(calls.size()));
    if (!why.empty()) return why;
  }
  return {};
}

}  // namespace lockstep::numeric

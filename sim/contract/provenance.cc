#include "sim/contract/provenance.h"

#include <algorithm>
#include <numeric>
#include <set>

namespace lockstep::contract {

Provenance::Provenance(const Plan& plan, std::set<std::pair<int, int>> transfers)
    : plan_(plan),
      transfers_(std::move(transfers)),
      producer_(plan.terms.size(), -1),
      first_writer_(plan.tensors.size() + 1, 0) {
  for (const Operation& op : plan.operations) {
    for (const Output& out : op.out) ++first_writer_[out.tensor.index() + 1];
  }
  std::partial_sum(first_writer_.begin(), first_writer_.end(), first_writer_.begin());
  writers_.resize(first_writer_.back());
  std::vector<std::size_t> next(first_writer_.begin(), first_writer_.end());
  for (std::size_t i = 0; i < plan.operations.size(); ++i) {
    for (const Output& out : plan.operations[i].out) {
      writers_[next[out.tensor.index()]++] = static_cast<int>(i);
    }
    for (const Production& p : plan.operations[i].produces) {
      int& producer = producer_[p.term.index()];
      if (producer < 0) producer = static_cast<int>(i);
    }
  }
}

std::span<const int> Provenance::writers(TensorId tensor) const {
  const std::size_t first = first_writer_[tensor.index()];
  return std::span<const int>(writers_).subspan(first, first_writer_[tensor.index() + 1] - first);
}

std::vector<int> Provenance::senders_to(int operation) const {
  std::vector<int> senders;
  for (auto it = transfers_.lower_bound({operation, -1});
       it != transfers_.end() && it->first == operation; ++it) {
    senders.push_back(it->second);
  }
  return senders;
}

std::vector<TensorId> Provenance::sources(int operation) const {
  std::vector<TensorId> tensors;
  for (const Operand& in : plan_.operations[static_cast<std::size_t>(operation)].in) {
    tensors.push_back(in.tensor);
  }
  for (const int sender : senders_to(operation)) {
    tensors.push_back(plan_.operations[static_cast<std::size_t>(sender)].in.front().tensor);
  }
  return tensors;
}

int Provenance::last_writer(TensorId tensor, int rank, int before) const {
  const std::span<const int> all = writers(tensor);
  for (auto it = std::ranges::lower_bound(all, before); it != all.begin();) {
    --it;
    if (executes(plan_.operations[static_cast<std::size_t>(*it)], rank)) return *it;
  }
  return -1;
}

std::vector<int> Provenance::writers_of(TensorId tensor, int reader) const {
  const std::span<const int> all = writers(tensor);
  const auto before = std::ranges::lower_bound(all, reader);
  if (before == all.begin()) return {};
  // Where the last one is everybody's, there is no other.
  const int last = *std::prev(before);
  if (plan_.operations[static_cast<std::size_t>(last)].ranks.empty()) return {last};
  std::set<int> found;
  for (int rank = 0; rank < plan_.world; ++rank) {
    if (!executes(plan_.operations[static_cast<std::size_t>(reader)], rank)) continue;
    const int writer = last_writer(tensor, rank, reader);
    if (writer >= 0) found.insert(writer);
  }
  return {found.begin(), found.end()};
}

std::vector<int> Provenance::path(int from, TensorId tensor, int until) const {
  std::set<TensorId> wanted{tensor};
  std::vector<int> path;
  for (int i = until - 1; i > from; --i) {
    const Operation& op = plan_.operations[static_cast<std::size_t>(i)];
    const bool writes =
        std::ranges::any_of(op.out, [&](const Output& out) { return wanted.contains(out.tensor); });
    if (!writes || is_nonlinear(op.kind)) continue;
    path.push_back(i);
    for (const TensorId source : sources(i)) wanted.insert(source);
  }
  std::ranges::reverse(path);
  return path;
}

int Provenance::later_sum(int operation, const std::vector<int>& members) const {
  std::set<TensorId> carried;
  for (const Output& out : plan_.operations[static_cast<std::size_t>(operation)].out) {
    carried.insert(out.tensor);
  }
  for (std::size_t i = static_cast<std::size_t>(operation) + 1; i < plan_.operations.size(); ++i) {
    const Operation& op = plan_.operations[i];
    const bool reads = std::ranges::any_of(sources(static_cast<int>(i)),
                                           [&](TensorId t) { return carried.contains(t); });
    if (!reads || is_nonlinear(op.kind) || op.kind == OpKind::require) continue;
    const bool adds = op.reduction == Reduction::sum || op.reduction == Reduction::average;
    const bool sums_here = sums(op.kind) && adds && op.group.exists() &&
                           std::ranges::find(plan_.group(op.group).parts, members) !=
                               plan_.group(op.group).parts.end();
    if (sums_here) return static_cast<int>(i);
    for (const Output& out : op.out) carried.insert(out.tensor);
  }
  return -1;
}

}  // namespace lockstep::contract

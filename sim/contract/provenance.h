// Backwards through a plan: who wrote a tensor, where a term was made, which sums it went through.
#pragma once

#include <cstddef>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "sim/plan/plan.h"

namespace lockstep::contract {

class Provenance {
 public:
  // `transfers`: operations that received, each with one that sent to it.
  Provenance(const Plan& plan, std::set<std::pair<int, int>> transfers);

  // The operations whose sends `operation` has received, ascending.
  std::vector<int> senders_to(int operation) const;

  // The operation that produces `term`; -1 for residual handles.
  int producer(TermId term) const { return producer_[term.index()]; }
  // The last operation before `before` that writes `tensor` on `rank`; -1: none.
  int last_writer(TensorId tensor, int rank, int before) const;
  // The distinct last writers over all ranks that execute `reader`, ascending.
  std::vector<int> writers_of(TensorId tensor, int reader) const;
  // Linear operations and collectives through which values of `from` reach `tensor` at `until`,
  // ascending: from exclusive, until exclusive.
  std::vector<int> path(int from, TensorId tensor, int until) const;
  // The first sum over exactly `members` that linear operations carry the result of `operation` to;
  // -1: none.
  int later_sum(int operation, const std::vector<int>& members) const;

 private:
  std::span<const int> writers(TensorId tensor) const;
  // The tensors that `operation` takes its result from, on whatever rank.
  std::vector<TensorId> sources(int operation) const;

  const Plan& plan_;
  std::set<std::pair<int, int>> transfers_;
  std::vector<int> producer_;
  // The writers of tensor t, ascending: writers_[first_writer_[t]] up to first_writer_[t + 1].
  std::vector<std::size_t> first_writer_;
  std::vector<int> writers_;
};

}  // namespace lockstep::contract

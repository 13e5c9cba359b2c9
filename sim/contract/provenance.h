// Backwards through a plan: who wrote a tensor, where a term was made, which sums it went through.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "sim/plan/plan.h"

namespace lockstep::contract {

class Provenance {
 public:
  explicit Provenance(const Plan& plan);

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

  const Plan& plan_;
  std::vector<int> producer_;
  // The writers of tensor t, ascending: writers_[first_writer_[t]] up to first_writer_[t + 1].
  std::vector<std::size_t> first_writer_;
  std::vector<int> writers_;
};

}  // namespace lockstep::contract

// The value that each term of a hand-written program should have: what the operation that makes it
// makes of operands that are right. A share depends on the rows and columns of the rank that makes
// it; of several that make it for a token, the lowest decides.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "backend/numeric/program.h"
#include "sim/plan/shares.h"

namespace lockstep::numeric {

class PlanReference;

class ProgramReference {
 public:
  // All must outlive it. `owner` answers for the operands.
  ProgramReference(const Plan& plan, Weights& weights, PlanReference& owner);

  // True if compute or linear makes `term`, or another unit of it.
  bool makes(TermId term) const;
  // A row per token of the term's step. A term that nothing computes has some value all the same,
  // so that a sum without it is wrong; so does one that would depend on itself.
  const Matrix<double>& value(TermId term);
  const Program& program() const { return program_; }

 private:
  // Who computes a share of a term.
  struct Maker {
    const Operation* op = nullptr;
    TermId term;  // in the unit in which it is made there
    int rank = 0;
  };
  struct Whole;
  using Makers = std::map<int, std::vector<Maker>>;  // by share

  const Matrix<double>& drawn(TermId term);
  Matrix<double> computed(TermId quantity);
  Matrix<double> share(TermId term, int share, const std::vector<Maker>& makers);
  const Application& application(const Maker& maker);
  Matrix<double> right_rows(const Operand& operand, const std::vector<std::int64_t>& at,
                            Interval columns, int rank);
  std::vector<CountedShares> shares_made(const Production& production, const Operation& op,
                                         int rank) const;
  Makers makers_of(TermId quantity) const;
  void fill(const Maker& maker, TermId term, int share, Whole& whole);
  std::int64_t columns_of(TermId term) const;

  const Plan& plan_;
  PlanReference& owner_;
  Program program_;
  std::map<TermId, std::vector<std::pair<int, int>>> productions_;  // by quantity: operation, entry
  std::vector<const std::string*> columns_;                         // by term; null: in no tensor
  std::map<TermId, Matrix<double>> values_;
  std::map<TermId, Matrix<double>> drawn_;
  std::set<TermId> in_progress_;
  std::map<std::pair<const Operation*, int>, Application> applications_;  // of the term in hand
};

}  // namespace lockstep::numeric

// Turns unmet obligations into violations: each independent fault once, blamed on the operation
// that broke the value, with its producer, its consumer and the rules that chose them.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "sim/contract/check.h"
#include "sim/contract/execution.h"
#include "sim/contract/ledger.h"
#include "sim/contract/provenance.h"
#include "sim/contract/units.h"

namespace lockstep::contract {

class Blame {
 public:
  explicit Blame(Execution& execution);

  // The violations of all unmet obligations, in the order of design section 2.4.
  std::vector<Violation> violations();

 private:
  using Where = std::tuple<int, int, std::string>;  // step, layer, module

  // The wrong values of one site at one obligation.
  struct Suspect {
    Site site;
    Ledger ledger;
    TermId term;   // the first wrong one
    int rank = 0;  // the lowest wrong one
    ValueId actual = kZero;
    std::vector<int> ranks;
  };

  void blame_rows(const UnmetObligation& unmet, FaultKind kind);
  std::string rows_message(const Violation& violation, const std::vector<RowRun>& rows,
                           bool padding) const;
  void blame_units(const UnmetObligation& unmet);
  void blame_unit(const UnmetObligation& unmet, UnitMistake mistake, const std::vector<int>& ranks);
  void blame_values(const UnmetObligation& unmet);
  void blame_value(const UnmetObligation& unmet, Suspect& suspect);
  std::map<Where, Suspect> suspects(const UnmetObligation& unmet);
  std::vector<std::pair<Suspect*, const Entry*>> accuse(const RowFault& fault, SpecId spec,
                                                        std::map<Where, Suspect>& found);

  using Faults = std::vector<FaultGroup>;

  template <class Faulty>
  int first_deviating(int reader, TensorId tensor, const Faulty& faulty);
  template <class Faulty>
  int deviating_before(int reader, TensorId tensor, const Faulty& faulty, std::set<int>& sent);
  int without_result(int writer, int output);
  int no_result(int reader, TensorId tensor, const RankSet& ranks) const;
  const Faults& faults_of_output(int operation, int index);
  Faults find_faults_of_output(int operation, int index);
  StateId sum_of_part(int operation, TensorId tensor, const std::vector<int>& part);
  bool shows(const Faults& faults, SpecId spec, const Where& place);
  const Compared& entries_of(ValueId actual, SpecId spec);

  Code code_of(const UnmetObligation& unmet, const Suspect& suspect, int blamed);
  const std::vector<int>& part_of(GroupId group, int rank) const;
  bool sum_reaches(const std::vector<int>& path, std::size_t at, TermId term, int rank) const;
  Code code_of_absence(const UnmetObligation& unmet, const Suspect& suspect);
  bool sums_too_late(const UnmetObligation& unmet, GroupId owed,
                     const std::vector<int>& owed_members);
  std::string misplaced_text(const Suspect& suspect) const;
  bool same_factor_everywhere(const UnmetObligation& unmet, const Suspect& suspect, int blamed);

  Site site_of(TermId term) const;
  Where where(TermId term) const;
  OperationRef reference(int operation) const;
  void set_group(Violation& violation, int blamed, int producer) const;
  std::vector<ReasonId> reasons(int producer, const std::vector<int>& path, int blamed,
                                int consumer) const;
  void add(Violation violation);

  Execution& execution_;
  const Plan& plan_;
  Provenance provenance_;
  std::vector<Violation> violations_;
  std::set<std::tuple<int, Code, Where>> reported_;
  std::map<std::pair<int, int>, Faults> faults_of_output_;  // by operation and output
  std::map<std::pair<ValueId, SpecId>, Compared> entries_;
  std::set<int> accounted_;  // late sums of nonlinear-on-partial: the same fault seen again
};

}  // namespace lockstep::contract

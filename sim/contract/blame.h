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
  void blame_values(const UnmetObligation& unmet);
  void blame_value(const UnmetObligation& unmet, Suspect& suspect);
  std::map<Where, Suspect> suspects(const UnmetObligation& unmet);
  std::vector<std::pair<Suspect*, const Entry*>> accuse(const RowFault& fault, SpecId spec,
                                                        std::map<Where, Suspect>& found);

  using Faults = std::vector<FaultGroup>;

  template <class Faulty>
  int first_deviating(int reader, TensorId tensor, const Faulty& faulty);
  const Faults& faults_of_output(int operation, int index);
  Faults find_faults_of_output(int operation, int index);
  StateId sum_of_part(int operation, TensorId tensor, const std::vector<int>& part);
  bool shows(const Faults& faults, SpecId spec, const Where& place);
  const std::vector<Entry>& entries_of(ValueId actual, SpecId spec);

  Code code_of(const UnmetObligation& unmet, const Suspect& suspect, int blamed);
  Code code_of_absence(const UnmetObligation& unmet, const Suspect& suspect);
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
  std::map<std::pair<ValueId, SpecId>, std::vector<Entry>> entries_;
  std::set<int> accounted_;  // late sums of nonlinear-on-partial: the same fault seen again
};

}  // namespace lockstep::contract

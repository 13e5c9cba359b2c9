// Turns unmet obligations into violations: each independent fault once, blamed on the operation
// that broke the value, with its producer, its consumer and the rules that chose them.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
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
    RankSet ranks;
  };

  void blame_rows(const UnmetObligation& unmet, FaultKind kind);
  void blame_values(const UnmetObligation& unmet);
  void blame_value(const UnmetObligation& unmet, Suspect& suspect);
  std::map<Where, Suspect> suspects(const UnmetObligation& unmet);

  template <class Faulty>
  int first_deviating(int reader, TensorId tensor, const Faulty& faulty);
  std::vector<RowFault> faults_of_output(int operation, const Output& output, int index);
  bool shows(const std::vector<RowFault>& faults, SpecId spec, const Where& place);

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
  std::set<int> accounted_;  // late sums of nonlinear-on-partial: the same fault seen again
};

}  // namespace lockstep::contract

// Collective mismatches and deadlocks of an execution, as violations.
#pragma once

#include <vector>

#include "sim/contract/check.h"
#include "sim/contract/execution.h"

namespace lockstep::contract {

struct StructuralFindings {
  std::vector<Violation> violations;
  int stopped_at = -1;  // the lowest operation at which a call failed or waits for ever; -1: none
};

// A rank that waits for one that a mismatch stopped is a consequence, not a finding.
StructuralFindings structural_findings(const Execution& execution);

}  // namespace lockstep::contract

// Words for violations and states.
#pragma once

#include <string>

#include "sim/contract/check.h"
#include "sim/contract/execution.h"

namespace lockstep::contract {

// The operation as a violation names it; nothing for -1.
OperationRef operation_ref(const Plan& plan, int operation);

// One sentence on a value violation: where, what, by which operation.
std::string describe(const Plan& plan, const Violation& violation);
// The same where `what` is wrong.
std::string describe(const Plan& plan, const Violation& violation, const std::string& what);

// The state of `state` on `rank` in the notation of the reference sheet, section 7.1: rows, value,
// and Axis with C, P(G), W(k) or the mixture. `spec` is what the writer declared; it names the
// axis.
RankState describe_state(Execution& execution, StateId state, SpecId spec, int rank);

// "L0.mlp.down[3]", "8*(L0.mlp.down)", "residual@L0 + L0.attn.o_proj[0-3]"; "0" and "undefined".
std::string value_text(const Plan& plan, const ValueTable& values, ValueId value);

}  // namespace lockstep::contract

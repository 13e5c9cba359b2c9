// From the last layer to the logits of the wanted tokens (reference sheet, section 6.1).
#pragma once

#include "sim/serving/sglang/communicator.h"
#include "sim/serving/sglang/step_context.h"

namespace lockstep::sglang {

// Final norm, pruning, lm_head, gathering of the vocabulary; ends in the boundary at the logits.
void emit_logits(const StepContext& context, Stream stream);

}  // namespace lockstep::sglang

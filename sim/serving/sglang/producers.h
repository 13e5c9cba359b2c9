// The producers of a DeepSeek-family model: embedding, attention, feed-forward (reference sheet,
// sections 6.1 and 6.2).
#pragma once

#include "sim/serving/sglang/decisions.h"
#include "sim/serving/sglang/step_context.h"

namespace lockstep::sglang {

// The embedding rows of the shard, complete, and their boundary.
Value embed(const StepContext& context, bool sharded);

// Attention on `normed`, partial over ATTN_TP, and its boundary.
Value attend(const StepContext& context, const LayerFacts& facts, const Value& normed);

// The feed-forward on `normed`, with the producer's own sum unless it is skipped.
Value feed_forward(const StepContext& context, const LayerFacts& facts,
                   const LayerDecision& decision, SharedExperts shared, const Value& normed);

}  // namespace lockstep::sglang

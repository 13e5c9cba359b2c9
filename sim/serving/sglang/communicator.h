// The three steps of SGLang's layer communicator (reference sheet, section 3).
#pragma once

#include <optional>

#include "sim/serving/sglang/decisions.h"
#include "sim/serving/sglang/step_context.h"

namespace lockstep::sglang {

// What the layer before left to be completed: its sum, or from #41253 on its return step.
struct LeftOver {
  LayerFacts facts;
  const LayerDecision* decision = nullptr;
};

// The pair (hidden, residual) between two blocks.
struct Stream {
  Value hidden;                   // the last block's contribution
  std::optional<Value> residual;  // absent before the first add, and after one was joined
  std::optional<LeftOver> left;   // the next prepare_attn completes hidden first
};

// 3.1: add and norm1; returns what attention works on, all rows of the shard. Leaves the residual.
Value prepare_attention(const StepContext& context, const LayerFacts& facts, Stream& stream);

// 3.2: from the attention's output to what the feed-forward works on. Leaves the residual.
Value prepare_mlp(const StepContext& context, const LayerFacts& facts, Value attention,
                  Stream& stream);

// 3.3, 3.4: the feed-forward's contribution brought home, in the rows of the layer's output; the
// residual is not joined yet.
Value return_home(const StepContext& context, const LayerFacts& facts,
                  const LayerDecision& decision, const Value& output,
                  const std::string& prefix = "");

// 3.3, Q3: where the feed-forward worked on slices and the layer gives out the shard's rows, the
// residual joins and the slices are gathered.
void join_slices(const StepContext& context, const LayerFacts& facts, Stream& stream);

}  // namespace lockstep::sglang

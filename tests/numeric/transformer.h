// Plans of whole small transformers for tests, written the way a serving system would lay them out:
// attention per data-parallel shard, feed-forwards on everybody's rows.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sim/plan/builder.h"

namespace lockstep::test {

// How the sum of a feed-forward over all ranks comes home to each shard's rows.
enum class Return : std::uint8_t {
  reduce_then_copy,     // all_reduce, then each rank takes its rows
  scatter,              // reduce_scatterv; needs one rank per shard
  reduce_then_scatter,  // both: every value as many times too large as there are ranks
  none,                 // neither: each rank takes its rows of its own partial sum
};

struct TransformerSpec {
  std::vector<int> tokens = {3, 2};  // per attention-DP shard
  int attn_tp = 1;                   // ranks per shard; the world is shards * attn_tp
  int moe_tp = 1;                    // ranks that share an expert; ep = world / moe_tp
  int layers = 2;
  int dense_layers = 1;
  int experts = 8;
  int experts_per_token = 8;
  int shared = 1;
  int hidden = 16;
  int prefix = 0;   // cached tokens of every request, in step 0
  int padding = 0;  // rows behind each shard's tokens
  int steps = 1;    // later steps decode one token per request
  Return dense_return = Return::reduce_then_copy;
  Return moe_return = Return::reduce_then_copy;
};

Plan transformer(const TransformerSpec& spec);

// The operations of `kind` in `plan`, ascending.
std::vector<int> operations_of(const Plan& plan, OpKind kind);
// The operation named `name`; -1 if there is none.
int operation_named(const Plan& plan, const std::string& name);

}  // namespace lockstep::test

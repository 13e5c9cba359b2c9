#include "sim/plan/op_shapes.h"

namespace lockstep {

OpShape op_shape(OpKind kind) {
  switch (kind) {
    case OpKind::embed:
      return {.least_in = 0, .most_in = 0, .columns_out = "hidden"};
    case OpKind::router:
      return {.columns_in = "hidden", .columns_out = "experts"};
    case OpKind::experts:
      return {.least_in = 2,
              .most_in = 2,
              .columns_in = "hidden",
              .columns_second = "experts",
              .columns_out = "hidden"};
    case OpKind::lm_head:
      return {.columns_in = "hidden", .columns_out = "vocab"};
    case OpKind::qk_statistics:
      return {.columns_in = "hidden", .columns_out = "qk_statistics"};
    case OpKind::attention:
      return {.most_in = 2,
              .columns_in = "hidden",
              .columns_second = "qk_statistics",
              .columns_out = "hidden"};
    case OpKind::norm:
    case OpKind::dense:
    case OpKind::shared_expert:
      return {.columns_in = "hidden", .columns_out = "hidden"};
    case OpKind::compute:
      return {.least_in = 0, .most_in = kAnyCount, .free_columns = true};
    case OpKind::linear:
      return {.free_columns = true};
    case OpKind::add:
      return {.least_in = 2, .most_in = 2};
    case OpKind::require:
    case OpKind::send:
      return {.out = 0};
    case OpKind::recv:
      return {.least_in = 0, .most_in = 0};
    case OpKind::barrier:
      return {.least_in = 0, .most_in = 0, .out = 0};
    default:
      return {};
  }
}

bool makes(OpKind op, TermKind term) {
  if (term == TermKind::other) return true;
  switch (op) {
    case OpKind::embed:
      return term == TermKind::embedding;
    case OpKind::norm:
      return term == TermKind::norm;
    case OpKind::qk_statistics:
      return term == TermKind::statistics;
    case OpKind::attention:
      return term == TermKind::attention || term == TermKind::bias;
    case OpKind::dense:
      return term == TermKind::dense;
    case OpKind::router:
      return term == TermKind::router;
    case OpKind::experts:
      return term == TermKind::routed || term == TermKind::shared;
    case OpKind::shared_expert:
      return term == TermKind::shared;
    case OpKind::lm_head:
      return term == TermKind::logits;
    case OpKind::linear:
      return term == TermKind::bias;
    case OpKind::compute:
      return term != TermKind::residual;
    default:
      return false;
  }
}

}  // namespace lockstep

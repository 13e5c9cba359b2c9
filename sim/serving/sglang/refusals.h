// What a model file does not run, at a revision and in a layout: by the family's own word.
#pragma once

#include "sim/model/model.h"
#include "sim/parallel/parallel.h"
#include "sim/serving/family.h"
#include "sim/serving/rule.h"

namespace lockstep::sglang {

// `decided` is everything decided on one rank, without a layer. A fact that nobody knows is a
// diagnostic with `unknown`. Empty if the model runs.
Diagnostics refuse_model(const Family& family, const Model& model, const Parallel& parallel,
                         const RuleBook& book, const Environment& decided);

}  // namespace lockstep::sglang

// Which parallel layouts SGLang accepts, rejects and silently changes (reference sheet, sections
// 1.1-1.4), and which are not modelled.
#pragma once

#include <string>
#include <vector>

#include "sim/base/error.h"
#include "sim/model/model.h"
#include "sim/parallel/parallel.h"
#include "sim/serving/sglang/timeline.h"

namespace lockstep::sglang {

struct AcceptedLayout {
  Parallel parallel;
  std::vector<std::string> notes;  // what was changed silently
};

// Faults carry the path of the key, such as parallel.dp_size; all of them are reported at once.
Result<AcceptedLayout> accept_layout(const ParallelFlags& flags, const Model& model,
                                     const Revision& revision);

bool has_dense_layers(const Model& model);

}  // namespace lockstep::sglang

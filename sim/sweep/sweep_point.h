// One point of a sweep: a scenario with some settings, checked and timed.
#pragma once

#include <vector>

#include "sim/base/yaml.h"
#include "sim/report/sweep_row.h"

namespace lockstep {

// What all points have in common.
struct SweepBase {
  Document document;              // with the edits of its variant
  std::vector<Setting> settings;  // applied before those of a point
  std::vector<SweepAxis> axes;
};

// Bad input is a row with its reason.
SweepRow sweep_point(const SweepBase& base, std::int64_t point);

}  // namespace lockstep

// A sweep for a person, for a program, and as a picture.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "sim/report/style.h"
#include "sim/report/sweep_row.h"

namespace lockstep {

// A table of all points; of more than kShownRows without `all`, only of those with marks.
inline constexpr std::size_t kShownRows = 40;
std::string sweep_text(const SweepResult& result, const Style& style, bool all);

// Schema lockstep.sweep/1 (docs/sweep.md), without what was measured.
nlohmann::ordered_json sweep_json(const SweepResult& result);

// A script for gnuplot, which writes SVG to its standard output: the first two measures of
// `pareto` against each other (of one only: over the points in grid order), the front as a line,
// its points with their values.
std::string sweep_plot(const SweepResult& result);

}  // namespace lockstep

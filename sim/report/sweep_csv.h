// Rows of a sweep as lines of a CSV file (RFC 4180), which a later sweep reads back.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/report/sweep_row.h"

namespace lockstep {

// The columns: scenario, the axes, verdict, code, fits, the measures, marks, reason. With the end
// of the line, as all lines here.
std::string csv_header(const std::vector<SweepAxis>& axes);
std::string csv_line(const SweepRow& row, const std::string& scenario_hash);
std::string sweep_csv(const SweepResult& result);

// What an interrupted sweep has left.
struct ReadRows {
  bool same_columns = false;   // else the file is of another sweep, and there are no rows
  bool has_others = false;     // whole rows, all of other scenario hashes
  std::vector<SweepRow> rows;  // of this scenario hash, without marks
};
// A last line without its end was being written: it is left out, as is a line that is no row.
ReadRows read_csv(std::string_view text, const std::vector<SweepAxis>& axes,
                  const std::string& scenario_hash);

}  // namespace lockstep

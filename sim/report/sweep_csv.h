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

// A whole line that is no row of a sweep.
struct UnreadLine {
  std::vector<std::string> values;  // by axis; empty: not even those can be told
  int line = 0;                     // of the file, from 1
  std::string why;
};

// What a sweep has left.
struct ReadRows {
  bool same_columns = false;       // else the file is of another sweep, and there are no rows
  bool has_others = false;         // rows of other scenario hashes
  std::vector<SweepRow> rows;      // of this scenario hash, without marks
  std::vector<UnreadLine> unread;  // of this scenario hash
};
// A last line without its end was being written: it is left out.
ReadRows read_csv(std::string_view text, const std::vector<SweepAxis>& axes,
                  const std::string& scenario_hash);

}  // namespace lockstep

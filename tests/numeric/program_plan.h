// Small hand-written programs for tests, as plan texts: two ranks (or more), and whatever lines.
#pragma once

#include <string>
#include <vector>

#include "backend/numeric/replay.h"
#include "sim/plan/plan.h"

namespace lockstep::test {

// A tensor with its state: rows `all` unless `more` says others. `terms` is text: "x, y".
std::string is(const std::string& tensor, const std::string& terms, const std::string& more = "");
// One operation. `in` and `out` as is() gives them, or bare names; `more`: further keys.
std::string line(const std::string& op, const std::vector<std::string>& in,
                 const std::vector<std::string>& out, const std::string& more = "");

struct ProgramText {
  // Groups: tp is all ranks. Rows: `all` tokens 0-3 everywhere; `own` is 0-1 on even and 2-3 on odd
  // ranks; `back` is all, backwards by twos; `padded` is all and two rows of padding.
  int world = 2;
  std::string tensors = "{name: x, columns: 8}, {name: y, columns: 8}, {name: z, columns: 8}";
  std::string terms = "{name: x}, {name: y, shares: 2}, {name: z}";
  std::vector<std::string> lines;
  std::string rows = "";  // further layouts, each after a comma
  std::string more = "";  // further tables
};

// REQUIRES: the text is a valid plan; a test fails that gives another.
Plan program(const ProgramText& text);
std::string verdict(const ProgramText& text);
numeric::ReplayResult replayed(const ProgramText& text);

// `x` is an input of all ranks; `y` is partial over tp, made from it, a share each.
std::string input_x();
std::string partial_y();
std::string require(const std::string& operand);

}  // namespace lockstep::test

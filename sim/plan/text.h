// A plan as text: YAML, one operation on each line. docs/plan_format.md specifies it.
#pragma once

#include <string>

#include "sim/plan/plan.h"

namespace lockstep {

// parse_plan() (sim/plan/parse.h) reads it back to an equal plan. REQUIRES: validate(plan) is
// empty.
std::string print(const Plan& plan);

// One operation as a flow map without a leading "- ". Without reasons it depends on no table but
// those whose entries have names.
enum class Reasons : std::uint8_t { numbers, left_out };
std::string operation_text(const Plan& plan, const Operation& operation, Reasons reasons);

// The tables as the lines of the text form, for comparing plans: everything but the program.
std::string header_text(const Plan& plan);

// "0-1023 pad*5 7"; "" for no rows.
std::string to_string(const RowMap& map);
// "0-1023>37 5>0": the rows 0-1023 go to row 37 and up. "" for no moves.
std::string to_string(const std::vector<Move>& moves);
// "0-47,95": the shares 0 to 47, and 95; "" for none.
std::string to_string(const std::vector<ShareRange>& ranges);

// A scalar of YAML flow style: plain where nobody could take it for something else.
std::string yaml_scalar(const std::string& text);

}  // namespace lockstep

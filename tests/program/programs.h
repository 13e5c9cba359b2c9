// Programs of the tests, read and checked.
#pragma once

#include <doctest/doctest.h>

#include <string>

#include "sim/contract/check.h"
#include "sim/program/program.h"

namespace lockstep::test {

inline Result<Plan> read(const std::string& text) {
  Result<Document> document = parse_yaml(text, "p.yaml");
  REQUIRE_MESSAGE(document, to_string(document.faults()));
  return read_program(*document, "p", 1);
}

inline Plan plan_of(const std::string& text) {
  Result<Plan> plan = read(text);
  CAPTURE(text);
  REQUIRE_MESSAGE(plan, to_string(plan.faults()));
  return std::move(*plan);
}

inline contract::CheckResult checked(const std::string& text) {
  return contract::check(plan_of(text));
}

// "holds", or the codes of the violations with their factors: "double-reduction x2".
inline std::string verdict(const std::string& text) {
  const contract::CheckResult result = checked(text);
  std::string codes;
  for (const contract::Violation& v : result.violations) {
    codes += (codes.empty() ? "" : ", ") + to_string(v.code);
    if (v.factor) codes += " x" + to_string(*v.factor);
  }
  return codes.empty() ? to_string(result.verdict) : codes;
}

// The faults of a program that is none.
inline std::string faults(const std::string& text) {
  const Result<Plan> plan = read(text);
  REQUIRE_FALSE(plan);
  return to_string(plan.faults());
}

}  // namespace lockstep::test

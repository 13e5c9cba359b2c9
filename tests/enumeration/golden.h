// Counts that a test found, against the counts of an earlier run.
#pragma once

#include <string>

namespace lockstep::test {

// Prints `found` and compares it with the file `name` of tests/enumeration. Where they differ the
// test fails with the first line that does and the command that writes the file anew:
// LOCKSTEP_GOLDEN=write in the environment.
void check_golden(const std::string& name, const std::string& found);

// With every run of digits as N, so that messages about numbers are one message.
std::string without_numbers(const std::string& text);

}  // namespace lockstep::test

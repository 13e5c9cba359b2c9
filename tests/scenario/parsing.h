// Small scenarios for tests, and what parsing them gives.
#pragma once

#include <string>
#include <vector>

#include "sim/scenario/scenario.h"

namespace lockstep::test {

// The scenario of `text`; fails the test if it has faults.
Scenario parsed(const std::string& text, const std::vector<Setting>& settings = {});
// The faults of `text` as a user sees them; "none" if it parses. The file is called s.yaml.
std::string faults_of(const std::string& text, const std::vector<Setting>& settings = {});

// "lockstep: 1\nmodel: kimi-k2.6\n" and `rest`, whose first line is line 3.
std::string with_model(const std::string& rest);
// The same with a batch of one token, on line 3; `rest` begins on line 4.
std::string with_batch(const std::string& rest);

// The text of a file below the repository's root, from which tests run.
std::string file_text(const std::string& path);

}  // namespace lockstep::test

// Runs the built command as a user would, and keeps what it said.
#pragma once

#include <string>

namespace lockstep::test {

struct Finished {
  int code = -1;
  std::string out;
  std::string err;
};

// `lockstep ARGUMENTS`, read by a shell, in the root of the repository, without a terminal.
Finished lockstep(const std::string& arguments);

// A folder of this process that is removed at the end; with a trailing slash.
const std::string& scratch();

void write(const std::string& path, const std::string& text);
std::string read(const std::string& path);

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// The scenario of SGLang's PR #24785 before and after the fix.
inline const std::string kBefore = "scenarios/bugs/sglang/24785-kimi-k2.6-dep8-before.yaml";
inline const std::string kAfter = "scenarios/bugs/sglang/24785-kimi-k2.6-dep8-after.yaml";

}  // namespace lockstep::test

// What the README and a lesson show is what the command prints.
#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/cli/process.h"

namespace lockstep::test {
namespace {

// Each `$ build/tools/lockstep ARGUMENTS` of a code block, with the lines up to the block's end.
std::vector<std::pair<std::string, std::string>> shown_commands(const std::string& text) {
  const std::string prompt = "\n$ build/tools/lockstep ";
  std::vector<std::pair<std::string, std::string>> shown;
  for (std::size_t at = text.find(prompt); at != std::string::npos; at = text.find(prompt, at)) {
    const std::size_t begin = at + prompt.size();
    const std::size_t line_end = text.find('\n', begin);
    const std::size_t block_end = text.find("```", line_end);
    shown.emplace_back(text.substr(begin, line_end - begin),
                       text.substr(line_end + 1, block_end - line_end - 1));
    at = block_end;
  }
  return shown;
}

void check_shown(const char* page) {
  const auto shown = shown_commands(read(page));
  REQUIRE(shown.size() >= 3);
  for (const auto& [arguments, output] : shown) {
    INFO(arguments);
    CHECK(lockstep(arguments).out == output);
  }
}

TEST_CASE("the README shows real output") { check_shown("README.md"); }

TEST_CASE("the lesson of the prefill shows real output") {
  check_shown("docs/lessons/dep8_prefill.md");
}

}  // namespace
}  // namespace lockstep::test

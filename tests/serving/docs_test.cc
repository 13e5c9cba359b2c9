#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "sim/serving/sglang/rules.h"

namespace lockstep::sglang {
namespace {

// To bring docs/sglang_rules.md up to date, copy the expected text that a failure prints between
// its two markers.
TEST_CASE("the tables of docs/sglang_rules.md are those of the rules") {
  std::ifstream file("docs/sglang_rules.md");
  REQUIRE(file.good());
  std::stringstream text;
  text << file.rdbuf();
  const std::string doc = text.str();
  const std::string begin = "<!-- generated: begin -->\n";
  const std::size_t first = doc.find(begin);
  const std::size_t last = doc.find("<!-- generated: end -->");
  REQUIRE(first != std::string::npos);
  REQUIRE(last != std::string::npos);
  CHECK(doc.substr(first + begin.size(), last - first - begin.size()) == rules_as_markdown());
}

}  // namespace
}  // namespace lockstep::sglang

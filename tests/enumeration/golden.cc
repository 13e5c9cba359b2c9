#include "tests/enumeration/golden.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cctype>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string_view>

namespace lockstep::test {
namespace {

std::string first_difference(const std::string& expected, const std::string& found) {
  std::istringstream a(expected);
  std::istringstream b(found);
  std::string line_a;
  std::string line_b;
  for (int number = 1; a || b; ++number) {
    line_a.clear();
    line_b.clear();
    std::getline(a, line_a);
    std::getline(b, line_b);
    if (line_a == line_b) continue;
    return fmt::format("line {}: expected '{}', found '{}'", number, line_a, line_b);
  }
  return "they differ in the last line's end";
}

}  // namespace

void check_golden(const std::string& name, const std::string& found) {
  const std::string path = "tests/enumeration/" + name;
  fmt::print("{}", found);
  const char* wish = std::getenv("LOCKSTEP_GOLDEN");  // NOLINT(concurrency-mt-unsafe): one thread
  if (wish != nullptr && std::string_view(wish) == "write") {
    std::ofstream(path, std::ios::binary) << found;
    return;
  }
  std::ifstream stream(path, std::ios::binary);
  const std::string expected{std::istreambuf_iterator<char>(stream), {}};
  if (expected == found) return;
  FAIL_CHECK(
      fmt::format("{}: {}\nto accept what was found, run from the repository's root:\n"
                  "  LOCKSTEP_GOLDEN=write build/tests/enumeration/test_enumeration",
                  path, first_difference(expected, found)));
}

std::string without_numbers(const std::string& text) {
  std::string plain;
  bool in_number = false;
  for (const char c : text) {
    const bool digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
    if (!digit) plain += c;
    if (digit && !in_number) plain += 'N';
    in_number = digit;
  }
  return plain;
}

}  // namespace lockstep::test

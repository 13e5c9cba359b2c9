#include "sim/plan/diff.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "sim/base/random.h"
#include "sim/base/text.h"
#include "tests/plan/sample_plans.h"

namespace lockstep::test {
namespace {

// "a -b +c d": the merged listing with its marks.
std::string merged(const std::string& left, const std::string& right) {
  const std::vector<std::string> a = split(left, ' ');
  const std::vector<std::string> b = split(right, ' ');
  std::vector<std::string> out;
  for (const DiffLine& d : diff_lines(a, b)) {
    if (d.side == Side::both) out.push_back(a[static_cast<std::size_t>(d.left)]);
    if (d.side == Side::left) out.push_back("-" + a[static_cast<std::size_t>(d.left)]);
    if (d.side == Side::right) out.push_back("+" + b[static_cast<std::size_t>(d.right)]);
  }
  return join(out, " ");
}

TEST_CASE("a difference keeps what is common and removes before it adds") {
  CHECK(merged("a b c d", "a b c d") == "a b c d");
  CHECK(merged("a b c d", "a c d") == "a -b c d");
  CHECK(merged("a c d", "a b c d") == "a +b c d");
  CHECK(merged("a b c", "a x c") == "a -b +x c");
  CHECK(merged("a b a b", "b a b a") == "-a b a b +a");
}

// The textbook table: the length of a longest common subsequence.
std::size_t longest_common(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<std::vector<std::size_t>> table(a.size() + 1,
                                              std::vector<std::size_t>(b.size() + 1, 0));
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < b.size(); ++j) {
      table[i + 1][j + 1] =
          a[i] == b[j] ? table[i][j] + 1 : std::max(table[i][j + 1], table[i + 1][j]);
    }
  }
  return table[a.size()][b.size()];
}

TEST_CASE("random differences are shortest and rebuild both sides in order") {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const auto draw = [&random] {
      std::vector<std::string> lines;
      for (std::int64_t i = random.below(12); i > 0; --i) {
        lines.push_back(std::to_string(random.below(4)));
      }
      return lines;
    };
    const std::vector<std::string> a = draw();
    const std::vector<std::string> b = draw();
    int left = 0;
    int right = 0;
    std::size_t common = 0;
    for (const DiffLine& d : diff_lines(a, b)) {
      if (d.side != Side::right) REQUIRE(d.left == left++);
      if (d.side != Side::left) REQUIRE(d.right == right++);
      if (d.side == Side::both) {
        ++common;
        REQUIRE(a[static_cast<std::size_t>(d.left)] == b[static_cast<std::size_t>(d.right)]);
      }
    }
    REQUIRE(static_cast<std::size_t>(left) == a.size());
    REQUIRE(static_cast<std::size_t>(right) == b.size());
    REQUIRE(common == longest_common(a, b));
  }
}

TEST_CASE("equal plans have no difference, whatever their names") {
  const Plan plan = sample_plan();
  Plan renamed = plan;
  renamed.name = "other";
  renamed.notes = {"a note"};
  CHECK(diff(plan, renamed).empty());
  CHECK(unified(plan, renamed, diff(plan, renamed)).empty());
}

TEST_CASE("a removed line is shown with its neighbours and the reason it had") {
  const Plan plan = sample_plan();
  Plan fixed = plan;
  fixed.operations.erase(fixed.operations.begin() + 4);
  const PlanDiff d = diff(plan, fixed);
  CHECK_FALSE(d.empty());
  const std::string text = unified(plan, fixed, d);
  CHECK(text ==
        "@@ layer 0\n"
        "  " +
            d.left_program[2] +
            "\n"
            "  " +
            d.left_program[3] +
            "\n"
            "- " +
            d.left_program[4] +
            "\n"
            "-     because should_use_reduce_scatter = false (padding = sum_len)\n"
            "  " +
            d.left_program[5] + "\n");
}

TEST_CASE("a changed table is shown line by line") {
  const Plan plan = sample_plan();
  Plan other = plan;
  other.sizes[0].sizes = {2, 2};
  CHECK(unified(plan, other, diff(plan, other)) ==
        "@@ tables\n"
        "-   - {name: counts, sizes: [3, 1]}\n"
        "+   - {name: counts, sizes: [2, 2]}\n");
}

}  // namespace
}  // namespace lockstep::test

#include "sim/report/sweep_row.h"

#include <doctest/doctest.h>

#include <limits>

#include "sim/base/random.h"
#include "sim/report/sweep_report.h"

namespace lockstep {
namespace {

SweepRow row(double makespan, double tokens) {
  SweepRow made;
  made.verdict = "holds";
  made.set(kMakespan, makespan);
  made.set(kTokens, tokens);
  return made;
}

const std::vector<std::size_t> kBoth{kMakespan, kTokens};

std::vector<std::string> marks(std::vector<SweepRow> rows) {
  mark(rows, kBoth);
  std::vector<std::string> marks;
  for (const SweepRow& r : rows) marks.push_back(r.marks);
  return marks;
}

TEST_CASE("the front are the points that no other is at least as good as in everything") {
  // Less time is better, more tokens are. (12, 90) is worse than (10, 100) in both.
  const auto found = marks({row(10, 100), row(12, 90), row(20, 300), row(5, 10)});
  CHECK(found == std::vector<std::string>{"front", "", "front; best tokens_per_s",
                                          "front; best makespan_us"});
}

TEST_CASE("points with equal numbers share the front and the best") {
  const auto found = marks({row(10, 100), row(10, 100), row(10, 99)});
  CHECK(found == std::vector<std::string>{"front; best makespan_us; best tokens_per_s",
                                          "front; best makespan_us; best tokens_per_s",
                                          "best makespan_us"});
}

TEST_CASE("what is wrong, too large or has no time is never the best") {
  SweepRow wrong = row(1, 1000);
  wrong.verdict = "violated";
  SweepRow large = row(1, 1000);
  large.fits = false;
  SweepRow without = row(1, 1000);
  without.measures[kTokens].reset();
  const auto found = marks({wrong, large, without, row(10, 1)});
  CHECK(found ==
        std::vector<std::string>{"", "", "", "front; best makespan_us; best tokens_per_s"});
}

TEST_CASE("the front of random points is what comparing all pairs gives") {
  Random random(11);
  for (int round = 0; round < 200; ++round) {
    std::vector<SweepRow> rows;
    for (int i = 0; i < 30; ++i) {
      rows.push_back(row(static_cast<double>(random.below(12)), double(random.below(12))));
    }
    mark(rows, kBoth);
    for (const SweepRow& a : rows) {
      bool covered = false;
      for (const SweepRow& b : rows) {
        const bool as_good = *b.measures[kMakespan] <= *a.measures[kMakespan] &&
                             *b.measures[kTokens] >= *a.measures[kTokens];
        covered = covered || (as_good && b.measures != a.measures);
      }
      CHECK(a.marks.starts_with("front") == !covered);
    }
  }
}

TEST_CASE("a time that is no number is on no front") {
  SweepRow never = row(1, 1000);
  never.measures[kMakespan] = std::numeric_limits<double>::quiet_NaN();
  CHECK(marks({never, row(10, 1)})[0].empty());
}

TEST_CASE("rows are ordered by their values: whole numbers by size, then texts") {
  std::vector<SweepRow> rows(5);
  rows[0].values = {"b", "1"};
  rows[1].values = {"16", "2"};
  rows[2].values = {"a", "1"};
  rows[3].values = {"4", "9"};
  rows[4].values = {"16", "1"};
  sort_by_values(rows);
  std::vector<std::string> found;
  for (const SweepRow& r : rows) found.push_back(r.values[0] + r.values[1]);
  CHECK(found == std::vector<std::string>{"49", "161", "162", "a1", "b1"});
}

TEST_CASE("a number is kept as it is shown") {
  // Three decimals of a microsecond.
  CHECK(*row(1.23456, 0).measures[kMakespan] == 1.235);
  CHECK(text_of(row(1.23456, 0), kMakespan) == "1.235");
  CHECK(text_of(SweepRow{}, kMakespan) == "");
}

TEST_CASE("columns are found by name, and a misspelt one gets the nearest") {
  const auto found = parse_measures("tokens_per_s,gpus");
  REQUIRE(found);
  CHECK(*found == std::vector<std::size_t>{kTokens, kGpus});
  const auto missing = parse_measures("makespan");
  REQUIRE_FALSE(missing);
  CHECK(missing.faults().front().hint == "did you mean makespan_us?");
}

TEST_CASE("of many rows the table shows those with marks") {
  SweepResult result{"s", "0", {{{"a"}, {}}}, 100, {}, kBoth, {}};
  for (int i = 0; i < 100; ++i) {
    result.rows.push_back(row(100 - i, i));
    result.rows.back().values = {std::to_string(i)};
  }
  mark(result.rows, result.pareto);  // only the last is on the front: 1 us and 99 tokens/s
  const std::string text = sweep_text(result, Style{}, false);
  CHECK(text ==
        "s: 100 points: 100 holds\n"
        "a   verdict  makespan_us  tokens_per_s\n"
        "99  holds          1.000          99.0  front; best makespan_us; best tokens_per_s\n"
        "99 more without a mark (--all)\n");
}

// 1 + 2 + 1 = 4 points.
TEST_CASE("the summary counts each point once, in the words of the table") {
  SweepResult result{"s", "0", {{{"a"}, {}}}, 4, {}, kBoth, std::vector<SweepRow>(4, row(1, 1))};
  for (SweepRow& r : result.rows) r.values = {"x"};
  result.rows[1].fits = result.rows[2].fits = false;
  result.rows[3].verdict = "violated";
  result.rows[3].code = "double-reduction";
  result.rows[3].fits = false;
  const std::string text = sweep_text(result, Style{}, true);
  CHECK(text.starts_with("s: 4 points: 2 does not fit, 1 holds, 1 violated\n"));
}

}  // namespace
}  // namespace lockstep

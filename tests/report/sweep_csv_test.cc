#include "sim/report/sweep_csv.h"

#include <doctest/doctest.h>

namespace lockstep {
namespace {

const std::vector<SweepAxis> kAxes{{{"a"}, {"1"}}, {{"b", "c"}, {"[1, 2]"}}};

SweepRow timed() {
  SweepRow row;
  row.values = {"1", "[1, 2]"};
  row.verdict = "violated";
  row.code = "double-reduction";
  row.fits = true;
  row.set(kGpus, 8);
  row.set(kMakespan, 1234.5);
  return row;
}

SweepRow refused() {
  SweepRow row;
  row.values = {"2", "x\n\"y\""};
  row.verdict = "bad-input";
  row.reason = "expected 'tp_size', \"8\"";
  return row;
}

TEST_CASE("a row is a line of CSV with quotes where they are needed") {
  CHECK(csv_header(kAxes) ==
        "scenario,a,b+c,verdict,code,fits,gpus,makespan_us,tokens_per_s,tokens_per_s_per_gpu,"
        "memory_GB,marks,reason\n");
  CHECK(csv_line(timed(), "abc") ==
        "abc,1,\"[1, 2]\",violated,double-reduction,yes,8,1234.500,,,,,\n");
}

TEST_CASE("rows are read back as they were written, without marks") {
  SweepRow marked = timed();
  marked.marks = "front; best gpus";
  const std::string text = csv_header(kAxes) + csv_line(marked, "abc") + csv_line(refused(), "abc");
  const ReadRows read = read_csv(text, kAxes, "abc");
  CHECK(read.same_columns);
  CHECK(read.rows == std::vector<SweepRow>{timed(), refused()});
}

TEST_CASE("a torn last line is left out, and rows of another scenario are noticed") {
  const std::string whole = csv_line(timed(), "abc");
  const std::string mine = csv_header(kAxes) + whole + whole.substr(0, whole.size() - 1);
  CHECK(read_csv(mine, kAxes, "abc").rows == std::vector<SweepRow>{timed()});
  CHECK(read_csv(mine, kAxes, "abc").unread.empty());
  CHECK_FALSE(read_csv(mine, kAxes, "abc").has_others);
  CHECK(read_csv(mine, kAxes, "neither").has_others);
  CHECK(read_csv(mine + "\n" + csv_line(timed(), "other"), kAxes, "abc").has_others);
  CHECK_FALSE(read_csv(csv_header(kAxes), kAxes, "abc").has_others);
}

TEST_CASE("a line that is no row is told with its number, its values and why") {
  // The first row takes two lines, for its value has an end of line.
  const std::string begin = csv_header(kAxes) + csv_line(refused(), "abc");
  const auto unread = [&](const std::string& line) {
    const ReadRows read = read_csv(begin + line, kAxes, "abc");
    CHECK(read.rows == std::vector<SweepRow>{refused()});
    REQUIRE(read.unread.size() == 1);
    CHECK(read.unread[0].line == 4);
    return read.unread[0];
  };
  CHECK(unread("abc,1,2,holds,,,x,,,,,,\n").why == "gpus is 'x'");
  CHECK(unread("abc,1,2,holds,,,8,nan,,,,,\n").why == "makespan_us is 'nan'");
  CHECK(unread("abc,1,2,holds,,,8,inf,,,,,\n").why == "makespan_us is 'inf'");
  CHECK(unread("abc,1,2,holds,,,8,-1,,,,,\n").why == "makespan_us is '-1'");
  CHECK(unread("abc,1,2,right,,,8,,,,,,\n").why == "'right' is no verdict");
  CHECK(unread("abc,1,2,holds,,maybe,8,,,,,,\n").why == "'fits' is 'maybe'");
  CHECK(unread("abc,1,2,holds,,,x,,,,,,\n").values == std::vector<std::string>{"1", "2"});
  CHECK(unread("abc,1\n").why == "2 columns, not 13");
  CHECK(unread("abc,1\n").values.empty());
}

TEST_CASE("a file of another sweep has no rows for this one") {
  const std::string text = csv_header({kAxes[0]}) + "abc,1,holds,,,8,,,,,,\n";
  CHECK_FALSE(read_csv(text, kAxes, "abc").same_columns);
  CHECK_FALSE(read_csv("", kAxes, "abc").same_columns);
}

}  // namespace
}  // namespace lockstep

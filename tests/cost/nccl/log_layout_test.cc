// Layouts of the newest versions, and rows that other lines broke.
#include <doctest/doctest.h>

#include "sim/cost/nccl/log_lines.h"
#include "tests/cost/nccl/log_table.h"

namespace lockstep::test {
namespace {

constexpr const char* kMessages =
    "node-1:1000:1044 [0] NCCL INFO Connected all rings, use ring PXN 0 GDR 1\n"
    "node-1:1000:1045 [1] NCCL INFO Connected NVLS tree\n";

NcclRun run_of(const std::string& text) {
  const auto log = parse_nccl_log(text, "all_reduce.log");
  if (!log) MESSAGE(to_string(log.faults()));
  REQUIRE(log);
  REQUIRE(log->runs.size() == 1);
  return log->runs[0];
}

std::string ranks() {
  std::string text;
  for (int r = 0; r < 4; ++r) {
    text +=
        fmt::format("#  Rank {:2} Group  0 Pid 1000 on  node-1 device {:2} [0x18] H100\n", r, r);
  }
  return text;
}

const std::string kBefore = named("all_reduce_perf") + settings() + ranks() + kHead;

// The row with `between` after its first `count` characters.
std::string broken(const std::string& row, std::size_t count, const std::string& between) {
  return row.substr(0, count) + between + row.substr(count);
}

}  // namespace

TEST_CASE("a stamp of time at the end of a row is no figure") {
  const Table table{1.5, "sum", "", "  2025-11-20 10:31:07"};
  CHECK(run_of(kBefore + table.rows()).points.size() == Table::kRows);
}

TEST_CASE("figures of single iterations are passed over, whether or not the head names them") {
  const Table table{1.5, "sum", "     9.1    12.2    12.1    4.00", ""};
  const std::string group = "  time  algbw  busbw  #wrong  i_min  i_max  i_p99  i_cv%";
  const std::string head = "#  size  count  type  redop  root" + group + group + "\n";
  for (const std::string& before : {kBefore, named("all_reduce_perf") + settings() + head}) {
    const NcclRun run = run_of(before + table.rows());
    REQUIRE(run.points.size() == Table::kRows);
    CHECK(run.points[0].time_us == doctest::Approx(10.66));  // 10 + 65,536 / 100,000
    CHECK(run.left_out.empty());
  }
}

TEST_CASE("a row is put together wherever lines of NCCL broke it") {
  const std::string row = Table{}.row(1 << 20);
  const double time = 20.49;  // 10 + 1,048,576 / 100,000
  // From behind the first digit on; the rest may itself look like a row of 48,576 bytes.
  for (std::size_t count = row.find("1048576") + 1; count + 1 < row.size(); ++count) {
    CAPTURE(count);
    const NcclRun run = run_of(kBefore + broken(row, count, kMessages) + Table{}.rows());
    REQUIRE(run.points.size() == Table::kRows + 1);
    CHECK(run.points[2].time_us == doctest::Approx(time));
    CHECK(run.points[3].time_us == doctest::Approx(time));
    CHECK(run.left_out.empty());
  }
}

TEST_CASE("a warning of NCCL, that begins a line, breaks a row no less") {
  const std::string row = Table{}.row(1 << 20);
  const std::string warning =
      "\nnode-1:1000:1044 [0] misc/socket.cc:50 NCCL WARN a peer was slow\n";
  const NcclRun run = run_of(kBefore + broken(row, row.find("20.49") + 4, warning));
  REQUIRE(run.points.size() == 1);
  CHECK(run.points[0].time_us == doctest::Approx(20.49));
}

TEST_CASE("a row whose rest is lost is left out and listed, and so is one that does not fit") {
  const std::string row = Table{}.row(1 << 20);
  const std::size_t cut = row.find("20.49") + 2;
  const NcclRun run =
      run_of(kBefore + row.substr(0, cut) + kMessages + Table{}.rows() + row.substr(0, cut) +
             kMessages + "9 51.19 76.78 0 2 51.19 76.78 0\n" + row.substr(0, cut));
  CHECK(run.points.size() == Table::kRows);
  REQUIRE(run.left_out.size() == 3);
  CHECK(run.left_out[0] == LeftOutRow{10, "broken by other lines, or cut off"});
  CHECK(run.left_out[1] == LeftOutRow{17, "broken by other lines, or cut off"});
  CHECK(run.left_out[2] == LeftOutRow{20, "broken by other lines, or cut off"});
}

TEST_CASE("where the host is known, a figure before it ends there; else after the last digit") {
  const std::string end = ":1000:1044 [0] NCCL INFO Connected";
  CHECK(without_nccl("  -1  15.54node" + end, {"4node"}).text == "  -1  15.5");
  CHECK(without_nccl("  -1  15.5node" + end, {}).text == "  -1  15.5");
  CHECK(without_nccl("sum  -1node" + end, {}).text == "sum  -1");
  CHECK(without_nccl("15.5[2025-11-20 10:31:07] node" + end, {}).text == "15.5");
  CHECK(without_nccl("node" + end, {}).text.empty());
  CHECK(without_nccl("3767c65d25c4" + end, {}).text.empty());
  CHECK(without_nccl("  -1  15.53767c65d25c4" + end, {"3767c65d25c4"}).text == "  -1  15.5");
  CHECK(without_nccl("  -1  15.53767c65d25c4" + end, {}).text == "  -1  ?");
  CHECK_FALSE(without_nccl("NCCL version 2.27.3+cuda12.9", {}).had_message);
}

TEST_CASE("that NCCL was told what to choose is noted") {
  const NcclRun run = run_of(named("all_reduce_perf") + settings() + ranks() +
                             "node-1:1:1 [0] NCCL INFO NCCL_PROTO set by environment to simple\n" +
                             kHead + Table{}.rows());
  REQUIRE(run.notes.size() == 1);
  CHECK(run.notes[0].starts_with("NCCL_PROTO tells NCCL what to choose"));
}

TEST_CASE("a packed log is called by its name") {
  const auto log = parse_nccl_log("\x1f\x8b\x08 \x01", "x");
  REQUIRE_FALSE(log);
  CHECK(to_string(log.faults()).find("gunzip") != std::string::npos);
}

}  // namespace lockstep::test

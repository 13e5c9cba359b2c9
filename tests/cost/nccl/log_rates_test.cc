// What cannot be right in a table is refused.
#include <doctest/doctest.h>

#include "sim/cost/nccl/log_rates.h"
#include "tests/cost/nccl/log_table.h"

namespace lockstep::test {
namespace {

std::string fault_of(const std::string& text, const std::string& file = "run.log") {
  const auto log = parse_nccl_log(text, file);
  REQUIRE_FALSE(log);
  return to_string(log.faults());
}

bool contains(const std::string& text, const std::string& part) {
  const bool found = text.find(part) != std::string::npos;
  if (!found) MESSAGE(text);
  return found;
}

// Ranks of `groups` communicators on two hosts, as NCCL_TESTS_SPLIT=%groups deals them.
std::string rank_lines(int ranks, int groups) {
  std::string text;
  for (int r = 0; r < ranks; ++r) {
    text += fmt::format("#  Rank {:2} Group {:2} Pid 1000 on  node-{} device {:2} [0x18] H100\n", r,
                        r % groups, r * 2 / ranks, r);
  }
  return text;
}

NcclRow row_of(double time, const std::string& algorithm, const std::string& bus) {
  NcclRow row;
  row.bytes = 1'000'000;
  row.time = {time, 0.005, true};
  row.algorithm = printed(algorithm);
  row.bus = printed(bus);
  return row;
}

}  // namespace

// 1,000,000 bytes in 20 us are 50 GB/s.
TEST_CASE("algbw is bytes over time, but for a few percent and the digits printed") {
  CHECK(fits_time(row_of(20, "50.00", "75.00"), 1));
  CHECK(fits_time(row_of(20, "51.00", "76.50"), 1));
  CHECK_FALSE(fits_time(row_of(20, "53.00", "79.50"), 1));
  CHECK_FALSE(fits_time(row_of(20, "47.00", "70.50"), 1));
  CHECK(fits_time(row_of(0.02, "50.00", "75.00"), 1000));
  CHECK(fits_time(row_of(1e6, "0.00", "0.00"), 1));     // 0.001 GB/s
  CHECK_FALSE(fits_time(row_of(1e4, "0.00", "0"), 1));  // 0.1 GB/s
  CHECK(fits_time(row_of(20, "N/A", "N/A"), 1));
}

// The digits of 0.03 and 0.06 allow 0.055 / 0.035 = 1.57 to 0.065 / 0.025 = 2.6.
TEST_CASE("busbw over algbw tells collectives and ranks apart, as far as digits go") {
  CHECK(fits_factor(row_of(20, "50.00", "75.00"), 1.5));
  CHECK_FALSE(fits_factor(row_of(20, "50.00", "75.00"), 1.75));
  CHECK(fits_factor(row_of(20, "0.03", "0.06"), 1.75));
  CHECK(fits_factor(row_of(20, "0.03", "0.06"), 2.5));
  CHECK_FALSE(fits_factor(row_of(20, "0.03", "0.06"), 1.5));
  CHECK(fits_factor(row_of(20, "0.00", "0.00"), 1.5));
  CHECK(fits_factor(row_of(20, "N/A", "N/A"), 1.5));
}

TEST_CASE("a table of another collective than its name is refused, and told what would fit") {
  const std::string run = settings() + kHead + Table{}.rows();
  const std::string fault = fault_of(run, "all_gather.log");
  CHECK(contains(fault,
                 "busbw / algbw is 1.5, but all_gather of 4 ranks (by the name of the file) "
                 "has 0.75"));
  CHECK(contains(fault, "it would fit all_reduce of 4 ranks"));
  // 2 (n - 1) / n = 1.5 of n = 4.
  CHECK(contains(fault_of(settings(8) + kHead + Table{}.rows(), "all_reduce.log"),
                 "it would fit all_reduce of 4 ranks"));
}

// Both have a factor of 3 / 4.
TEST_CASE("a table that sums nothing is no reduce-scatter, whatever the file is called") {
  const std::string gathers = settings() + kHead + Table{0.75, "none", "", ""}.rows();
  const std::string fault = fault_of(gathers, "reduce_scatter.log");
  CHECK(contains(fault,
                 "redop is none, which is not that of reduce_scatter of 4 ranks (by the "
                 "name of the file)"));
  CHECK(contains(fault, "it would fit all_gather of 4 ranks, or all_to_all of 4 ranks"));
}

TEST_CASE("a row whose algbw is not its bytes over its time is refused, with its line") {
  std::string row = Table{}.row(1 << 20);
  row.replace(row.find("20.49"), 5, "30.49");
  const std::string fault = fault_of(settings() + kHead + Table{}.rows() + row, "all_reduce.log");
  CHECK(contains(fault, "all_reduce.log:9"));
  CHECK(contains(fault, "1048576 bytes in 30.49 us are 34.39 GB/s, but algbw says 51.19"));
}

TEST_CASE("ranks are those of the first communicator, not all of the job") {
  // Two ranks: 2 (2 - 1) / 2 = 1.
  const std::string table = kHead + Table{1, "sum", "", ""}.rows();
  const auto log =
      parse_nccl_log(named("all_reduce_perf") + settings(1) + rank_lines(16, 8) + table, "run.log");
  REQUIRE(log);
  CHECK(log->runs.at(0).ranks == 2);
  CHECK(log->runs.at(0).nodes == 2);
  CHECK(contains(log->runs.at(0).notes.at(0), "2 of 16 ranks"));
  // All in one: 2 (16 - 1) / 16 = 1.875.
  CHECK(contains(fault_of(named("all_reduce_perf") + settings(1) + rank_lines(16, 1) + table),
                 "busbw / algbw is 1, but all_reduce of 16 ranks (by the log) has 1.88"));
}

TEST_CASE("times in milliseconds are told by the rates") {
  const auto log = parse_nccl_log(
      "# NCCL Tests compiled with NCCL 2.2\n"
      "# Using devices\n"
      "#   Rank  0 on  node-1 device  0 [0x06] Tesla V100-SXM2-16GB\n"
      "#   Rank  1 on  node-1 device  1 [0x07] Tesla V100-SXM2-16GB\n"
      "#      bytes             N    type      op     time  algbw  busbw      res     time  algbw  "
      "busbw      res\n"
      "        1024           256   float     sum    0.016   0.07   0.07    2e-07    0.016   0.07  "
      " 0.07    2e-07\n"
      "    67108864      16777216   float     sum    0.324 207.13 207.13    2e-07    0.324 207.13 "
      "207.13    2e-07\n",
      "all_reduce_v1.txt");
  REQUIRE(log);
  const NcclRun& run = log->runs.at(0);
  CHECK(run.ranks == 2);
  CHECK(run.points.at(1).time_us == doctest::Approx(324));
  CHECK(contains(run.notes.at(0), "milliseconds"));
}

TEST_CASE("more ranks than anybody has are refused") {
  for (const char* gpus : {"16385", "2000000000", "99999999999999999999"}) {
    std::string text = named("all_reduce_perf") + settings() + kHead + Table{}.rows();
    text.replace(text.find("nGpus 4"), 7, std::string("nGpus ") + gpus);
    CHECK(contains(fault_of(text), "more than 16384 ranks"));
  }
}

}  // namespace lockstep::test

// Which collective a run belongs to, and what is left out of it.
#include <doctest/doctest.h>

#include "sim/cost/nccl/log_names.h"
#include "tests/cost/nccl/log_table.h"

namespace lockstep::test {
namespace {

const Table kSums{};
const Table kGathers{0.75, "none", "", ""};  // (4 - 1) / 4

NcclLog log_of(const std::string& text, const std::string& file = "run.log") {
  const auto log = parse_nccl_log(text, file);
  if (!log) MESSAGE(to_string(log.faults()));
  REQUIRE(log);
  return *log;
}

// The test alone is left out, for this reason.
void check_left_out(const std::string& text, const std::string& why) {
  CAPTURE(why);
  const NcclLog log = log_of(text + whole_run("all_reduce_perf", kSums));
  REQUIRE(log.left_out.size() == 1);
  CHECK(log.left_out[0].why.find(why) != std::string::npos);
  REQUIRE(log.runs.size() == 1);
  CHECK(log.runs[0].points.size() == Table::kRows);
}

}  // namespace

TEST_CASE("two runs of the same test are both named by the log, not by the file") {
  const std::string run = whole_run("all_gather_perf", kGathers);
  for (const char* file : {"reduce_tests.txt", "run.log"}) {
    const NcclLog log = log_of(run + run, file);
    REQUIRE(log.runs.size() == 2);
    CHECK(log.runs[0].kind == Collective::all_gather);
    CHECK(log.runs[1].kind == Collective::all_gather);
  }
}

TEST_CASE("the same command line before each of two runs names both") {
  const std::string run =
      "$ ./build/alltoall_perf -b 64K -g 4\n" + settings() + kHead + kGathers.rows();
  const NcclLog log = log_of(run + run);
  REQUIRE(log.runs.size() == 2);
  CHECK(log.runs[1].kind == Collective::all_to_all);
}

TEST_CASE("a test that is not modelled is left out, and the runs around it keep their names") {
  const NcclLog log =
      log_of(whole_run("all_reduce_perf", kSums) + whole_run("gather_perf", kGathers) +
                 whole_run("reduce_scatter_perf", {0.75, "sum", "", ""}),
             "nccl_all_reduce_suite.txt");
  REQUIRE(log.runs.size() == 2);
  CHECK(log.runs[0].kind == Collective::all_reduce);
  CHECK(log.runs[1].kind == Collective::reduce_scatter);
  REQUIRE(log.left_out.size() == 1);
  CHECK(log.left_out[0].why == "gather_perf is not modelled");
}

TEST_CASE("all-to-alls of uneven sizes, hypercubes and tests of somebody's own are not modelled") {
  for (const char* test : {"alltoallv_perf", "hypercube_perf", "scatter_perf", "my_own_perf"}) {
    check_left_out(whole_run(test, kGathers), std::string(test) + " is not modelled");
  }
}

TEST_CASE("another style of launch is left out, and so is the time of the host") {
  const std::string name = named("all_reduce_perf");
  check_left_out(name + settings(4, "agg iters: 16 validation: 1 graph: 0") + kHead + kSums.rows(),
                 "16 collectives were grouped");
  check_left_out(name + settings() + "# Blocking Enabled: wait for completion and barrier\n" +
                     kHead + kSums.rows(),
                 "blocking, -z");
  std::string head = kHead;
  for (std::size_t at = 0; (at = head.find(" time", at)) != std::string::npos; at += 8) {
    head.replace(at, 5, " cputime");
  }
  check_left_out(name + settings() + head + kSums.rows(), "cputime");
}

TEST_CASE("a run of graphs is another style, and is kept apart") {
  const NcclLog log = log_of(named("all_reduce_perf") + settings(4, "agg iters: 1 graph: 8") +
                             kHead + kSums.rows() + whole_run("all_reduce_perf", kSums));
  REQUIRE(log.runs.size() == 2);
  CHECK(log.runs[0].launch == LaunchStyle::graph);
  CHECK(log.runs[1].launch == LaunchStyle::nccl_tests);
}

TEST_CASE("names of files: whole words, and longer names before those that they contain") {
  const auto named = [](const std::string& file) {
    const auto name = test_in_name(file);
    return name ? name->text : "";
  };
  CHECK(named("all_reduce_bad.log") == "all_reduce");
  CHECK(named("AllReduce8.log") == "all_reduce");
  CHECK(named("all-to-all.txt") == "alltoall");
  CHECK(named("alltoallv.txt") == "alltoallv");
  CHECK(named("gather.txt") == "gather");
  CHECK(named("all_gather.txt") == "all_gather");
  CHECK(named("reduced_set.txt").empty());
  CHECK(named("together.txt").empty());
}

TEST_CASE("a line that names several tests names none") {
  CHECK(test_in_line("/opt/all_reduce_perf_mpi -b 8")->text == "all_reduce");
  CHECK_FALSE(test_in_line("for t in all_reduce_perf all_gather_perf; do"));
  CHECK_FALSE(test_in_line("ib_write_perf --all"));
}

}  // namespace lockstep::test

#include <doctest/doctest.h>

#include "sim/cost/nccl/log.h"

namespace lockstep {
namespace {

std::vector<NcclRun> runs_of(const std::string& text, const std::string& file = "run.log") {
  const auto runs = parse_nccl_log(text, file);
  if (!runs) MESSAGE(to_string(runs.faults()));
  REQUIRE(runs);
  return runs->runs;
}

std::string fault_of(const std::string& text, const std::string& file = "run.log") {
  const auto runs = parse_nccl_log(text, file);
  REQUIRE_FALSE(runs);
  return to_string(runs.faults());
}

// The layout of nccl-tests 2.13: redop and root, #wrong, out of place and in place.
constexpr const char* kAllReduce =
    R"(# nThread 1 nGpus 4 minBytes 1024 maxBytes 2097152 step: 2(factor) warmup iters: 5 iters: 20 agg iters: 1 validation: 1 graph: 0
#
# Using devices
#  Rank  0 Group  0 Pid  71204 on     node-1 device  0 [0x18] NVIDIA H100 80GB HBM3
#  Rank  1 Group  0 Pid  71204 on     node-1 device  1 [0x2a] NVIDIA H100 80GB HBM3
#  Rank  2 Group  0 Pid  71204 on     node-1 device  2 [0x3a] NVIDIA H100 80GB HBM3
#  Rank  3 Group  0 Pid  71204 on     node-1 device  3 [0x5d] NVIDIA H100 80GB HBM3
node-1:71204:71204 [0] NCCL INFO Bootstrap : Using eth0:10.0.0.7<0>
node-1:71204:71204 [0] NCCL INFO cudaDriverVersion 12040
NCCL version 2.20.5+cuda12.4
#
#                                                              out-of-place                       in-place
#       size         count      type   redop    root     time   algbw   busbw #wrong     time   algbw   busbw #wrong
#        (B)    (elements)                               (us)  (GB/s)  (GB/s)            (us)  (GB/s)  (GB/s)
        1024           256     float     sum      -1     9.46    0.11    0.16      0     9.40    0.11    0.16      0
node-1:71204:71250 [2] NCCL WARN a peer was slow
     1048576        262144     float     sum      -1    18.12   57.87   86.80      0    18.08   58.00   87.00      0
     2097152        524288     float     sum      -1    27.51   76.23  114.35      0    27.44   76.43  114.64      0
# Out of bounds values : 0 OK
# Avg bus bandwidth    : 67.1
)";

}  // namespace

TEST_CASE("a table of one node is read, with lines of NCCL in between") {
  const auto runs =
      runs_of(std::string("$ ./build/all_reduce_perf -b 1K -e 2M -f 2 -g 4\n") + kAllReduce);
  REQUIRE(runs.size() == 1);
  CHECK(runs[0].kind == Collective::all_reduce);
  CHECK(runs[0].ranks == 4);
  CHECK(runs[0].nodes == 1);
  CHECK(runs[0].element_bytes == 4);
  CHECK(runs[0].launch == LaunchStyle::nccl_tests);
  REQUIRE(runs[0].points.size() == 3);
  CHECK(runs[0].points[1].bytes == 1048576);
  CHECK(runs[0].points[1].time_us == 18.12);
}

// busbw / algbw = 86.80 / 57.87 = 1.5 = 2 * 3 / 4.
TEST_CASE("an all-reduce of more than two ranks is told by its bus rate alone") {
  CHECK(runs_of(kAllReduce).at(0).kind == Collective::all_reduce);
}

TEST_CASE("ranks of several hosts behind the prefixes of a job launcher make several nodes") {
  const auto runs = runs_of(
      "0: # nThread 1 nGpus 1 minBytes 8 maxBytes 64 step: 2(factor) graph: 1\n"
      "0: #  Rank  0 Pid   12 on  gpu-a device  0 [0x0f] NVIDIA A100-SXM4-80GB\n"
      "0: #  Rank  1 Pid   13 on  gpu-a device  1 [0x15] NVIDIA A100-SXM4-80GB\n"
      "0: #  Rank  2 Pid   71 on  gpu-b device  0 [0x0f] NVIDIA A100-SXM4-80GB\n"
      "0: #  Rank  3 Pid   72 on  gpu-b device  1 [0x15] NVIDIA A100-SXM4-80GB\n"
      "0:            8             2     float    none      -1    31.02    0.00    0.00      0"
      "    30.81    0.00    0.00    N/A\n"
      "[1,0]<stdout>:           64            16     float    none      -1    31.90    0.00    "
      "0.00      0    30.11    0.00    0.00    N/A\n",
      "logs/alltoall_2n.log");
  REQUIRE(runs.size() == 1);
  CHECK(runs[0].kind == Collective::all_to_all);
  CHECK(runs[0].ranks == 4);
  CHECK(runs[0].nodes == 2);
  CHECK(runs[0].launch == LaunchStyle::graph);
  CHECK(runs[0].points.size() == 2);
}

// nccl-tests 1.x and 2.0: no root for sums, no redop for broadcasts, "error" as 0e+00.
TEST_CASE("older layouts have fewer columns") {
  const std::string head = "# nThread 1 nGpus 8 minBytes 8 maxBytes 128 step: 2(factor)\n";
  const auto sums =
      runs_of(head +
                  "       65536         16384   float     sum    41.05    1.60    2.79  0e+00    "
                  "40.61    1.61    2.82  0e+00\n",
              "all_reduce.txt");
  CHECK(sums.at(0).points.at(0).time_us == 41.05);
  CHECK(sums.at(0).ranks == 8);
  const auto rooted =
      runs_of(head +
                  "       65536         16384   float       0    21.05    3.11    3.11  0e+00    "
                  "20.61    3.18    3.18  0e+00\n",
              "broadcast.txt");
  CHECK(rooted.at(0).kind == Collective::broadcast);
  CHECK(rooted.at(0).points.at(0).time_us == 21.05);
}

TEST_CASE("runs one after another in a file stand apart, each with its own name") {
  const std::string run =
      "# nThread 1 nGpus 2 minBytes 8 maxBytes 8\n"
      "   8   2   half   sum   -1   6.2  0.0  0.0  0   6.1  0.0  0.0  0\n";
  const auto runs = runs_of("# Collective test starting: reduce_scatter_perf\n" + run +
                            "# Collective test starting: all_gather_perf\n" + run);
  REQUIRE(runs.size() == 2);
  CHECK(runs[0].kind == Collective::reduce_scatter);
  CHECK(runs[1].kind == Collective::all_gather);
}

TEST_CASE("what cannot be a table says what to do") {
  CHECK(fault_of("\n\n").find("this log is empty") != std::string::npos);
  CHECK(fault_of("srun: error: node failure\n").find("there is no table of nccl-tests") !=
        std::string::npos);
  const std::string rows = "  8  2  float  none  -1  6.2  0.0  0.0  0  6.1  0.0  0.0  0\n";
  CHECK(fault_of("# nThread 1 nGpus 4 minBytes 8\n" + rows).find("--collective all_gather") !=
        std::string::npos);
  CHECK(fault_of(rows, "all_gather.log").find("keep the lines '# nThread") != std::string::npos);
  CHECK(fault_of("# nThread 1 nGpus 1 minBytes 8\n"
                 "#  Rank  0 Pid 1 on a device 0 [0x1] H100\n"
                 "#  Rank  7 Pid 2 on b device 0 [0x1] H100\n" +
                     rows,
                 "all_gather.log")
            .find("ranks of different runs are mixed") != std::string::npos);
}

TEST_CASE("rows that measure nothing are left out, each with its line and the reason") {
  const std::string head =
      "# nThread 1 nGpus 2 minBytes 8 maxBytes 8\n"
      "#  size count type redop root time algbw busbw #wrong time algbw busbw #wrong\n";
  const auto runs = runs_of(head +
                                "  8  2  half  sum  -1   6.2  0.0  0.0  0   6.1  0.0  0.0  0\n"
                                "  16 4  half  sum  -1   6.2  0.0  0.0  2   6.1  0.0  0.0  0\n"
                                "  32 8  half  sum  -1   6.2  0.0  0.0  0   6.1  0.0  0.0  1e+03\n"
                                "  64 16 half  sum  -1   0.0  0.0  0.0  0   6.1  0.0  0.0  0\n"
                                "  64 16 half  sum  -1  -6.2  0.0  0.0  0   6.1  0.0  0.0  0\n"
                                "  64 16 half  sum  -1   nan  0.0  0.0  0   6.1  0.0  0.0  0\n"
                                "   0  0 half  sum  -1   6.2  0.0  0.0  0   6.1  0.0  0.0  N/A\n",
                            "all_reduce.log");
  REQUIRE(runs.size() == 1);
  CHECK(runs[0].points.size() == 1);
  const std::string wrong = "wrong results (#wrong above 0)";
  const std::string time = "a time that is not above zero";
  CHECK(runs[0].left_out == std::vector<LeftOutRow>{{4, wrong},
                                                    {5, wrong},
                                                    {6, time},
                                                    {7, time},
                                                    {8, "a time that is no number"},
                                                    {9, "0 bytes"}});
  CHECK(fault_of(head + "  8  2  half  sum  -1   6.2  0.0  0.0  2   6.1  0.0  0.0  0\n",
                 "all_reduce.log")
            .find("none of the 1 rows of this table is a measurement: wrong results") !=
        std::string::npos);
}

// Before 2.11 the last column is the largest error: not zero where sums are rounded.
TEST_CASE("an error of rounding is no wrong result") {
  const auto runs = runs_of(
      "# nThread 1 nGpus 2 minBytes 8 maxBytes 8\n"
      "#  size count type redop time algbw busbw error time algbw busbw error\n"
      "  8  2  half  sum  6.2  0.0  0.0  2e-04   6.1  0.0  0.0  2e-04\n",
      "all_reduce.log");
  CHECK(runs.at(0).points.size() == 1);
  CHECK(runs.at(0).left_out.empty());
}

TEST_CASE("a run that stands there twice counts once, and says where it is again") {
  const auto first = runs_of(kAllReduce, "a.log");
  const auto copy = runs_of(std::string("\n") + kAllReduce, "b.log");
  auto other = first;
  other[0].points[0].time_us += 0.01;
  const auto kept = without_repeats({first[0], copy[0], other[0]});
  REQUIRE(kept.size() == 2);
  CHECK(kept[0].repeated_at == std::vector<std::string>{"b.log:16"});
  CHECK(kept[1].repeated_at.empty());
}

}  // namespace lockstep

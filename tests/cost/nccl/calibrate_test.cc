#include <doctest/doctest.h>

#include <algorithm>

#include "sim/cost/cost_model.h"
#include "sim/cost/hardware_file.h"
#include "sim/cost/nccl/calibrate.h"
#include "sim/cost/nccl/doubts.h"
#include "sim/cost/nccl/least_squares.h"

namespace lockstep {
namespace {

Hardware preset(const std::string& name) {
  const Result<Hardware> hardware = load_hardware(name);
  REQUIRE(hardware);
  return *hardware;
}

// What `hardware` predicts, as if it had been measured.
NcclRun run_of(Collective kind, int ranks, const Hardware& hardware, std::int64_t factor = 2) {
  NcclRun run;
  run.file = "generated.log";
  run.kind = kind;
  run.ranks = ranks;
  for (std::int64_t bytes = 512; bytes <= 512 << 20; bytes *= factor) {
    const CollectiveTime time = nccl_time(call_of(run, bytes, hardware.node), hardware);
    run.points.push_back({bytes, in_microseconds(time.total()), 0});
  }
  return run;
}

const CalibratedConstant* fitted(const Calibration& calibration, const std::string& path) {
  for (const CalibratedConstant& constant : calibration.fitted) {
    if (constant.path == path) return &constant;
  }
  return nullptr;
}

}  // namespace

// r_i = (a + b x_i) / y_i - 1 with y_i = 5 + 0.25 x_i is zero at a = 5, b = 0.25.
TEST_CASE("least squares finds the parameters of a line") {
  const Residuals line = [](std::span<const double> p) {
    std::vector<double> all;
    for (double x = 1; x < 2000; x *= 2) all.push_back((p[0] + p[1] * x) / (5 + 0.25 * x) - 1);
    return all;
  };
  const LeastSquares found = least_squares(line, {1, 1}, 0.05, 100);
  CHECK(found.parameters[0] == doctest::Approx(5).epsilon(1e-6));
  CHECK(found.parameters[1] == doctest::Approx(0.25).epsilon(1e-6));
}

TEST_CASE("a few bad points do not decide") {
  const Residuals level = [](std::span<const double> p) {
    return std::vector<double>{p[0] / 10 - 1, p[0] / 10 - 1, p[0] / 10 - 1, p[0] / 100 - 1};
  };
  CHECK(least_squares(level, {20}, 0.05, 100).parameters[0] == doctest::Approx(10).epsilon(0.1));
}

TEST_CASE("calibration finds the constants that made the tables") {
  Hardware truth = preset("hgx-h200");
  truth.nccl.simple.GBps = 300;
  truth.nccl.ll.step_us = 1.1;
  const std::vector<NcclRun> runs = {run_of(Collective::all_gather, 2, truth),
                                     run_of(Collective::all_gather, 4, truth),
                                     run_of(Collective::reduce_scatter, 8, truth)};
  const Calibration found = calibrate(runs, preset("hgx-h200"));
  CHECK(found.median_error < 0.005);
  CHECK(found.hardware.nccl.simple.GBps == doctest::Approx(300).epsilon(0.03));
  CHECK(found.hardware.nccl.ll.step_us == doctest::Approx(1.1).epsilon(0.05));
}

TEST_CASE("at most half as many constants as points are fitted, and those that matter most") {
  Hardware truth = preset("hgx-h200");
  truth.nccl.simple.GBps = 250;
  const NcclRun run = run_of(Collective::all_gather, 4, truth, 16);
  REQUIRE(run.points.size() == 6);
  const Calibration found = calibrate({run}, preset("hgx-h200"));
  CHECK(found.fitted.size() <= 3);
  REQUIRE(fitted(found, "nccl.simple.GBps"));
  CHECK(found.hardware.nccl.simple.GBps == doctest::Approx(250).epsilon(0.02));
}

TEST_CASE("what no point depends on stays as it was") {
  const Hardware base = preset("hgx-h200");
  Hardware truth = base;
  truth.nccl.simple.GBps = 300;
  const Calibration found = calibrate({run_of(Collective::all_gather, 4, truth)}, base);
  CHECK(found.hardware.nccl.nvls == base.nccl.nvls);
  CHECK(found.hardware.nccl.peers == base.nccl.peers);
  CHECK(found.hardware.nccl.choice == base.nccl.choice);
}

TEST_CASE("a constant that no machine has is doubted, and others are not") {
  const Hardware base = preset("hgx-h200");
  Hardware truth = base;
  truth.nccl.simple.GBps = 740;  // twice the 370 GB/s of a link
  const Calibration fast = calibrate({run_of(Collective::all_gather, 4, truth)}, base);
  REQUIRE(fitted(fast, "nccl.simple.GBps"));
  CHECK(fitted(fast, "nccl.simple.GBps")->doubt == "is above the 370 GB/s of a link");
  truth = base;
  truth.nccl.simple.GBps = 300;
  const Calibration fine = calibrate({run_of(Collective::all_gather, 4, truth)}, base);
  for (const CalibratedConstant& constant : fine.fitted) CHECK(constant.doubt == "");
}

TEST_CASE("limits of constants: a link, two links of NVLS, memory, the range, the base") {
  const Hardware base = preset("hgx-h200");  // links of 370 GB/s, memory of 4,800 GB/s
  const auto doubt = [&](std::string_view path, double after) {
    const auto fields = nccl_fields();
    const auto field = std::ranges::find(fields, path, &HardwareField::path);
    REQUIRE(field != fields.end());
    return doubt_about(*field, after, base);
  };
  CHECK(doubt("nccl.ll128.GBps", 380) == "");  // within 5 %
  CHECK(doubt("nccl.ll128.GBps", 400) == "is above the 370 GB/s of a link");
  CHECK(doubt("nccl.nvls.GBps", 600) == "");
  CHECK(doubt("nccl.nvls.GBps", 800).starts_with("is above the 740 GB/s of two links"));
  CHECK(doubt("nccl.own_GBps", 5500) == "is above the 4800 GB/s of the memory");
  CHECK(doubt("nccl.simple.step_us", 0) == "is at the end of its range, 0 to 100000");
  const double step = base.nccl.simple.step_us;
  CHECK(doubt("nccl.simple.step_us", step / 11).find("may well make it negative") !=
        std::string::npos);
  CHECK(doubt("nccl.simple.step_us", step * 11).starts_with("is more than ten times the base's"));
  CHECK(doubt("nccl.simple.step_us", step * 2) == "");
}

TEST_CASE("calibrating twice gives the same file") {
  const std::vector<NcclRun> runs = {run_of(Collective::all_reduce, 8, preset("hgx-h100"))};
  const Hardware base = preset("hgx-h200");
  CHECK(hardware_yaml(calibrate(runs, base).hardware) ==
        hardware_yaml(calibrate(runs, base).hardware));
}

TEST_CASE("a version without LL128 is told from one that has it") {
  Hardware truth = preset("hgx-h200");
  truth.nccl.choice.ll128_GBps = 0;
  const Calibration found = calibrate(
      {run_of(Collective::all_gather, 8, truth), run_of(Collective::all_reduce, 4, truth)},
      preset("hgx-h200"));
  REQUIRE(fitted(found, "nccl.choice.ll128_GBps"));
  CHECK(fitted(found, "nccl.choice.ll128_GBps")->after == 0);
}

// Published: 8 B200, all_gather of 8 MiB in 44.2 us, of 16 MiB in 102.1 us.
TEST_CASE("a step of the protocol is found between the two sizes around it") {
  NcclRun run;
  run.file = "b200.log";
  run.kind = Collective::all_gather;
  run.ranks = 8;
  run.points = {{2 << 20, 23.4, 0},    {4 << 20, 29.16, 0},   {8 << 20, 44.22, 0},
                {16 << 20, 102.07, 0}, {32 << 20, 114.62, 0}, {64 << 20, 137.22, 0}};
  const Calibration found = calibrate({run}, preset("hgx-b200"));
  REQUIRE(found.steps.size() == 1);
  CHECK(found.steps[0].measured);
  CHECK(found.steps[0].below == 8 << 20);
  CHECK(found.steps[0].above == 16 << 20);
  // At most what was measured, less what the bytes cost at the slope before: 57.85 - 2 * 15.06.
  CHECK(found.steps[0].step_us == doctest::Approx(57.85 - 2 * 15.06).epsilon(0.01));
  CHECK(found.steps[0].model == "ring/LL -> ring/Simple");
}

}  // namespace lockstep

#include <doctest/doctest.h>

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/cli/process.h"

namespace lockstep::test {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kSizes = 12;

// Ranks of one host, as all_reduce_perf names them.
std::string header(int ranks, int first_of_second_half) {
  std::string text = fmt::format("# nThread 1 nGpus {} minBytes 1024 maxBytes 134217728\n", ranks);
  for (int i = 0; i < ranks; ++i) {
    const int rank = i < ranks / 2 ? i : i - ranks / 2 + first_of_second_half;
    text += fmt::format("#  Rank {:2} Group  0 Pid  71204 on  node-1 device {:2} [0x18] H200\n",
                        rank, i % 8);
  }
  return text;
}

// An all-reduce of 8 ranks by a line: 12 us, and bytes at a bus rate of 350 GB/s, so
// time = 12 + bytes x 2 (8 - 1) / 8 / 350,000 bytes/us.
std::string rows() {
  std::string text;
  std::int64_t bytes = 64 * 1024;
  for (int i = 0; i < kSizes; ++i, bytes *= 2) {
    const double time = 12 + static_cast<double>(bytes) * 1.75 / 350e3;
    const double rate = static_cast<double>(bytes) / time / 1e3;
    text += fmt::format(
        "{:12} {:12} float sum -1 {:9.2f} {:6.2f} {:6.2f} 0 {:9.2f} {:6.2f} {:6.2f} 0\n", bytes,
        bytes / 4, time, rate, rate * 1.75, time, rate, rate * 1.75);
  }
  return text;
}

std::string log_file(const std::string& name, const std::string& text) {
  const std::string path = scratch() + name;
  write(path, text);
  return path;
}

TEST_CASE("a log gives a hardware file, with at most half as many constants as points") {
  const std::string log = log_file("all_reduce_perf.log", header(8, 4) + rows());
  const std::string file = scratch() + "mine.yaml";
  const Finished run = lockstep("calibrate " + log + " -o " + file + " --json -");
  CAPTURE(run.err);
  REQUIRE(run.code == 0);
  const Json json = Json::parse(run.out);
  CHECK(json["points"].size() == kSizes);
  CHECK(json["parameters"] == json["constants"].size());
  CHECK(json["parameters"] > 0);
  CHECK(json["parameters"] <= kSizes / 2);
  const Finished used =
      lockstep("collective all_reduce --ranks 8 --sizes 128M --library nccl --hardware " + file +
               " --launch nccl-tests --json -");
  CAPTURE(used.err);
  REQUIRE(used.code == 0);
  const double time = Json::parse(used.out)["rows"][0]["time_us"];
  // The largest size of the log: 12 + 134,217,728 x 1.75 / 350,000 = 683.1 us.
  CHECK(time == doctest::Approx(683.1).epsilon(0.1));
}

TEST_CASE("what a reader must know of the rows is told on standard error, and in the JSON") {
  const std::string bad =
      "  1024  256 float sum -1   0.00  0.00  0.00  0   9.40  0.11  0.16  0\n"
      "  2048  512 float sum -1   9.46  0.11  0.16  7   9.40  0.11  0.16  0\n";
  const std::string log = log_file("all_reduce_bad.log", header(8, 4) + bad + rows());
  const std::string copy = log_file("all_reduce_copy.log", header(8, 4) + bad + rows());
  const Finished run = lockstep("calibrate " + log + " " + log + " " + copy + " --json -");
  REQUIRE(run.code == 0);
  CHECK(contains(run.err,
                 "all_reduce_bad.log: 1 row of 14 left out: wrong results (#wrong above "
                 "0) (line 11)"));
  CHECK(contains(run.err, "1 row of 14 left out: a time that is not above zero (line 10)"));
  CHECK(contains(run.err, copy + ":10 is the run of " + log + ":10 once more; it counts once"));
  const Json json = Json::parse(run.out);
  CHECK(json["points"].size() == kSizes);
  REQUIRE(json["runs"].size() == 1);
  CHECK(json["runs"][0]["left_out"].size() == 2);
  CHECK(json["runs"][0]["repeated_at"] == Json{log + ":10", copy + ":10"});
  CHECK(lockstep("calibrate -q " + log).err.empty());
}

// The same on `ranks` of `hosts`, whose busbw is 2 (n - 1) / n of algbw.
std::string hosts_log(const std::string& name, int ranks, int hosts) {
  std::string text = "# Collective test starting: all_reduce_perf\n# nThread 1 nGpus 1 graph: 0\n";
  for (int r = 0; r < ranks; ++r) {
    text += fmt::format("#  Rank {:2} Group  0 Pid  7 on  host-{} device {:2} [0x18] GPU\n", r,
                        r * hosts / ranks, r);
  }
  std::int64_t bytes = 64 * 1024;
  for (int i = 0; i < kSizes; ++i, bytes *= 2) {
    const double rate = static_cast<double>(bytes) / (20 + static_cast<double>(bytes) / 2e5) / 1e3;
    const double time = static_cast<double>(bytes) / rate / 1e3;
    text += fmt::format("{} {} float sum -1 {:.2f} {:.2f} {:.2f} 0\n", bytes, bytes / 4, time, rate,
                        rate * 2 * (ranks - 1) / ranks);
  }
  return log_file(name, text);
}

TEST_CASE("a run that is not fitted is told, and without any other the exit code is 2") {
  const std::string gather = "# Collective test starting: gather_perf\n" + header(8, 4) + rows() +
                             "# Collective test starting: all_reduce_perf\n" + header(8, 4) +
                             rows();
  const Finished run = lockstep("calibrate " + log_file("suite.log", gather) + " --json -");
  REQUIRE(run.code == 0);
  CHECK(contains(run.err, "suite.log:11: this run is left out: gather_perf is not modelled"));
  const Json json = Json::parse(run.out);
  CHECK(json["points"].size() == kSizes);
  CHECK(json["left_out"].size() == 1);
  const Finished alone =
      lockstep("calibrate " + log_file("gather_perf.log", header(8, 4) + rows()));
  CHECK(alone.code == 2);
  CHECK(contains(alone.err, "no run is left to fit to: gather_perf is not modelled"));
}

// The run of rows(), as -J writes it.
std::string json_log(const std::string& name, const std::string& program, bool waits) {
  Json json{{"version", 1}, {"args", {"./build/" + program, "-g", "8"}}};
  json["config"] = {{"nthreads", 1},
                    {"ngpus", 8},
                    {"aggregated_iterations", 1},
                    {"graph", 0},
                    {"blocking_collectives", waits}};
  for (int r = 0; r < 8; ++r) {
    json["config"]["devices"].push_back({{"rank", r}, {"group", 0}, {"hostname", "host"}});
  }
  std::int64_t bytes = 64 * 1024;
  for (int i = 0; i < kSizes; ++i, bytes *= 2) {
    const double time = 12 + static_cast<double>(bytes) * 1.75 / 350e3;
    const double rate = static_cast<double>(bytes) / time / 1e3;
    const Json figures{{"time", time}, {"alg_bw", rate}, {"bus_bw", rate * 1.75}, {"nwrong", 0.0}};
    json["results"].push_back({{"size", bytes},
                               {"count", bytes / 4},
                               {"type", "float"},
                               {"redop", "sum"},
                               {"root", "    -1"},
                               {"out_of_place", figures},
                               {"in_place", figures}});
  }
  return log_file(name, json.dump());
}

TEST_CASE("the JSON of a run says what its table says") {
  const Finished run =
      lockstep("calibrate " + json_log("run.json", "all_reduce_perf", false) + " --json -");
  CAPTURE(run.err);
  REQUIRE(run.code == 0);
  const Json json = Json::parse(run.out);
  REQUIRE(json["points"].size() == kSizes);
  CHECK(json["runs"][0]["collective"] == "all_reduce");
  CHECK(json["runs"][0]["ranks"] == 8);
  // 12 + 65,536 x 1.75 / 350,000
  CHECK(json["points"][0]["measured_us"].get<double>() == doctest::Approx(12.32768));
  const auto refused = [](const std::string& log) {
    const Finished bad = lockstep("calibrate " + log);
    CHECK(bad.code == 2);
    return bad.err;
  };
  CHECK(contains(refused(json_log("waits.json", "all_reduce_perf", true)), "blocking, -z"));
  CHECK(contains(refused(json_log("other.json", "all_gather_perf", false)),
                 "busbw / algbw is 1.75, but all_gather of 8 ranks (by the log) has 0.875"));
  CHECK(contains(refused(json_log("own.json", "my_own_perf", false)), "my_own_perf is not"));
  CHECK(contains(refused(log_file("half.json", "{\"results\": [")), "not JSON, from its byte"));
  CHECK(contains(refused(log_file("none.json", "{\"version\": 1}")), "'results' is missing"));
  CHECK(contains(refused(log_file("big.json", "{\"results\": [1e999]}")), "is too large"));
}

TEST_CASE("hosts are nodes as the base sees them") {
  const std::string one = hosts_log("one_host.log", 16, 1);
  const Finished split = lockstep("calibrate " + one + " --base hgx-h200 --json -");
  REQUIRE(split.code == 0);
  CHECK(contains(split.err, "16 ranks on 1 host, but a node of the base has 8 GPUs: taken as 2"));
  CHECK(Json::parse(split.out)["runs"][0]["nodes"] == 2);
  const Finished rack =
      lockstep("calibrate " + hosts_log("rack.log", 8, 2) + " --base gb200-nvl72 --json -");
  REQUIRE(rack.code == 0);
  CHECK_FALSE(contains(rack.err, "on several nodes"));
  CHECK(Json::parse(rack.out)["runs"][0]["nodes"] == 1);
}

TEST_CASE("a constant above what the hardware has is told by its name") {
  const std::string log = log_file("all_reduce_fast.log", header(8, 4) + rows());
  const Finished run =
      lockstep("calibrate " + log + " --base scenarios/hardware/pcie-rtx-pro-6000.yaml --json -");
  REQUIRE(run.code == 0);
  bool doubted = false;
  const Json json = Json::parse(run.out);
  for (const Json& constant : json["constants"]) {
    if (constant["doubt"].is_null()) continue;
    doubted = true;
    CHECK(contains(run.err, "warning: " + constant["path"].get<std::string>() + " = "));
  }
  CHECK(doubted);  // a bus rate of 350 GB/s over links of 26 GB/s
}

TEST_CASE("an empty log is told so, with exit code 2") {
  const Finished run = lockstep("calibrate " + log_file("empty.log", ""));
  CHECK(run.code == 2);
  CHECK(contains(run.err, "this log is empty"));
  CHECK(contains(run.err, "hint:"));
}

TEST_CASE("a log in which ranks of two runs are mixed is refused, with exit code 2") {
  const std::string file = scratch() + "mixed.yaml";
  const Finished run =
      lockstep("calibrate " + log_file("mixed.log", header(8, 12) + rows()) + " -o " + file);
  CHECK(run.code == 2);
  CHECK(contains(run.err, "ranks of different runs are mixed"));
  CHECK(contains(run.err, "hint:"));
  CHECK(lockstep("collective all_reduce --ranks 8 --hardware " + file).code == 2);  // not written
}

TEST_CASE("a log that is not there is told by its name, with exit code 2") {
  const Finished run = lockstep("calibrate " + scratch() + "nowhere.log");
  CHECK(run.code == 2);
  CHECK(contains(run.err, "nowhere.log"));
}

TEST_CASE("--collective takes what is modelled only") {
  const std::string log = log_file("unnamed.log", header(8, 4) + rows());
  CHECK(lockstep("calibrate " + log + " --collective all_reduce").code == 0);
  for (const char* kind : {"gather", "foo"}) {
    const Finished run = lockstep("calibrate " + log + " --collective " + kind);
    CHECK(run.code == 2);
    CHECK(contains(run.err, std::string("--collective ") + kind));
    CHECK(contains(run.err, "hint: one of all_reduce"));
  }
}

}  // namespace
}  // namespace lockstep::test

// Machines and sizes at which no time can be said: a plain error, never a wrong number.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/cli/process.h"

namespace lockstep::test {
namespace {

using Json = nlohmann::ordered_json;

const std::string kNoNic =
    "error: the ranks are on several nodes, and the nodes of this hardware have no NIC";
const std::string kTooLong = "takes longer than the clock holds, 106 days";

const std::string kSixteen = kAfter +
                             " --set parallel.tp_size=16 --set parallel.dp_size=16 "
                             "--set parallel.ep_size=16 --set batch.tokens=64 "
                             "--set model.num_hidden_layers=2";
const std::string kEight = kAfter + " --set batch.tokens=64 --set model.num_hidden_layers=2";

void check_refused(const std::string& arguments, const std::string& message) {
  CAPTURE(arguments);
  const Finished run = lockstep(arguments);
  CHECK(run.code == 2);
  CHECK(run.out.empty());
  CHECK(contains(run.err, message));
  CHECK(contains(run.err, "hint: "));
  CHECK_FALSE(contains(run.err, "lockstep failed"));
}

// The points of a sweep of two, which is done whatever becomes of each.
Json two_points(const std::string& arguments) {
  const Finished run = lockstep("sweep " + arguments + " --json -");
  CHECK(run.code == 0);
  Json points = Json::parse(run.out)["points"];
  REQUIRE(points.size() == 2);
  return points;
}

TEST_CASE("run refuses several nodes that have no NIC") {
  for (const char* fidelity : {" --fidelity closed-form", " --fidelity messages"}) {
    check_refused("run " + kSixteen + " --set hardware=loopback" + fidelity, kNoNic);
    check_refused(
        "run " + kEight + " --set hardware.node.gpus=4 --set hardware.node.nics=0" + fidelity,
        kNoNic);
  }
  check_refused("run " + kEight + " --set hardware=loopback --set hardware.nodes=2", kNoNic);
  CHECK(lockstep("run -q " + kEight + " --set hardware=loopback").code == 0);
}

TEST_CASE("a point of a sweep whose nodes have no NIC is a row, and the others go on") {
  const Json points =
      two_points(kEight + " --set hardware.node.nics=0 --over hardware.node.gpus=4,8");
  CHECK(contains(points[0]["reason"], "have no NIC"));
  CHECK(points[0]["makespan_us"].is_null());
  CHECK(points[1]["makespan_us"] > 0);
}

// The switch of an NVL72 takes the rate of 72 links: 64.8 TB/s.
TEST_CASE("a run message by message on a wide node takes about what the closed form says") {
  for (const char* ranks : {"16", "32", "64"}) {
    CAPTURE(ranks);
    const std::string wide =
        std::string("run ") + kEight + " --set hardware=gb200-nvl72 --set parallel.dp_size=1" +
        " --set parallel.tp_size=" + ranks + " --set parallel.ep_size=" + ranks + " --json -";
    const double closed = Json::parse(lockstep(wide).out)["makespan_us"];
    const Finished run = lockstep(wide + " --fidelity messages");
    CHECK(run.code == 0);
    const double messages = Json::parse(run.out)["makespan_us"];
    CHECK(messages > closed / 2);  // the latencies of links alone are less than a library's
    CHECK(messages < closed * 2);
  }
}

TEST_CASE("what takes longer than the clock holds is refused by every command") {
  check_refused("kernel gemm --shape m=1000000000,n=1000000,k=10000000", kTooLong);
  check_refused("kernel gemm --shape m=1000000000,n=1000000,k=10000000 --json -", kTooLong);
  const std::string all_reduce =
      "collective all_reduce --ranks 8 --sizes 16T --set node.link_GBps=0.001";
  check_refused(all_reduce, kTooLong);
  check_refused(all_reduce + " --algorithm ring --fidelity closed-form", kTooLong);
  check_refused(all_reduce + " --algorithm ring --fidelity messages", kTooLong);
  const std::string many = "run " + kAfter + " --set batch.tokens=1000000";
  check_refused(many + " --set hardware.gpu.hbm_GBps=0.001", kTooLong);
}

// 61 layers go beyond it, two do not; nor do their times summed over the ranks, of which the tables
// show the mean.
TEST_CASE("a run that the clock just holds has its times, none of them negative") {
  const std::string slow = "run " + kAfter +
                           " --set model.num_hidden_layers=2 --set batch.tokens=1000000 "
                           "--set hardware.gpu.hbm_GBps=0.001";
  const Finished text = lockstep(slow);
  CHECK(text.code == 0);
  for (char digit = '0'; digit <= '9'; ++digit) {
    CHECK_FALSE(contains(text.out, std::string(" -") + digit));
  }
  const Json json = Json::parse(lockstep(slow + " --json -").out);
  const double makespan = json["makespan_us"];
  CHECK(makespan > 9.3e12 / 8);
  for (const Json& rank : json["ranks"]) CHECK(rank["compute_us"] <= makespan);
}

TEST_CASE("a point of a sweep beyond the clock is a row with its reason") {
  const Json points =
      two_points(kAfter + " --set batch.tokens=1000000 --over hardware.gpu.hbm_GBps=0.001,4800");
  CHECK(contains(points[0]["reason"], kTooLong));
  CHECK(points[1]["makespan_us"] > 0);
}

}  // namespace
}  // namespace lockstep::test

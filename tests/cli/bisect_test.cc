#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/cli/process.h"

namespace lockstep::test {
namespace {

using Json = nlohmann::ordered_json;

const std::string kRange = " --from 10414 --to 32663";

TEST_CASE("bisect says where Kimi K2.6 DEP8 broke, narrowed and was mended") {
  const Finished run = lockstep("bisect " + kBefore + kRange);
  CHECK(run.code == 0);
  CHECK(run.err.empty());
  CHECK(contains(run.out, "  violated  from #22642 (position 21, 2026-04-13; "));
  CHECK(contains(run.out, "double-reduction x8, layers 0-60, the first in layer 0, mlp\n"));
  CHECK(contains(run.out, "  violated  from #23732 (position 25, 2026-04-26; "));
  CHECK(contains(run.out, "layers narrow from 0-60 to 0, the first in layer 0, mlp\n"));
  CHECK(contains(run.out, "  holds     from #24785 (position 27, 2026-05-10; "));
  CHECK(contains(run.out, "first change of the verdict: #22642, from holds to violated\n"));
}

TEST_CASE("the JSON of a bisection is one object of lockstep.bisect/1") {
  const Finished run = lockstep("bisect " + kBefore + kRange + " --json -");
  CHECK(run.code == 0);
  REQUIRE(run.out.find('\n') == run.out.size() - 1);
  Json json = Json::parse(run.out);
  CHECK(json["schema"] == "lockstep.bisect/1");
  CHECK(json["scenario"] == "24785-kimi-k2.6-dep8-before");
  CHECK(json["from"] == 10414);
  CHECK(json["to"] == 32663);
  CHECK(json["first_change"] == 22642);
  REQUIRE(json["changes"].size() == 3);
  CHECK(json["changes"][0] ==
        Json{{"position", 21},
             {"pull_request", 22642},
             {"merged", "2026-04-13"},
             {"verdict_before", "holds"},
             {"verdict_after", "violated"},
             {"layers_before", ""},
             {"layers_after", "0-60"},
             {"first",
              {{"code", "double-reduction"}, {"layer", 0}, {"module", "mlp"}, {"factor", "8"}}}});
  CHECK(json["changes"][2]["first"].is_null());
  CHECK(json["positions"].front()["pull_request"] == 10414);
  CHECK(json["positions"].back()["verdict"] == "holds");
  CHECK(json["positions"].back()["plan_hash"].get<std::string>().size() == 16);
  Json again = Json::parse(lockstep("bisect " + kBefore + kRange + " --json -").out);
  json.erase("measured");
  again.erase("measured");
  CHECK(json.dump() == again.dump());
}

TEST_CASE("refused positions are grouped by their reason") {
  const std::string tp1 = " --set 'serving.env.SGLANG_SHARED_EXPERT_TP1=\"1\"'";
  const Finished run = lockstep("bisect " + kBefore + " --from 23748 --to 25390" + tp1);
  CHECK(run.code == 0);
  CHECK(contains(run.out,
                 "  refused   at #23748 to #24785: SGLANG_SHARED_EXPERT_TP1 does not "
                 "exist before #24949\n"));
  CHECK(contains(run.out, "the verdict is the same wherever it is decided\n"));
  const Finished nowhere = lockstep("bisect " + kBefore + " --from 23748 --to 24785" + tp1);
  CHECK(nowhere.code == 0);
  CHECK(contains(nowhere.out, "the verdict is decided nowhere in this range\n"));
}

TEST_CASE("--all lists every position, --quiet none") {
  const std::string range = " --from '22642^' --to 22664";
  const Finished all = lockstep("bisect " + kBefore + range + " --all");
  for (const char* part : {"from #20067", "from #22642", "from #22664"}) {
    CHECK(contains(all.out, part));
  }
  const Finished quiet = lockstep("bisect -q " + kBefore + range);
  CHECK(quiet.code == 0);
  CHECK(quiet.out.empty());
}

TEST_CASE("bad ends of the range and plan files are refused with what to do") {
  const Finished from = lockstep("bisect " + kBefore + " --from '24785^^'");
  CHECK(from.code == 2);
  CHECK(from.out.empty());
  CHECK(contains(from.err, "--from 24785^^: error: `24785^^` is not a revision"));
  CHECK(contains(lockstep("bisect " + kBefore + " --to 24784").err, "#24785"));
  CHECK(contains(lockstep("bisect " + kBefore + " --from 24785 --to 22642").err,
                 "--from 24785: error: 24785 (#24785) is later in the timeline"));
  const std::string file = scratch() + "bisect.plan.yaml";
  write(file, lockstep("plan " + kBefore).out);
  const Finished plan = lockstep("bisect " + file);
  CHECK(plan.code == 2);
  CHECK(contains(plan.err, "a plan file has no revisions"));
}

TEST_CASE("check says which pull request explains a violation") {
  const Finished run = lockstep("check " + kBefore);
  CHECK(contains(run.out, "\n  explained by #24785, not in this revision: with it this holds\n"));
  CHECK(contains(run.out, " #22642, in this revision: without it this holds\n"));
  const Json json = Json::parse(lockstep("check " + kBefore + " --json -").out);
  CHECK(json["violations"][0]["explained_by"][0] ==
        Json{{"pull_request", 24785}, {"toggled", "added"}, {"holds", true}});
}

TEST_CASE("a change is picked into a revision, or taken out of it") {
  CHECK(lockstep("check -q " + kBefore + " --set 'serving.with=[24785]'").code == 0);
  CHECK(lockstep("check -q " + kAfter + " --set 'serving.without=[24785]'").code == 1);
  const Finished run = lockstep("check " + kBefore + " --set 'serving.with=[24785]' --json -");
  CHECK(Json::parse(run.out)["revision"] == Json{{"asked", "24785^"},
                                                 {"resolved_after", "#23748"},
                                                 {"epoch", "E2"},
                                                 {"with", Json::array({24785})},
                                                 {"without", Json::array()}});
  const Finished twice = lockstep("check " + kAfter + " --set 'serving.with=[24785]'");
  CHECK(twice.code == 2);
  CHECK(contains(twice.err, "#24785 is in revision `24785` already"));
  CHECK(contains(lockstep("check " + kBefore + " --set serving.with=24785").err,
                 "'with' must be a list of integers"));
}

}  // namespace
}  // namespace lockstep::test

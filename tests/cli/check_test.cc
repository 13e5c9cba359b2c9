#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "tests/cli/process.h"

namespace lockstep::test {
namespace {

using Json = nlohmann::ordered_json;

std::vector<std::string> keys_of(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

TEST_CASE("check finds the double reduction of #24785 and exits with 1") {
  const Finished run = lockstep("check " + kBefore);
  CHECK(run.code == 1);
  CHECK(run.err.empty());
  CHECK(contains(run.out, "violated"));
  CHECK(contains(run.out, "double-reduction  layer 0, mlp, x8"));
  CHECK(contains(run.out, "L0.mlp.down is summed 8 times"));
  CHECK(contains(run.out, "reduce_scatterv over tp, 8 ranks"));
  CHECK(contains(run.out, "should_use_reduce_scatter = false"));
  CHECK(contains(run.out, "padding = sum_len"));
  CHECK(contains(run.out, "should_use_dp_reduce_scatterv = true"));
  CHECK(contains(run.out, "use SGLang as of #24785 or later"));
}

TEST_CASE("check holds after the fix and exits with 0") {
  const Finished run = lockstep("check " + kAfter);
  CHECK(run.code == 0);
  CHECK(contains(run.out, "holds"));
}

TEST_CASE("the JSON of a check is one object with the fields of lockstep.check/1") {
  const Finished run = lockstep("check " + kBefore + " --json -");
  CHECK(run.code == 1);
  CHECK(run.err.empty());
  REQUIRE(run.out.find('\n') == run.out.size() - 1);
  const Json json = Json::parse(run.out);
  CHECK(keys_of(json) == std::vector<std::string>{"schema", "scenario", "verdict", "revision",
                                                  "plan_hash", "violations", "notes", "stats",
                                                  "measured"});
  CHECK(json["schema"] == "lockstep.check/1");
  CHECK(json["verdict"] == "violated");
  CHECK(json["revision"] ==
        Json{{"asked", "24785^"}, {"resolved_after", "#23748"}, {"epoch", "E2"}});
  CHECK(json["stats"]["ranks"] == 8);
  CHECK(json["stats"]["layers"] == 61);
  REQUIRE(json["violations"].size() == 1);
  const Json& violation = json["violations"][0];
  CHECK(violation["code"] == "double-reduction");
  CHECK(violation["step"] == 0);
  CHECK(violation["layer"] == 0);
  CHECK(violation["module"] == "mlp");
  CHECK(violation["operation"] == "reduce_scatterv");
  CHECK(violation["group"] == "tp");
  CHECK(violation["group_size"] == 8);
  CHECK(violation["factor"] == "8");
  CHECK(violation["ranks"] == Json{0, 1, 3, 4, 5, 6, 7});  // shard 2 is idle
  CHECK(violation["terms"] == Json::array({"L0.mlp.down"}));
  CHECK(violation["producer"]["kind"] == "dense");
  CHECK(violation["consumer"]["kind"] == "require");
  CHECK(violation["fixes"][0]["kind"] == "revision");
  for (const Json& line : violation["coefficients"]) CHECK(line["value"] == "8");
}

TEST_CASE("two checks of one scenario differ in what was measured only") {
  Json first = Json::parse(lockstep("check " + kBefore + " --json -").out);
  Json second = Json::parse(lockstep("check " + kBefore + " --json -").out);
  first.erase("measured");
  second.erase("measured");
  CHECK(first.dump() == second.dump());
}

TEST_CASE("several scenarios give an object a line and the worst exit code") {
  const Finished run = lockstep("check " + kAfter + " " + kBefore + " --json -");
  CHECK(run.code == 1);
  const std::size_t end = run.out.find('\n');
  CHECK(Json::parse(run.out.substr(0, end))["verdict"] == "holds");
  CHECK(Json::parse(run.out.substr(end + 1))["verdict"] == "violated");
  CHECK(lockstep("check " + kBefore + " no-such-file.yaml").code == 2);
}

TEST_CASE("--json FILE is written whole, beside the text") {
  const std::string file = scratch() + "check.json";
  write(file, "what was there before");
  const Finished run = lockstep("check " + kAfter + " --json " + file);
  CHECK(run.code == 0);
  CHECK(contains(run.out, "holds"));
  CHECK(Json::parse(read(file))["verdict"] == "holds");
}

TEST_CASE("bad input leaves a good file of an earlier run in place") {
  const std::string folder = scratch() + "no-such-folder/x.json";
  const Finished run = lockstep("check -q " + kAfter + " --json " + folder);
  CHECK(run.code == 2);
  CHECK(contains(run.err, "cannot write " + folder));
}

TEST_CASE("--quiet prints nothing and exits the same") {
  const Finished run = lockstep("check --quiet " + kBefore);
  CHECK(run.code == 1);
  CHECK(run.out.empty());
  CHECK(run.err.empty());
}

TEST_CASE("--set asks what-if questions") {
  CHECK(lockstep("check -q " + kBefore + " --set serving.revision=24785").code == 0);
  CHECK(lockstep("check -q " + kBefore + " --set batch.padding=max_len").code == 0);
  CHECK(lockstep("check -q " + kBefore + " --set parallel.ep_size=1").code == 0);
  CHECK(lockstep("check -q " + kBefore + " --set model.num_hidden_layers=3").code == 1);
  const Finished misspelt = lockstep("check " + kBefore + " --set parallel.ep_sise=1");
  CHECK(misspelt.code == 2);
  CHECK(misspelt.out.empty());
  CHECK(contains(misspelt.err, "did you mean 'ep_size'?"));
  CHECK(contains(lockstep("check " + kBefore + " --set ep").err, "expected path=value"));
}

TEST_CASE("--steps shows every rank's state around the second sum") {
  const Finished run = lockstep("check " + kBefore + " --steps layer=0");
  CHECK(run.code == 1);
  CHECK(contains(run.out, "all, P(tp)       L0.mlp.down[3]"));
  CHECK(contains(run.out, "own, W(8)        8*L0.mlp.down"));
  CHECK_FALSE(contains(run.out, "L1.norm1"));
  CHECK(contains(lockstep("check --steps " + kBefore).out, "L60.norm1"));
  CHECK(lockstep("check " + kBefore + " --steps layer=x").code == 2);
}

TEST_CASE("a fix that is offered makes the scenario hold") {
  const Finished fixed = lockstep("check " + kBefore + " --apply-fix 1");
  CHECK(fixed.code == 0);
  write(scratch() + "fixed.yaml", fixed.out);
  CHECK(lockstep("check -q " + scratch() + "fixed.yaml").code == 0);
  CHECK(lockstep("check " + kBefore + " --apply-fix 99").code == 2);
}

TEST_CASE("--propagate says how far a wrong value reaches") {
  const Finished run = lockstep("check " + kBefore + " --propagate");
  CHECK(run.code == 1);
  CHECK(contains(run.out, "the first at layer 0, mlp, the last at logits"));
}

}  // namespace
}  // namespace lockstep::test

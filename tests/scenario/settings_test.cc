#include "sim/scenario/settings.h"

#include <doctest/doctest.h>

#include "tests/scenario/parsing.h"

using namespace lockstep;
using namespace lockstep::test;

namespace {
const char* const kTwoShards =
    "lockstep: 1\nmodel: kimi-k2.6\n"
    "parallel: {tp_size: 8, dp_size: 2, enable_dp_attention: true}\n"
    "batch: {tokens: [1, 2]}\n";
}

TEST_CASE("a setting replaces a value, and a later one an earlier one") {
  const Scenario s = parsed(kTwoShards, {{"parallel.dp_size", "4"},
                                         {"batch.tokens", "[1, 2, 3, 4]"},
                                         {"batch.tokens", "[4, 3, 2, 1]"}});
  CHECK(s.input.parallel.dp_size == 4);
  CHECK(s.input.steps[0].shards[0].tokens() == 4);
}

TEST_CASE("a setting adds keys and the maps above them") {
  const Scenario s = parsed(kTwoShards, {{"serving.rules.should_use_reduce_scatter", "\"true\""},
                                         {"serving.revision", "24785^"},
                                         {"hardware", "hgx-b200"},
                                         {"hardware.nodes", "2"}});
  CHECK(s.input.serving.rules.at("should_use_reduce_scatter") == "true");
  CHECK(s.input.serving.revision == "24785^");
  CHECK(s.hardware.name == "hgx-b200");
  CHECK(s.nodes == 2);
}

TEST_CASE("entries of lists are counted from 0") {
  const std::string text = with_model("steps: [{tokens: 1}, {tokens: 2}]\n");
  const Scenario s = parsed(text, {{"steps.1.padding", "max_len"}, {"steps.0.tokens", "9"}});
  CHECK_FALSE(s.input.steps[0].padding);
  CHECK(s.input.steps[1].padding == Padding::max_len);
  CHECK(s.input.steps[0].shards[0].tokens() == 9);
}

TEST_CASE("the source keeps what was set, so that places of other keys are still found") {
  const Scenario s = parsed(kTwoShards, {{"seed", "5"}});
  REQUIRE(s.source.root.find("seed") != nullptr);
  CHECK(s.source.root.find("seed")->text == "5");
  CHECK(s.source.root.find("batch")->line == 4);
}

TEST_CASE("settings on top of settings keep the first ones") {
  const Scenario first = parsed(kTwoShards, {{"seed", "5"}, {"serving.revision", "24785^"}});
  const Result<Scenario> second = with_settings(first, {{"batch.padding", "max_len"}});
  REQUIRE_MESSAGE(second, to_string(second.faults()));
  CHECK(second->input.seed == 5);
  CHECK(second->input.serving.revision == "24785^");
  CHECK(second->input.steps[0].padding == Padding::max_len);
  const Result<Scenario> bad = with_settings(first, {{"parallel.dp_size", "0"}});
  REQUIRE_FALSE(bad);
  CHECK(bad.faults().front().place.file == "--set parallel.dp_size=0");
}

TEST_CASE("a bad path or value is a fault that shows the setting") {
  const auto fault = [](const char* path, const char* value) {
    return faults_of(kTwoShards, {{path, value}});
  };
  CHECK(fault("parallel.tp_sise", "4") ==
        "--set parallel.tp_sise=4: error: unknown key 'tp_sise' in 'parallel'\n"
        "  hint: did you mean 'tp_size'?\n");
  CHECK(fault("parallel.tp_size", "many") ==
        "--set parallel.tp_size=many: error: 'tp_size' must be an integer from 1 to 65536, not "
        "'many'\n");
  CHECK(fault("parallel.tp_size.x", "4") ==
        "--set parallel.tp_size.x=4: error: 'parallel.tp_size' is '8', so it has no 'x'\n");
  CHECK(fault("batch.tokens.2", "4") ==
        "--set batch.tokens.2=4: error: 'batch.tokens' has 2 entries, counted from 0; '2' is "
        "none\n");
  CHECK(fault("parallel..tp_size", "4") ==
        "--set parallel..tp_size=4: error: a path is names with dots between them\n"
        "  hint: for example --set parallel.dp_size=4\n");
  CHECK(fault("batch.tokens", "[1, 2") ==
        "--set batch.tokens=[1, 2: error: a key must be text, not a list or a map\n"
        "  hint: is a bracket left open?\n");
  CHECK(fault("name", "a: b: c") ==
        "--set name=a: b: c: error: this is not valid YAML: illegal map value\n");
  CHECK(fault("a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a", "1").find("this path is too deep") !=
        std::string::npos);
  CHECK(fault("", "1").find("a path is names with dots between them") != std::string::npos);
}

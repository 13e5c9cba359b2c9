// The documentation is printed from the table that the parser uses.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

#include "sim/contract/check.h"
#include "sim/scenario/expect.h"
#include "sim/scenario/keys.h"
#include "sim/scenario/patch.h"
#include "sim/scenario/scenario.h"
#include "tests/scenario/parsing.h"

using namespace lockstep;
using namespace lockstep::test;

TEST_CASE("docs/scenario_format.md has the table of the keys that the parser accepts") {
  const std::string doc = file_text("docs/scenario_format.md");
  CHECK_MESSAGE(doc.find(key_table()) != std::string::npos,
                "replace the table in docs/scenario_format.md with:\n"
                    << key_table());
}

TEST_CASE("scenarios/schema.json is the schema of the keys that the parser accepts") {
  CHECK_MESSAGE(file_text("scenarios/schema.json") == json_schema(),
                "replace scenarios/schema.json with:\n"
                    << json_schema());
}

TEST_CASE("the first example of docs/scenario_format.md is a scenario") {
  const std::string doc = file_text("docs/scenario_format.md");
  const std::string fence = "```yaml\n";
  const std::size_t start = doc.find(fence) + fence.size();
  REQUIRE(start != std::string::npos);
  const std::string example = doc.substr(start, doc.find("```", start) - start);
  CHECK(parsed(example).input.parallel.tp_size == 8);
}

TEST_CASE("every program in docs/scenario_format.md gives what it says, and so does its fix") {
  const std::string doc = file_text("docs/scenario_format.md");
  const std::string fence = "```yaml\n";
  int programs = 0;
  for (std::size_t at = doc.find(fence); at != std::string::npos; at = doc.find(fence, at + 1)) {
    const std::size_t start = at + fence.size();
    const std::string text = doc.substr(start, doc.find("```", start) - start);
    const bool whole = text.starts_with("lockstep: 1\n") && text.find("program:") != text.npos;
    if (!whole) continue;
    ++programs;
    CAPTURE(text);
    const Scenario scenario = parsed(text);
    REQUIRE(scenario.expect);
    const Result<Plan> plan = lower(scenario);
    REQUIRE(plan);
    CHECK(differences(*scenario.expect, contract::check(*plan), *plan).empty());
    for (const Patch& patch : scenario.patches) {
      const Result<Document> edited = patched(*parse_yaml(text, "doc.yaml"), patch.variant);
      REQUIRE(edited);
      const Result<Plan> fixed = lower(*parse_scenario(*edited));
      REQUIRE(fixed);
      CHECK(contract::check(*fixed).verdict == contract::Verdict::holds);
    }
  }
  CHECK(programs >= 7);
}

TEST_CASE("the error that docs/scenario_format.md shows is the error that users see") {
  const std::string shown = faults_of(with_batch("parallel: {tp_sise: 8}\n"));
  CHECK(file_text("docs/scenario_format.md").find(shown) != std::string::npos);
}

TEST_CASE("paths of keys are unique, and every section is itself a key that holds keys") {
  std::set<std::string_view> paths;
  for (const Key& key : all_keys()) {
    CAPTURE(key.path);
    CHECK(paths.insert(key.path).second);
    if (key.section().empty()) continue;
    const Key& section = key_at(key.section());
    CHECK((section.type == KeyType::map || section.type == KeyType::preset_or_map ||
           section.type == KeyType::requests));
  }
}

TEST_CASE("the codes that expect knows are those of the checker") {
  for (const std::string& code : choices_of(key_at("expect.first.code"))) {
    CAPTURE(code);
    const auto known = contract::parse_code(code);
    REQUIRE(known);
    CHECK(to_string(*known) == code);
  }
  CHECK(choices_of(key_at("expect.first.code")).size() ==
        static_cast<std::size_t>(contract::Code::stream_race) + 1);
}

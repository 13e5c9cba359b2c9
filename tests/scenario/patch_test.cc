#include "sim/scenario/patch.h"

#include <doctest/doctest.h>

#include "sim/base/random.h"
#include "sim/scenario/fixes.h"
#include "tests/scenario/parsing.h"

using namespace lockstep;
using namespace lockstep::test;

namespace {

constexpr Variant kFixed{Variant::Kind::fixed, 0};
constexpr Variant neighbour(int number) { return {Variant::Kind::neighbour, number}; }

// Lines 1 to 7; what a test adds begins on line 8.
const std::string kProgram =
    "world: 2\n"
    "program:\n"
    "  - {input: x, name: in}\n"
    "  - {repeat: 2, name: layers, do: [{linear: x, out: y, name: down}, {scale: y, by: 2}]}\n"
    "  - {when: rank < 1, do: [{all_reduce: y, name: ar}], else: [{barrier: tp, name: wait}]}\n"
    "  - {require: y}\n"
    "  - {note: [[1, 2], [a]], name: last}\n";

Document document(const std::string& text) {
  Result<Document> parsed = parse_yaml(text, "s.yaml");
  REQUIRE_MESSAGE(parsed, to_string(parsed.faults()));
  return *parsed;
}

std::string as_yaml(const std::string& text) { return to_yaml(document(text).root); }

// kProgram with `patch` as its fix, after the fix.
Node fixed(const std::string& patch) {
  const Result<Document> edited = patched(document(kProgram + "fix: " + patch + "\n"), kFixed);
  REQUIRE_MESSAGE(edited, to_string(edited.faults()));
  return edited->root;
}

std::string faults_of_fix(const std::string& patch) {
  const Result<Document> edited = patched(document(kProgram + "fix: " + patch + "\n"), kFixed);
  return edited ? "none" : to_string(edited.faults());
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// kProgram with the `from` of its text replaced, and with what every fix adds.
std::string changed(const std::string& from, const std::string& to) {
  std::string text = kProgram;
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  text.replace(at, from.size(), to);
  return as_yaml(text + "expect: {verdict: holds}\nname: s (fixed)\n");
}

}  // namespace

TEST_CASE("a line is removed at any depth, in `do` and in `else`") {
  CHECK(to_yaml(fixed("{remove: [down]}")) == changed("{linear: x, out: y, name: down}, ", ""));
  CHECK(to_yaml(fixed("{remove: [wait]}")) == changed("{barrier: tp, name: wait}", ""));
  CHECK(to_yaml(fixed("{remove: [layers, in]}")) ==
        changed("  - {input: x, name: in}\n"
                "  - {repeat: 2, name: layers, do: [{linear: x, out: y, name: down}, {scale: y, "
                "by: 2}]}\n",
                ""));
}

TEST_CASE("a line is replaced, and lines are inserted before and after it, in order") {
  CHECK(to_yaml(fixed("{replace: {ar: {all_reduce: y, group: tp, name: ar}}}")) ==
        changed("{all_reduce: y, name: ar}", "{all_reduce: y, group: tp, name: ar}"));
  CHECK(to_yaml(fixed("{before: {ar: [{a: 1}, {b: 2}]}, after: {ar: [{c: 3}]}}")) ==
        changed("{all_reduce: y, name: ar}", "{a: 1}, {b: 2}, {all_reduce: y, name: ar}, {c: 3}"));
}

TEST_CASE("edits name the lines of the file, not those that the patch inserts") {
  CHECK(to_yaml(fixed("{remove: [ar], before: {ar: [{a: 1, name: ar}]}, after: {ar: [{b: 2}]}}")) ==
        changed("{all_reduce: y, name: ar}", "{a: 1, name: ar}, {b: 2}"));
}

TEST_CASE("`set` replaces and adds keys, and the values keep their own places") {
  const Node root = fixed("\n  set: {world: 4, let.k: 3}\n  expect: {verdict: violated}");
  CHECK(root.find("world")->text == "4");
  CHECK(root.find("world")->line == 9);
  CHECK(root.find("let")->find("k")->text == "3");
  CHECK(root.find("expect")->find("verdict")->text == "violated");
}

TEST_CASE("inserted nodes stand where the patch has them") {
  const Node root = fixed("\n  after:\n    in:\n      - {norm: x}");
  const Node& line = root.find("program")->items[1];
  CHECK(line.find("norm")->line == 11);
  CHECK(line.find("norm")->column == 16);
}

TEST_CASE("what describes the file as it was is gone, and the name says which form it is") {
  const std::string text =
      "name: n\nserving: {revision: 1}\nexpect: {verdict: violated}\nbug: {id: C7}\n"
      "fix: {about: f, set: {seed: 1}}\n"
      "neighbours: [{set: {seed: 2}}, {about: two, set: {serving.revision: 3}}]\n";
  CHECK(to_yaml(patched(document(text), neighbour(2))->root) ==
        as_yaml("name: n (neighbour 2)\nserving: {revision: 3}\nexpect: {verdict: holds}\n"));
  CHECK(patched(document(text), {})->root.keys.size() == 6);
  CHECK(patches_of(document(text).root) ==
        std::vector<Patch>{{kFixed, "f"}, {neighbour(1), ""}, {neighbour(2), "two"}});
}

TEST_CASE("a line that is not there, or there twice, is a fault at its name") {
  CHECK(faults_of_fix("{remove: [donw]}") ==
        "s.yaml:8:16: error: no line of the program has the name 'donw'\n"
        "  fix: {remove: [donw]}\n"
        "                 ^\n"
        "  hint: did you mean 'down'?\n");
  const std::string twice = "program: [{a: 1, name: x},\n  {do: [{b: 1, name: x}]}]\n";
  const auto result = patched(document(twice + "fix: {after: {x: [{c: 1}]}}\n"), kFixed);
  REQUIRE_FALSE(result);
  CHECK(to_string(result.faults()) ==
        "s.yaml:3:15: error: 2 lines of the program have the name 'x': in lines 1 and 2\n"
        "  fix: {after: {x: [{c: 1}]}}\n"
        "                ^\n"
        "  hint: give one of them another name\n");
  const auto without = patched(document("seed: 1\nfix: {remove: [x]}\n"), kFixed);
  REQUIRE_FALSE(without);
  CHECK(contains(to_string(without.faults()),
                 "s.yaml:2:16: error: there is no line 'x': this scenario has no 'program'"));
}

TEST_CASE("edits that exclude each other are faults") {
  CHECK(contains(faults_of_fix("{remove: [ar, ar]}"), "'ar' is removed twice"));
  CHECK(contains(faults_of_fix("{remove: [ar], replace: {ar: {a: 1}}}"),
                 "'ar' is removed and replaced"));
  CHECK(contains(faults_of_fix("{remove: [layers], after: {down: [{a: 1}]}}"),
                 "'down' stands inside 'layers', which is removed"));
  CHECK(contains(faults_of_fix("{replace: {layers: {a: 1}, down: {a: 1}}}"),
                 "'down' stands inside 'layers', which is replaced"));
}

TEST_CASE("a patch of another form is a fault") {
  CHECK(contains(faults_of_fix("[a]"), "'fix' must be a map, not a list"));
  CHECK(contains(faults_of_fix("{about: nothing}"), "this changes nothing"));
  CHECK(contains(faults_of_fix("{set: {}}"), "this changes nothing"));
  CHECK(contains(faults_of_fix("{removed: [ar]}"), "did you mean 'remove'?"));
  CHECK(contains(faults_of_fix("{remove: ar}"), "'remove' must be a list of names, not 'ar'"));
  CHECK(contains(faults_of_fix("{remove: [[ar]]}"), "'remove' must be a list of names"));
  CHECK(contains(faults_of_fix("{replace: [ar]}"), "'replace' must be a map of names to lines"));
  CHECK(contains(faults_of_fix("{replace: {ar: [{a: 1}]}}"), "'ar' must be a line: a map"));
  CHECK(contains(faults_of_fix("{before: {ar: {a: 1}}}"), "'ar' must be a list of lines"));
  CHECK(contains(faults_of_fix("{before: {ar: [a]}}"), "'ar' must be a list of lines"));
  CHECK(contains(faults_of_fix("{after: {ar: []}}"), "'ar' must be a list of lines"));
  CHECK(contains(faults_of_fix("{set: [a]}"), "'set' must be a map of paths to values"));
  CHECK(contains(faults_of_fix("{set: {world.x: 1}}"), "'world' is '2', so it has no 'x'"));
  CHECK(contains(faults_of_fix("{set: {program.0.input: y}}"),
                 "'set' does not change the program's lines"));
  CHECK(contains(faults_of_fix("{set: {expect.verdict: holds}}"), "write 'expect' beside 'set'"));
}

TEST_CASE("a patch that the file does not have is refused, with what to do") {
  const auto refusal = [](const std::string& text, const Variant& variant) {
    const Result<Document> edited = patched(document(text), variant);
    return edited ? "none" : to_string(edited.faults());
  };
  CHECK(contains(refusal("seed: 1\n", kFixed), "this file has no 'fix'"));
  CHECK(contains(refusal("seed: 1\n", kFixed), "hint: write one, such as"));
  CHECK(contains(refusal("seed: 1\n", neighbour(1)), "this file has no 'neighbours'"));
  CHECK(contains(refusal("neighbours: [{set: {seed: 1}}]\n", neighbour(2)),
                 "this file has 1 neighbour, counted from 1; 2 is none"));
}

TEST_CASE("a scenario is read with its patches, whose faults are its own") {
  const std::string text = with_batch(
      "expect: {verdict: holds}\n"
      "fix: {about: older, set: {serving.revision: \"24785\"}}\n"
      "neighbours: [{set: {seed: 2}}]\n");
  const Scenario scenario = parsed(text);
  CHECK(scenario.patches == std::vector<Patch>{{kFixed, "older"}, {neighbour(1), ""}});
  const Result<Scenario> edited = parse_scenario(*patched(document(text), kFixed));
  REQUIRE_MESSAGE(edited, to_string(edited.faults()));
  CHECK(edited->name == "s (fixed)");
  CHECK(edited->input.serving.revision == "24785");
  CHECK(edited->expect->verdict == "holds");
  CHECK(edited->patches.empty());

  CHECK(contains(faults_of(with_batch("fix: {remove: [a]}\n")), "this scenario has no 'program'"));
  CHECK(contains(faults_of(with_batch("fix: {set: {seed: 2}, expect: {verdict: good}}\n")),
                 "'verdict' must be one of holds, violated, unknown, not 'good'"));
  CHECK(contains(faults_of(with_batch("neighbours: {set: {seed: 2}}\n")),
                 "'neighbours' must be a list of maps with the keys of `fix`, not a map"));
  CHECK(contains(faults_of(with_batch("neighbours: [7]\n")), "'fix' must be a map, not '7'"));
  std::string many = "neighbours: [";
  for (int i = 0; i < 65; ++i) many += "{set: {seed: 2}}, ";
  CHECK(contains(faults_of(with_batch(many + "]\n")), "more than 64 neighbours"));
}

TEST_CASE("a fault in what a patch sets points into the patch") {
  const std::string text = with_batch("fix:\n  set:\n    serving.revision: \"24786\"\n");
  const Result<Scenario> scenario = parse_scenario(*patched(document(text), kFixed));
  REQUIRE_MESSAGE(scenario, to_string(scenario.faults()));
  const Result<Plan> plan = lower(*scenario);
  REQUIRE_FALSE(plan);
  CHECK(plan.faults().front().place == Place{"s.yaml", 6, 23});
  CHECK(plan.faults().front().source_line == "    serving.revision: \"24786\"");
}

TEST_CASE("a program with patches and bytes changed never crashes") {
  const std::string whole = kProgram +
                            "fix: {remove: [down], before: {ar: [{a: 1}]}, set: {let.k: 3}}\n"
                            "neighbours: [{replace: {layers: {b: 1}}}, {after: {in: [{c: 1}]}}]\n";
  Random random(29);
  for (int round = 0; round < 3000; ++round) {
    std::string text = whole;
    for (std::int64_t i = random.below(4); i >= 0; --i) {
      const auto at =
          static_cast<std::size_t>(random.below(static_cast<std::int64_t>(whole.size())));
      text[at] = static_cast<char>(random.below(256));
    }
    const Result<Document> parsed = parse_yaml(text, "s.yaml");
    if (!parsed) continue;
    for (const Variant& variant : {kFixed, neighbour(1), neighbour(2)}) {
      const Result<Document> edited = patched(*parsed, variant);
      CAPTURE(text);
      CHECK((edited ? edited->root.find("expect") != nullptr : !edited.faults().empty()));
    }
  }
}

TEST_CASE("a hundred thousand names that no line has are refused quickly") {
  std::string text = "program: [";
  for (int i = 0; i < 50'000; ++i) text += "{a: 1, name: line" + std::to_string(i) + "}, ";
  text += "]\nfix: {remove: [";
  for (int i = 0; i < 100'000; ++i) text += "lime" + std::to_string(i) + ", ";
  const auto result = patched(document(text + "]}\n"), kFixed);
  REQUIRE_FALSE(result);
  CHECK(result.faults().size() == 101);
}

#include "sim/scenario/bug.h"

#include <doctest/doctest.h>

#include "sim/report/bugs_page.h"
#include "tests/scenario/parsing.h"

using namespace lockstep;
using namespace lockstep::test;

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

const std::string kBug =
    "expect: {verdict: violated}\n"
    "bug: {id: C7, source: a/b#80, system: S, family: f, mechanism: m, effect: e";

std::string faults_with(const std::string& rest) { return faults_of(with_batch(rest)); }

std::string faults_of_list(const std::string& text) {
  const Result<Document> document = parse_yaml(text, "not_said.yaml");
  REQUIRE(document);
  const auto entries = parse_not_said(*document);
  return entries ? "none" : to_string(entries.faults());
}

BugFile file(const std::string& path, const std::string& id, const std::string& family = "f") {
  Bug bug{id, {"o/r#1"}, "S", family, "m", "x2 | x4", std::nullopt, std::nullopt};
  return {path, bug, contract::Verdict::holds, std::nullopt, {}};
}

std::string page_of(const std::vector<BugFile>& files, const std::vector<NotSaid>& list = {}) {
  const Result<std::string> page = bugs_page(files, list);
  return page ? *page : to_string(page.faults());
}

}  // namespace

TEST_CASE("a bug is read as it is written") {
  const Bug bug = *parsed(with_batch(kBug + ", symptom: s, partly: p}\n")).bug;
  CHECK(bug == Bug{"C7", {"a/b#80"}, "S", "f", "m", "e", "s", "p"});
  const std::string outside =
      "expect: {verdict: holds}\nbug: {id: outside, source: [a/b#1, c.d/e_f#2], system: S, "
      "family: f, mechanism: m, effect: 8}\n";
  const Bug other = *parsed(with_batch(outside)).bug;
  CHECK(other.sources == std::vector<std::string>{"a/b#1", "c.d/e_f#2"});
  CHECK_FALSE(other.symptom);
  CHECK_FALSE(parsed(with_batch("")).bug);
}

TEST_CASE("a bug of another form is a fault") {
  CHECK(contains(faults_with("bug: {id: C7}\n"), "'source' is missing"));
  CHECK(contains(faults_with("bug: {id: C7}\n"), "'effect' is missing"));
  CHECK(contains(faults_with("bug: {id: C7}\n"), "a scenario with 'bug' needs 'expect'"));
  CHECK(contains(faults_with("bug: C7\n"), "'bug' must be a map, not 'C7'"));
  CHECK(contains(faults_with(kBug + ", efect: e}\n"), "did you mean 'effect'?"));
  for (const char* id : {"c7", "C", "7", "C7a", "other", "[C7]"}) {
    CAPTURE(id);
    CHECK(contains(faults_with(std::string("bug: {id: ") + id + "}\n"), "'id' must be"));
  }
  for (const char* source : {"a/b", "a#1", "a/b#x", "a/b/c#1", "/b#1", "a/#1", "a/b#", "[]",
                             "[a/b#1, c]", "a/b#1234567890", "a b/c#1", "'#1/a'"}) {
    CAPTURE(source);
    CHECK(contains(faults_with(std::string("bug: {source: ") + source + "}\n"),
                   "'source' must be owner/repo#number"));
  }
}

TEST_CASE("the list of what cannot be said is strict too") {
  const std::string good = "- {id: I7, source: a/b#1, system: S, missing: grids}\n";
  const Result<Document> document = parse_yaml(good, "not_said.yaml");
  REQUIRE(document);
  const auto entries = parse_not_said(*document);
  REQUIRE_MESSAGE(entries, to_string(entries.faults()));
  CHECK(*entries == std::vector<NotSaid>{{"I7", {"a/b#1"}, "S", "grids"}});
  CHECK(contains(faults_of_list("id: I7\n"), "this must be a list of {id, source, system"));
  CHECK(contains(faults_of_list("- I7\n"), "an entry must be a map, not 'I7'"));
  CHECK(contains(faults_of_list("- {id: I7, source: a/b#1, system: S}\n"),
                 "not_said.yaml:1:3: error: 'missing' is missing"));
  CHECK(contains(faults_of_list("- {mising: x}\n"), "did you mean 'missing'?"));
  CHECK(contains(faults_of_list("- {id: outside}\n"), "'id' must be a letter and a number, not"));
  CHECK(contains(faults_of_list("- {system: [S]}\n"), "'system' must be text, not a list"));
}

TEST_CASE("the page has a table for each family, ordered by id and file") {
  const std::string page = page_of({file("z/1.yaml", "A10"), file("b/2.yaml", "A2"),
                                    file("a/3.yaml", "A2"), file("a/4.yaml", "outside", "g"),
                                    file("a/5.yaml", "outside"), file("a/6.yaml", "B1", "h")});
  std::size_t at = 0;
  for (const char* part : {"## F\n",
                           "| A2 | S | [o/r#1](https://github.com/o/r/issues/1) | "
                           "[3](../a/3.yaml) | holds | x2 \\| x4 |",
                           "[2](../b/2.yaml)", "| A10 |", "| outside |", "## H\n", "| B1 |",
                           "## G\n", "[4](../a/4.yaml)"}) {
    CAPTURE(part);
    const std::size_t next = page.find(part, at);
    REQUIRE(next != std::string::npos);
    at = next;
  }
}

TEST_CASE("the page counts each bug once, and what a violation is") {
  BugFile found = file("a.yaml", "A1");
  found.first.emplace();
  found.first->code = contract::Code::double_reduction;
  found.first->factor = Rational(8);
  found.patches = {{{Variant::Kind::fixed, 0}, ""}, {{Variant::Kind::neighbour, 1}, ""}};
  BugFile part = file("b.yaml", "A1");
  part.bug.partly = "kernel";
  BugFile only_part = file("c.yaml", "A3");
  only_part.bug.partly = "kernel";
  const std::string page = page_of({found, part, only_part, file("d.yaml", "outside")},
                                   {{"J2", {"o/r#2"}, "T", "order"}, {"I7", {"o/r#3"}, "T", "x"}});
  CHECK(contains(page, "cause and effect are said by a file | 1 |"));
  CHECK(contains(page, "leaves out a part of the cause | 1 |"));
  CHECK(contains(page, "cannot be said yet | 2 |"));
  CHECK(contains(page, "from outside the catalogue | 1 |"));
  CHECK(contains(page, "| double-reduction, x8 |"));
  CHECK(contains(page, "| fix, 1 neighbour |"));
  CHECK(contains(page, "| kernel |"));
  CHECK(page.find("| I7 |") < page.find("| J2 |"));
}

TEST_CASE("a page that contradicts itself is refused") {
  CHECK(contains(page_of({file("a.yaml", "A1"), file("b.yaml", "A2", "g")}),
                 "b.yaml: error: the family of A2 is 'g', and that of A1 in a.yaml is 'f'"));
  CHECK(contains(page_of({file("a.yaml", "A1")}, {{"A1", {"o/r#1"}, "S", "x"}}),
                 "a.yaml: error: A1 is said here, and is in the list of what cannot be said"));
}

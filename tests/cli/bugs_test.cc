// Files that carry their controls, and the page that is made of them.
#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/cli/process.h"

namespace lockstep::test {
namespace {

using Json = nlohmann::ordered_json;

// kBefore in the scratch folder, with `from` replaced by `to`.
std::string variant_file(const std::string& from, const std::string& to) {
  std::string text = read(kBefore);
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  const std::string path = scratch() + "variant.yaml";
  write(path, text.replace(at, from.size(), to));
  return path;
}

const std::string kFixLine = "set: {serving.revision: \"24785\"}";

}  // namespace

TEST_CASE("check, plan and replay take a file with its fix, or as its neighbour") {
  const Finished fixed = lockstep("check " + kBefore + " --fixed --json -");
  CHECK(fixed.code == 0);
  CHECK(Json::parse(fixed.out)["scenario"] == "24785-kimi-k2.6-dep8-before (fixed)");
  const Json after = Json::parse(lockstep("check " + kAfter + " --json -").out);
  CHECK(Json::parse(fixed.out)["plan_hash"] == after["plan_hash"]);
  const Finished neighbour = lockstep("check --neighbour 2 --json - " + kBefore);
  CHECK(neighbour.code == 0);
  CHECK(Json::parse(neighbour.out)["scenario"] == "24785-kimi-k2.6-dep8-before (neighbour 2)");
  CHECK(contains(lockstep("plan --fixed " + kBefore).out, "24785-kimi-k2.6-dep8-before (fixed)"));
  CHECK(lockstep("replay -q --fixed " + kBefore).code == 0);
  CHECK(lockstep("replay -q --neighbour 1 " + kBefore).code == 0);
}

TEST_CASE("--set comes after the edits of the file") {
  const Finished run = lockstep("check -q --fixed --set 'serving.revision=24785^' " + kBefore);
  CHECK(run.code == 1);
}

TEST_CASE("a fix or a neighbour that is not there is refused, with what to do") {
  const Finished none = lockstep("check --fixed " + kAfter);
  CHECK(none.code == 2);
  CHECK(contains(none.err, "this file has no 'fix'"));
  CHECK(contains(none.err, "hint: write one"));
  CHECK(contains(lockstep("check --neighbour 3 " + kBefore).err,
                 "this file has 2 neighbours, counted from 1; 3 is none"));
  CHECK(lockstep("check --neighbour 0 " + kBefore).code == 2);
  CHECK(lockstep("check --fixed --neighbour 1 " + kBefore).code == 2);
  const std::string plan = scratch() + "fixed.plan.yaml";
  std::ofstream(plan) << lockstep("plan scenarios/lessons/double-reduction.yaml").out;
  CHECK(contains(lockstep("check --fixed " + plan).err, "this is a plan"));
}

TEST_CASE("test checks a file, its fix and its neighbours, and names them") {
  const Finished run = lockstep("test " + kBefore);
  CHECK(run.code == 0);
  CHECK(run.out == "passed " + kBefore + "\npassed " + kBefore + " (fixed)\npassed " + kBefore +
                       " (neighbour 1: the control of the report: no expert parallelism)\npassed " +
                       kBefore +
                       " (neighbour 2: MAX_LEN decode already tells the producer to skip)\n"
                       "4 passed, 0 failed\n");
}

TEST_CASE("a fix that does not mend and one that cannot be read fail the test") {
  const std::string wrong = variant_file(kFixLine, "set: {seed: 2}");
  const Finished run = lockstep("test " + wrong);
  CHECK(run.code == 1);
  CHECK(contains(run.out, "failed " + wrong + " (fixed)\n  verdict: expected holds, found "));
  CHECK(contains(run.out, "3 passed, 1 failed\n"));
  const std::string bad = variant_file(kFixLine, "set: {serving.revision: \"24786\"}");
  const Finished unreadable = lockstep("test " + bad);
  CHECK(unreadable.code == 2);
  CHECK(contains(unreadable.err, "24786"));
  CHECK(contains(unreadable.out, "failed " + bad + " (fixed)\n"));
  CHECK(contains(unreadable.out, "3 passed, 1 failed\n"));
}

TEST_CASE("applying a fix of the report leaves nothing that described the file before") {
  const Finished run = lockstep("check --apply-fix 1 " + kBefore);
  CHECK(run.code == 0);
  for (const char* key : {"\nexpect:", "\nbug:", "\nfix:", "\nneighbours:"}) {
    CHECK_FALSE(contains(run.out, key));
  }
}

TEST_CASE("docs/bugs.md is the page of the files below scenarios/bugs") {
  const std::string page = scratch() + "bugs.md";
  const Finished run = lockstep("test -q scenarios/bugs --page " + page);
  CHECK_MESSAGE(run.code == 0, run.err);
  CHECK_MESSAGE(read(page) == read("docs/bugs.md"),
                "write it again: lockstep test scenarios/bugs --page docs/bugs.md");
}

TEST_CASE("no page is written when a file fails, or where --set changes what is found") {
  const std::string wrong = variant_file(kFixLine, "set: {seed: 2}");
  const std::string page = scratch() + "none.md";
  const Finished run = lockstep("test " + wrong + " --page " + page);
  CHECK(run.code == 1);
  CHECK(contains(run.err, "is not written: some files fail"));
  CHECK(read(page).empty());
  CHECK(lockstep("test " + kBefore + " --set seed=2 --page " + page).code == 2);
}

}  // namespace lockstep::test

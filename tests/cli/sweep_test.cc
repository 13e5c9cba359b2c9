#include <doctest/doctest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "sim/base/text.h"
#include "tests/cli/process.h"

namespace lockstep::test {
namespace {

using Json = nlohmann::ordered_json;

// Two revisions, one of which sums twice; three batches, one of which has a wrong length.
const std::string kGrid = kBefore +
                          " --set model.num_hidden_layers=2 --over 'serving.revision=24785^,24785' "
                          "--over 'batch.tokens=[8,8,8,8,8,8,8,8],[64,1,0,2,3,4,5,6],[1,2]'";

TEST_CASE("sweep has a row for every point: its settings, verdict and first violation") {
  const Finished run = lockstep("sweep " + kGrid + " --json -");
  CHECK(run.code == 0);
  const Json json = Json::parse(run.out);
  CHECK(json["schema"] == "lockstep.sweep/1");
  CHECK(json["grid"] == 6);
  REQUIRE(json["points"].size() == 6);
  const Json& violated = json["points"][1];
  CHECK(violated["settings"]["serving.revision"] == "24785^");
  CHECK(violated["settings"]["batch.tokens"] == "[64,1,0,2,3,4,5,6]");
  CHECK(violated["verdict"] == "violated");
  CHECK(violated["code"] == "double-reduction");
  CHECK(violated["gpus"] == 8);
  CHECK(json["points"][4]["verdict"] == "holds");
}

TEST_CASE("a point that is bad input is a row with its reason, and the others go on") {
  const Json json = Json::parse(lockstep("sweep " + kGrid + " --json -").out);
  CHECK(json["points"][2]["verdict"] == "bad-input");
  CHECK(contains(json["points"][2]["reason"], "'tokens' has 2 entries"));
  const Finished none = lockstep("sweep " + kBefore + " --over batch.tokens=[1],[2]");
  CHECK(none.code == 2);
  CHECK(contains(none.err, "no point could be read: 'tokens' has 1 entries"));
}

TEST_CASE("any number of threads gives the same bytes") {
  const std::string one = scratch() + "one.csv";
  const std::string many = scratch() + "many.csv";
  const Finished first = lockstep("sweep " + kGrid + " --jobs 1 --csv " + one);
  CHECK(first.code == 0);
  CHECK(lockstep("sweep " + kGrid + " --jobs 4 --csv " + many).out == first.out);
  CHECK(read(one) == read(many));
  CHECK(split(read(one), '\n').size() == 1 + 6 + 1);  // the header, the rows, and the end
}

TEST_CASE("a sweep that was killed goes on where it was") {
  const std::string file = scratch() + "killed.csv";
  CHECK(lockstep("sweep -q " + kGrid + " --csv " + file).code == 0);
  const std::string whole = read(file);
  // The header and two rows, the first with a number of GPUs that nobody would compute; then half
  // a line.
  std::string left;
  const auto lines = split(whole, '\n');
  for (std::size_t i = 0; i < 3; ++i) left += lines[i] + "\n";
  const std::size_t gpus = left.find(",8,", left.find("double-reduction"));
  REQUIRE(gpus != std::string::npos);
  left.replace(gpus, 3, ",9,");
  write(file, left + lines[3].substr(0, 20));
  CHECK(lockstep("sweep -q " + kGrid + " --resume --csv " + file).code == 0);
  std::string expected = whole;
  expected.replace(whole.find(",8,", whole.find("double-reduction")), 3, ",9,");
  // The wrong number is still there: that point was not run again. The others are.
  CHECK(split(read(file), '\n')[1] == split(expected, '\n')[1]);
  CHECK(split(read(file), '\n').size() == lines.size());
  // Without --resume all points are run again.
  CHECK(lockstep("sweep -q " + kGrid + " --csv " + file).code == 0);
  CHECK(read(file) == whole);
}

// Two layers, of which each point takes some milliseconds.
const std::string kTokens = "sweep " + kAfter + " --set model.num_hidden_layers=2 --over ";

TEST_CASE("a sweep that is resumed with other points keeps the rows that it had") {
  const std::string file = scratch() + "extended.csv";
  const std::string whole = scratch() + "whole.csv";
  CHECK(lockstep(kTokens + "batch.tokens=4,1,2 -q --csv " + file).code == 0);
  const Finished more =
      lockstep(kTokens + "batch.tokens=16,8 --resume --csv " + file + " --json " + whole + ".json");
  CHECK(more.code == 0);
  CHECK(contains(more.out, "2 points and 3 more rows of the file: 5 holds\n"));
  CHECK(contains(more.out, "front and best are of all 5 rows\n"));
  // Kept rows stand first, by size; then the points in grid order. The marks are those of one
  // sweep.
  CHECK(lockstep(kTokens + "batch.tokens=1,2,4,16,8 -q --csv " + whole).code == 0);
  CHECK(read(file) == read(whole));
  const Json json = Json::parse(read(whole + ".json"));
  CHECK(json["kept"] == 3);
  REQUIRE(json["points"].size() == 5);
  CHECK(json["points"][3]["settings"]["batch.tokens"] == "16");
  CHECK(json["best"]["makespan_us"] == Json::array({0}));
}

TEST_CASE("a kept row that cannot be read is refused, one of the grid is done again") {
  const std::string file = scratch() + "unread.csv";
  CHECK(lockstep(kTokens + "batch.tokens=1,2 -q --csv " + file).code == 0);
  const std::string good = read(file);
  const std::size_t at = good.find(",8,") + 3;
  const std::string bad = std::string(good).replace(at, good.find(',', at) - at, "nan");
  write(file, bad);
  const Finished refused = lockstep(kTokens + "batch.tokens=4 --resume --csv " + file);
  CHECK(refused.code == 2);
  CHECK(contains(refused.err, "line 2 that is no row of a sweep: makespan_us is 'nan'"));
  CHECK(contains(refused.err, "it was not touched"));
  CHECK(read(file) == bad);
  const Finished again = lockstep(kTokens + "batch.tokens=1,2 --resume --csv " + file);
  CHECK(again.code == 0);
  CHECK(contains(again.err, "cannot be read (2: makespan_us is 'nan'); done again"));
  CHECK(read(file) == good);
}

TEST_CASE("outputs go to standard output alone, and never two to one place") {
  const std::string file = scratch() + "both";
  const std::string one = kTokens + "batch.tokens=1 ";
  const Finished rows = lockstep(one + "--csv -");
  CHECK(rows.code == 0);
  CHECK(rows.out.starts_with("scenario,batch.tokens,verdict"));
  CHECK(split(rows.out, '\n').size() == 1 + 1 + 1);  // the header, the row, and the end
  for (const std::string& both :
       {"--csv " + file + " --json " + scratch() + "./both", std::string("--csv - --json -")}) {
    const Finished run = lockstep(one + both);
    CHECK(run.code == 2);
    CHECK(run.out.empty());
    CHECK(contains(run.err, "--csv and --json both write to"));
  }
  CHECK(read(file).empty());
  CHECK(lockstep(one + "--csv - --resume").code == 2);
  CHECK(contains(lockstep(one + "--plot p.png").err, "--plot p.png: the picture is SVG"));
}

TEST_CASE("a file that is no sweep of this question is refused, and stays as it is") {
  const std::string notes = scratch() + "notes.txt";
  const std::string other = scratch() + "other.csv";
  write(notes, "what I found\n");
  CHECK(lockstep("sweep -q " + kGrid + " --set name=other --csv " + other).code == 0);
  const std::string rows = read(other);
  for (const std::string resume : {"", " --resume"}) {
    const Finished columns = lockstep("sweep " + kGrid + resume + " --csv " + notes);
    CHECK(columns.code == 2);
    CHECK(contains(columns.err, "is no sweep of these columns; it was not touched"));
    CHECK(contains(columns.err, "name another file, or remove this one"));
    CHECK(read(notes) == "what I found\n");
    const Finished scenario = lockstep("sweep " + kGrid + resume + " --csv " + other);
    CHECK(scenario.code == 2);
    CHECK(contains(scenario.err, "has the rows of another scenario or other --set"));
    CHECK(read(other) == rows);
  }
  CHECK(lockstep("sweep " + kGrid + " --resume").code == 2);
}

TEST_CASE("a sample is drawn with a seed, which is told") {
  const std::string sample = "sweep " + kGrid + " --sample 3 --seed 5 ";
  const Json json = Json::parse(lockstep(sample + "--json -").out);
  CHECK(json["points"].size() == 3);
  CHECK(json["seed"] == 5);
  CHECK(contains(lockstep(sample).out, "3 points of 6, seed 5: "));
  CHECK(Json::parse(lockstep("sweep " + kGrid + " --sample 9 --json -").out)["seed"].is_null());
}

TEST_CASE("what cannot be swept is refused before anything runs") {
  const std::string over = " --over serving.revision=24785";
  CHECK(lockstep("sweep " + kBefore).code == 2);
  CHECK(lockstep("sweep " + kBefore + over + " --pareto time").code == 2);
  CHECK(lockstep("sweep " + kBefore + over + over).code == 2);
  for (const std::string option : {"--jobs", "--sample", "--neighbour"}) {
    const Finished zero = lockstep("sweep " + kBefore + over + " " + option + " 0");
    CHECK(zero.code == 2);
    CHECK(contains(zero.err, option + ": expected a whole number from 1 to "));
    CHECK(zero.err.size() < 150);
  }
  const Finished seed = lockstep("sweep " + kBefore + over + " --seed -5");
  CHECK(seed.code == 2);
  CHECK(contains(seed.err, "--seed: expected a whole number from 0 to "));
  CHECK(lockstep("sweep absent.yaml" + over).code == 2);
  const std::string plan = scratch() + "swept.plan.yaml";
  write(plan, lockstep("plan " + kBefore).out);
  const Finished run = lockstep("sweep " + plan + over);
  CHECK(run.code == 2);
  CHECK(contains(run.err, "sweep changes scenarios; this is a plan"));
}

TEST_CASE("the picture is drawn by gnuplot, or its absence is told at once") {
  const std::string file = scratch() + "front.svg";
  const std::string command = "sweep -q " + kGrid + " --plot " + file;
  const char* path = std::getenv("PATH");
  const std::string kept = path == nullptr ? "" : path;
  setenv("PATH", "/nonexistent", 1);
  const Finished without = lockstep(command);
  setenv("PATH", kept.c_str(), 1);
  CHECK(without.code == 2);
  CHECK(contains(without.err, "gnuplot is not installed"));
  CHECK(contains(without.err, "tools/install_packages --plot"));
  CHECK(read(file).empty());
  const Finished run = lockstep(command);
  if (run.code == 2 && contains(run.err, "gnuplot is not installed")) return;
  CHECK(run.code == 0);
  CHECK(contains(read(file), "<svg"));
}

TEST_CASE("sweep has help with examples") {
  const Finished run = lockstep("sweep --help");
  CHECK(run.code == 0);
  CHECK(contains(run.out, "examples:"));
}

}  // namespace
}  // namespace lockstep::test

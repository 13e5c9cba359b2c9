// Rooted calls, all-to-all, and point-to-point calls: who receives what, who waits for whom.
#include <doctest/doctest.h>

#include "tests/numeric/program_plan.h"

namespace lockstep::test {
namespace {

using Lines = std::vector<std::string>;
using numeric::ReplayResult;

ProgramText with(Lines lines, int world = 2) {
  ProgramText text;
  text.world = world;
  text.terms = "{name: x}, {name: y, shares: " + std::to_string(world) + "}, {name: z}";
  text.lines = std::move(lines);
  return text;
}

std::string shares_of_y(int world) {
  return line("compute", {is("x", "x")}, {is("y", "y", "partial_over: tp")},
              "produces: [{term: y, units: " + std::to_string(world) + ", major: tp}]");
}

std::string on(const std::string& ranks, const std::string& operand) {
  return line("require", {operand}, {}, "ranks: \"" + ranks + "\"");
}

// ---- roots ------------------------------------------------------------------------------------

TEST_CASE("reduce gives the sum to its root alone; broadcast from there gives it to all") {
  const std::string to_1 = line("reduce", {"y"}, {is("z", "y")}, "group: tp, root: 1");
  const auto after = [&](Lines lines) {
    lines.insert(lines.begin(), {input_x(), shares_of_y(2), to_1});
    return with(lines);
  };
  const auto from = [](int root) {
    return line("broadcast", {"z"}, {is("z", "y")}, "group: tp, root: " + std::to_string(root));
  };
  CHECK(verdict(after({on("1", is("z", "y"))})) == "agrees");
  CHECK(verdict(after({on("0", is("z", "y"))})) == "diverges");
  CHECK(verdict(after({from(1), require(is("z", "y"))})) == "agrees");
  CHECK(verdict(after({from(0), require(is("z", "y"))})) == "diverges");
}

TEST_CASE("in place, a reduce leaves the others what they have: on rank 0 still y_0") {
  const auto in_place = [](const std::string& more, const std::string& check) {
    return with({input_x(), shares_of_y(2),
                 line("reduce", {"y"}, {is("y", "y")}, "group: tp, root: 1" + more), check});
  };
  CHECK(verdict(in_place("", on("1", is("y", "y")))) == "agrees");
  const ReplayResult other = replayed(in_place("", on("0", is("y", "y"))));
  CHECK(to_string(other.verdict) == "diverges");
  CHECK(other.comparisons.back().error_after_scale < 1);  // numbers, if wrong ones
  // x on every rank, averaged at the root: x there, and x was left elsewhere.
  const ProgramText average = with(
      {input_x(), line("reduce", {"x"}, {is("x", "x")}, "group: tp, root: 1, reduction: average"),
       require(is("x", "x"))});
  CHECK(verdict(average) == "agrees");
}

TEST_CASE("other roots, other reductions and roots that are no member stop") {
  const auto called = [](const std::string& of_0, const std::string& of_1) {
    return replayed(
        with({input_x(), shares_of_y(2),
              line("reduce", {"y"}, {is("z", "y")}, "group: tp, ranks: \"0\", " + of_0),
              line("reduce", {"y"}, {is("z", "y")}, "group: tp, ranks: \"1\", " + of_1)}));
  };
  CHECK(to_string(called("root: 1", "root: 1").verdict) == "agrees");
  const ReplayResult roots = called("root: 0", "root: 1");
  CHECK(to_string(roots.verdict) == "stopped");
  CHECK(roots.stopped_at == 2);
  CHECK(roots.stopped_why ==
        "ranks 0 call reduce of bfloat16 8 with root 0, "
        "ranks 1 call reduce of bfloat16 8 with root 1");
  CHECK(to_string(called("reduction: max", "root: 0").verdict) == "stopped");
  CHECK(called("root: 2", "root: 2").stopped_why == "rank 0 calls reduce with root 2 over 2 ranks");
}

TEST_CASE("reduce_scatter takes reductions: of an average of x each rank has its rows of x") {
  const auto scattered = [](const std::string& reduction, const std::string& owed) {
    return with({input_x(),
                 line("reduce_scatter", {"x"}, {is("z", "x", "rows: own")},
                      "group: tp, reduction: " + reduction),
                 require(is("z", owed, "rows: own"))});
  };
  CHECK(verdict(scattered("average", "x")) == "agrees");
  CHECK(verdict(scattered("max", "x")) == "agrees");
  CHECK(verdict(scattered("sum", "x")) == "diverges");
}

// ---- all to all -------------------------------------------------------------------------------

TEST_CASE("all_to_all gives rank i the i-th rows of everybody: of equal x on both, (0 1) (0 1)") {
  const std::string exchange =
      line("all_to_all", {"x"}, {is("z", "x", "rows: mixed")}, "group: tp");
  const auto exchanged = [&](const std::string& of_1) {
    ProgramText text = with({input_x(), exchange, require(is("z", "x", "rows: mixed"))});
    text.more = "";
    text.rows =
        ", {name: mixed, of: [{ranks: 0, runs: \"0-1 0-1\"}, {ranks: 1, runs: \"" + of_1 + "\"}]}";
    return text;
  };
  CHECK(verdict(exchanged("2-3 2-3")) == "agrees");
  CHECK(verdict(exchanged("0-1 2-3")) == "diverges");
}

TEST_CASE("all_to_allv: entry i n + j rows go from i to j") {
  // Rank 0 keeps token 0 and gives 1-3; rank 1 gives 0-2 and keeps 3.
  const auto exchanged = [](const std::string& sizes) {
    ProgramText text =
        with({input_x(),
              line("all_to_allv", {"x"}, {is("z", "x", "rows: mixed")}, "group: tp, sizes: s"),
              require(is("z", "x", "rows: mixed"))});
    text.rows = ", {name: mixed, of: [{ranks: 0, runs: \"0 0-2\"}, {ranks: 1, runs: \"1-3 3\"}]}";
    text.more = "sizes: [{name: s, sizes: [" + sizes + "]}]";
    return text;
  };
  CHECK(verdict(exchanged("1, 3, 3, 1")) == "agrees");
  CHECK(verdict(exchanged("3, 1, 1, 3")) == "diverges");
  CHECK(replayed(exchanged("1, 3, 3, 2")).stopped_why ==
        "rank 1 calls all_to_allv with 4 rows, its sizes say 5");
  CHECK(replayed(exchanged("1, 3")).stopped_why ==
        "rank 0 passes 2 sizes to all_to_allv over 2 ranks");
}

TEST_CASE("all_to_all refuses 4 rows over 3 ranks, since 4 % 3 = 1") {
  const ProgramText text =
      with({input_x(), line("all_to_all", {"x"}, {is("z", "x")}, "group: tp")}, 3);
  CHECK(replayed(text).stopped_why ==
        "rank 0 calls all_to_all with 4 rows, no multiple of 3 ranks");
}

TEST_CASE("a barrier has no tensor, and waits for all") {
  const std::string right = require(is("x", "x"));
  CHECK(verdict(with({input_x(), line("barrier", {}, {}, "group: tp"), right})) == "agrees");
  const ReplayResult alone =
      replayed(with({input_x(), line("barrier", {}, {}, "group: tp, ranks: \"1\""), right}));
  CHECK(to_string(alone.verdict) == "stopped");
  CHECK(alone.stopped_why == "ranks 1 wait in barrier for ranks 0, which never call it");
  const ReplayResult mixed =
      replayed(with({input_x(), line("barrier", {}, {}, "group: tp, ranks: \"1\""),
                     line("all_reduce", {"x"}, {is("x", "x")}, "group: tp, ranks: \"0\"")}));
  CHECK(mixed.stopped_why == "ranks 0 call all_reduce of bfloat16 8, ranks 1 call barrier");
}

// ---- point to point ---------------------------------------------------------------------------

std::string x_on_0() {
  return line("compute", {}, {is("x", "x")}, "produces: [{term: x}], ranks: \"0\"");
}
std::string send(int from, int to, const std::string& tensor = "x") {
  return line(
      "send", {tensor}, {},
      "group: tp, ranks: \"" + std::to_string(from) + "\", to: [" + std::to_string(to) + "]");
}
std::string receive(int at, int from, const std::string& result = is("x", "x")) {
  return line(
      "recv", {}, {result},
      "group: tp, ranks: \"" + std::to_string(at) + "\", from: [" + std::to_string(from) + "]");
}

TEST_CASE("what is sent arrives, whoever comes first") {
  CHECK(verdict(with({x_on_0(), send(0, 1), receive(1, 0), require(is("x", "x"))})) == "agrees");
  CHECK(verdict(with({receive(1, 0), x_on_0(), send(0, 1), require(is("x", "x"))})) == "agrees");
  CHECK(verdict(with({x_on_0(), require(is("x", "x"))})) == "diverges");
  CHECK(verdict(with({x_on_0(), send(0, 1), receive(1, 0), require(is("x", "z"))})) == "diverges");
}

TEST_CASE("messages between two ranks keep their order: the first is x, the second z") {
  const std::string z_on_0 =
      line("compute", {}, {is("z", "z")}, "produces: [{term: z}], ranks: \"0\"");
  const auto received = [&](const std::string& first, const std::string& second) {
    return with({x_on_0(), z_on_0, send(0, 1, "x"), send(0, 1, "z"), receive(1, 0, is("y", "x")),
                 receive(1, 0, is("x", "z")), on("1", is("y", first)), on("1", is("x", second))});
  };
  CHECK(verdict(received("x", "z")) == "agrees");
  CHECK(verdict(received("z", "x")) == "diverges");
}

TEST_CASE("both send first: each waits for the other to receive") {
  const ReplayResult result = replayed(
      with({input_x(), line("send", {"x"}, {}, "group: tp, to: [1, 0]"),
            line("recv", {}, {is("z", "x")}, "group: tp, from: [1, 0]"), require(is("z", "x"))}));
  CHECK(to_string(result.verdict) == "stopped");
  CHECK(result.stopped_at == 1);
  CHECK(result.stopped_why == "rank 0 waits in send for rank 1, which never receives");
}

std::string ring(const std::string& to, const std::string& from) {
  return line("send_recv", {"x"}, {is("z", "x", "rows: own")},
              "group: tp, to: [" + to + "], from: [" + from + "]");
}

TEST_CASE("grouped, they do not wait: around a ring each has its neighbour's rows") {
  const std::string own_x =
      line("compute", {}, {is("x", "x", "rows: own")}, "produces: [{term: x}]");
  const auto shifted = [&](const std::string& to, const std::string& from,
                           const std::string& rows) {
    ProgramText text = with({own_x, ring(to, from), require(is("z", "x", "rows: " + rows))}, 4);
    text.rows = ", {name: next, of: [{ranks: \"0,2\", runs: 2-3}, {ranks: \"1,3\", runs: 0-1}]}";
    return text;
  };
  CHECK(verdict(shifted("1, 2, 3, 0", "3, 0, 1, 2", "next")) == "agrees");
  CHECK(verdict(shifted("1, 2, 3, 0", "3, 0, 1, 2", "own")) == "diverges");
  CHECK(verdict(shifted("2, 3, 0, 1", "2, 3, 0, 1", "own")) == "agrees");
  CHECK(verdict(shifted("1, 2, 3, 0", "1, 2, 3, 0", "next")) == "stopped");  // nobody's answer
}

TEST_CASE("a half that is left out leaves the result as it was") {
  // Down a line 0 > 1: rank 0 receives nothing and keeps z.
  const auto down = [](const std::string& owed_by_0) {
    return with({input_x(),
                 line("compute", {}, {is("z", "z")}, "produces: [{term: z}], ranks: \"0\""),
                 line("send_recv", {"x"}, {is("z", "x")}, "group: tp, to: [1, -1], from: [-1, 0]"),
                 on("0", is("z", owed_by_0)), on("1", is("z", "x"))});
  };
  CHECK(verdict(down("z")) == "agrees");
  CHECK(verdict(down("x")) == "diverges");
  const ReplayResult nobody = replayed(
      with({input_x(), line("send_recv", {"x"}, {is("z", "x")}, "group: tp, to: [-1], from: [-1]"),
            require(is("x", "x"))}));
  CHECK(to_string(nobody.verdict) == "agrees");
}

TEST_CASE("a call to oneself, to no member, or to nobody stops") {
  const auto sent = [](int to) { return replayed(with({input_x(), send(0, to)})); };
  CHECK(sent(0).stopped_why == "rank 0 calls send with member 0 of 2, as member 0 itself");
  CHECK(sent(2).stopped_why == "rank 0 calls send with member 2 of 2, as member 0 itself");
  CHECK(to_string(sent(-1).verdict) == "stopped");
  CHECK(sent(-1).stopped_at == 1);
  // Grouped, a rank may send to itself.
  const std::string to_oneself =
      line("send_recv", {"x"}, {is("z", "x")}, "group: tp, to: [0, 1], from: [0, 1]");
  CHECK(verdict(with({input_x(), to_oneself, require(is("z", "x"))})) == "agrees");
  CHECK(verdict(with({input_x(), to_oneself, require(is("z", "z"))})) == "diverges");
}

TEST_CASE("what is sent as one data type is not received as another") {
  ProgramText text = with({x_on_0(), send(0, 1), receive(1, 0, is("w", "z"))});
  text.tensors += ", {name: w, columns: 8, dtype: float32}";
  CHECK(replayed(text).stopped_why == "send of bfloat16 8 is received as float32 8");
}

TEST_CASE("a rank that comes late owes no less") {
  // Rank 0 waits for rank 1's answer while rank 1 runs ahead; then z is wrong on rank 0 alone.
  const auto late = [](const std::string& made) {
    return with(
        {input_x(), receive(0, 1, is("y", "x")),
         line("compute", {}, {is("z", "z")}, "produces: [{term: z}], ranks: \"1\""),
         line("compute", {}, {is("z", made)}, "produces: [{term: " + made + "}], ranks: \"0\""),
         require(is("z", "z")), send(1, 0)});
  };
  CHECK(verdict(late("z")) == "agrees");
  CHECK(verdict(late("x")) == "diverges");
}

}  // namespace
}  // namespace lockstep::test

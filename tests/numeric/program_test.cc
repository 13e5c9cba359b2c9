// The operations of hand-written programs, right and wrong: x is the same on two ranks; y has a
// share of each, y_0 + y_1 = y.
#include <doctest/doctest.h>

#include "tests/numeric/program_plan.h"

namespace lockstep::test {
namespace {

using Lines = std::vector<std::string>;
using numeric::Comparison;
using numeric::ReplayResult;

std::string sum_y(const std::string& more = "") {
  return line("all_reduce", {"y"}, {is("y", "y")}, "group: tp" + more);
}

ProgramText with(Lines lines) {
  ProgramText text;
  text.lines = std::move(lines);
  return text;
}

// x, its shares of y, and then these lines.
ProgramText after_y(Lines lines) {
  lines.insert(lines.begin(), {input_x(), partial_y()});
  return with(std::move(lines));
}

Comparison last(const ProgramText& text) {
  const ReplayResult result = replayed(text);
  REQUIRE_FALSE(result.comparisons.empty());
  return result.comparisons.back();
}

TEST_CASE("shares are summed once: y_0 + y_1 = y; never gives y_0, twice 2 y") {
  CHECK(verdict(after_y({sum_y(), require(is("y", "y"))})) == "agrees");
  CHECK(verdict(after_y({require(is("y", "y", "partial_over: tp"))})) == "agrees");
  CHECK(verdict(after_y({require(is("y", "y"))})) == "diverges");
  CHECK(last(after_y({sum_y(), sum_y(), require(is("y", "y"))})).scale ==
        doctest::Approx(2).epsilon(1e-5));
}

TEST_CASE("a function of another value than it should have is judged at its operand") {
  const std::string f_of_y =
      line("compute", {is("y", "y")}, {is("z", "z")}, "produces: [{term: z}]");
  CHECK(verdict(after_y({sum_y(), f_of_y, require(is("z", "z"))})) == "agrees");
  const ReplayResult wrong = replayed(after_y({f_of_y, require(is("z", "z"))}));
  CHECK(to_string(wrong.verdict) == "diverges");
  REQUIRE(wrong.comparisons.size() == 3);
  CHECK_FALSE(wrong.comparisons[1].met);
  CHECK(wrong.comparisons[2].met);  // y was put right, so z is
}

TEST_CASE("different terms, tokens and shares have different values") {
  CHECK(verdict(after_y({sum_y(), require(is("y", "x"))})) == "diverges");
  CHECK(verdict(with({input_x(), require(is("x", "x", "rows: back"))})) == "diverges");
  const std::string twice_the_first =
      line("compute", {is("x", "x")}, {is("y", "y", "partial_over: tp")},
           "produces: [{term: y, placement: first}]");
  ProgramText text = with({input_x(), twice_the_first, sum_y(), require(is("y", "y"))});
  text.more = "placements: [{name: first, of: [{ranks: 0-1, shares: \"0\"}]}]";
  CHECK(verdict(text) == "diverges");
  text.more =
      "placements: [{name: first, of: [{ranks: 0, shares: \"1\"}, {ranks: 1, shares: \"0\"}]}]";
  CHECK(verdict(text) == "agrees");
}

// ---- other ways to combine --------------------------------------------------------------------

ProgramText combining(const std::string& how, Lines lines) {
  ProgramText text = after_y(std::move(lines));
  text.terms = "{name: x}, {name: y, shares: 2, combine: " + how + "}, {name: z}";
  return text;
}

TEST_CASE("a maximum of shares: max(y_0, y_1) = y, and max(y, y) = y; y_0 + y_1 is another value") {
  const std::string max_y = sum_y(", reduction: max");
  const std::string right = require(is("y", "y"));
  CHECK(verdict(combining("max", {max_y, right})) == "agrees");
  CHECK(verdict(combining("max", {max_y, max_y, right})) == "agrees");
  CHECK(verdict(combining("max", {require(is("y", "y", "partial_over: tp"))})) == "agrees");
  CHECK(verdict(combining("max", {right})) == "diverges");
  CHECK(verdict(combining("max", {sum_y(), right})) == "diverges");
  CHECK(verdict(after_y({max_y, right})) == "diverges");  // of shares that are to be summed
}

TEST_CASE("a logsumexp of shares: log(e^y_0 + e^y_1) = y; of two y it is y + log 2") {
  const std::string merge = sum_y(", reduction: logsumexp");
  const std::string right = require(is("y", "y"));
  CHECK(verdict(combining("logsumexp", {merge, right})) == "agrees");
  CHECK(verdict(combining("logsumexp", {require(is("y", "y", "partial_over: tp"))})) == "agrees");
  CHECK(verdict(combining("logsumexp", {merge, merge, right})) == "diverges");
  CHECK(verdict(combining("logsumexp", {sum_y(), right})) == "diverges");
  CHECK(verdict(combining("logsumexp", {sum_y(", reduction: max"), right})) == "diverges");
  CHECK(verdict(combining("logsumexp", {right})) == "diverges");
}

TEST_CASE("an average of complete values is the value, of shares half their sum: (y_0 + y_1) / 2") {
  const std::string average_x =
      line("all_reduce", {"x"}, {is("x", "x")}, "group: tp, reduction: average");
  CHECK(verdict(with({input_x(), average_x, require(is("x", "x"))})) == "agrees");
  CHECK(last(after_y({sum_y(", reduction: average"), require(is("y", "y"))})).scale ==
        doctest::Approx(0.5).epsilon(1e-5));
}

TEST_CASE("a maximum that is wrong is repaired as a whole: the sum to its right still agrees") {
  const std::string partial = is("y", "y", "partial_over: tp");
  const Lines lines = {line("scale", {"y"}, {partial}, "factor: 2"), require(partial),
                       sum_y(", reduction: max"), require(is("y", "y"))};
  const ReplayResult result = replayed(combining("max", lines));
  REQUIRE(result.comparisons.size() == 3);
  CHECK_FALSE(result.comparisons[1].met);
  CHECK(result.comparisons[2].met);
}

// ---- products ---------------------------------------------------------------------------------

const std::string kSliced = "columns_over: tp";
const std::string kPartial = "partial_over: tp";

std::string linear(const std::string& in, const std::string& out, const std::string& produces) {
  return line("linear", {in}, {out}, "produces: [" + produces + "]");
}

TEST_CASE("W x by columns, then V (W x) by rows: the slices' products sum to the whole") {
  const Lines lines = {
      input_x(), linear(is("x", "x"), is("z", "z", kSliced), "{term: z}"),
      linear(is("z", "z", kSliced), is("y", "y", kPartial), "{term: y, units: 2, major: tp}")};
  Lines summed = lines;
  summed.insert(summed.end(), {sum_y(), require(is("y", "y"))});
  CHECK(verdict(with(summed)) == "agrees");
  Lines never = lines;
  never.push_back(require(is("y", "y")));
  CHECK(verdict(with(never)) == "diverges");
}

TEST_CASE("W (y_0 + y_1) = W y_0 + W y_1: a product of a partial value is partial") {
  ProgramText text = after_y(
      {linear(is("y", "y", kPartial), is("z", "z", kPartial), "{term: z, units: 2, major: tp}"),
       line("all_reduce", {"z"}, {is("z", "z")}, "group: tp"), require(is("z", "z"))});
  text.terms = "{name: x}, {name: y, shares: 2}, {name: z, shares: 2}";
  CHECK(verdict(text) == "agrees");
  text.lines.insert(text.lines.begin() + 2, sum_y());
  CHECK(last(text).met);  // put right at the product, where it was wrong
  CHECK(verdict(text) == "diverges");
}

TEST_CASE("a bias on every rank is there twice after the sum: y + 2 b") {
  const auto biased = [](const std::string& shares_of_1) {
    ProgramText text =
        with({input_x(),
              linear(is("x", "x"), is("y", "y, b", kPartial),
                     "{term: y, units: 2, major: tp}, {term: b, placement: who}"),
              line("all_reduce", {"y"}, {is("y", "y, b")}, "group: tp"), require(is("y", "y, b"))});
    text.terms = "{name: x}, {name: y, shares: 2}, {name: b, kind: bias}";
    text.more = "placements: [{name: who, of: [{ranks: 0, shares: \"0\"}, {ranks: 1, shares: \"" +
                shares_of_1 + "\"}]}]";
    return text;
  };
  CHECK(verdict(biased("")) == "agrees");
  const Comparison twice = last(biased("0"));
  CHECK_FALSE(twice.met);
  REQUIRE(twice.terms.size() == 2);
  CHECK(twice.terms[0].scale == doctest::Approx(1).epsilon(1e-4));
  CHECK(twice.terms[1].scale == doctest::Approx(2).epsilon(1e-4));
}

// ---- columns ----------------------------------------------------------------------------------

std::string sliced_x() {
  return line("slice_columns", {"x"}, {is("x", "x", kSliced)}, "group: tp");
}
std::string gathered(const std::string& tensor) {
  return line("all_gather", {tensor}, {is(tensor, tensor)}, "group: tp, axis: columns");
}

TEST_CASE("a slice of the columns is not the whole, and gathered it is again") {
  CHECK(verdict(with({input_x(), sliced_x(), require(is("x", "x", kSliced))})) == "agrees");
  CHECK(verdict(with({input_x(), sliced_x(), require(is("x", "x"))})) == "diverges");
  CHECK(verdict(with({input_x(), require(is("x", "x", kSliced))})) == "diverges");
  CHECK(verdict(with({input_x(), sliced_x(), gathered("x"), require(is("x", "x"))})) == "agrees");
}

TEST_CASE("a function of slices goes column by column: gathered it is the function of the whole") {
  const Lines lines = {
      input_x(), sliced_x(),
      line("compute", {is("x", "x", kSliced)}, {is("z", "z", kSliced)}, "produces: [{term: z}]"),
      gathered("z"), require(is("z", "z"))};
  CHECK(verdict(with(lines)) == "agrees");
  Lines ungathered = lines;
  ungathered.erase(ungathered.begin() + 3);
  CHECK(verdict(with(ungathered)) == "diverges");
}

TEST_CASE("statistics of slices are partial; a norm takes their sum and its own slice") {
  ProgramText text = with({input_x(), sliced_x(),
                           line("compute", {is("x", "x", kSliced)}, {is("s", "s", kPartial)},
                                "produces: [{term: s, units: 2, major: tp}]"),
                           line("all_reduce", {"s"}, {is("s", "s")}, "group: tp"),
                           line("compute", {is("x", "x", kSliced), is("s", "s")},
                                {is("z", "z", kSliced)}, "produces: [{term: z}]"),
                           gathered("z"), require(is("z", "z"))});
  text.tensors += ", {name: s, columns: 1}";
  text.terms += ", {name: s, shares: 2}";
  CHECK(verdict(text) == "agrees");
  text.lines.erase(text.lines.begin() + 3);
  CHECK(verdict(text) == "diverges");
}

// ---- rows -------------------------------------------------------------------------------------

TEST_CASE("an operand with other rows counts as a whole, and in its order") {
  const std::string own_x =
      line("compute", {}, {is("x", "x", "rows: own")}, "produces: [{term: x}]");
  const std::string gather = line("all_gather", {"x"}, {is("k", "x")}, "group: tp");
  const auto attend = [](const std::string& rows) {
    return line("compute", {is("x", "x", "rows: own"), is("k", "x", "rows: " + rows)},
                {is("z", "z", "rows: own")}, "produces: [{term: z}]");
  };
  const std::string right = require(is("z", "z", "rows: own"));
  ProgramText text = with({own_x, gather, attend("all"), right});
  text.tensors += ", {name: k, columns: 8}";
  CHECK(verdict(text) == "agrees");
  text.lines[2] = attend("back");
  CHECK(verdict(text) == "diverges");
}

TEST_CASE("padding is nobody's, unless it must be zero") {
  const std::string padded = "rows: padded";
  const auto placed = [&](const std::string& fill) {
    ProgramText text = with({input_x(), line("copy_rows", {"x"}, {is("z", "x", padded)},
                                             "moves: place, fill: " + fill)});
    text.more = "moves: [{name: place, of: [{ranks: 0-1, rows: 6, moves: \"0-3>0\"}]}]";
    return text;
  };
  for (const std::string fill : {"zero", "undefined"}) {
    CAPTURE(fill);
    ProgramText text = placed(fill);
    text.lines.push_back(require(is("z", "x", padded)));
    CHECK(verdict(text) == "agrees");
    text.lines.back() = require(is("z", "x", padded + ", zero_padding: true"));
    CHECK(verdict(text) == (fill == "zero" ? "agrees" : "diverges"));
    text.lines.push_back(text.lines.back());  // repaired to zero, so met from there on
    CHECK(last(text).met);
  }
}

// ---- units, sums, depth -----------------------------------------------------------------------

TEST_CASE("a logarithm to the base 2 is log2(e) = 1.4427 times the natural one") {
  const auto made = [](const std::string& term, const std::string& owed) {
    ProgramText text =
        with({input_x(),
              line("compute", {is("x", "x")}, {is("y", term, kPartial)},
                   "produces: [{term: " + term + ", units: 2, major: tp}]"),
              line("all_reduce", {"y"}, {is("y", term)}, "group: tp, reduction: logsumexp"),
              require(is("y", owed))});
    text.terms =
        "{name: x}, {name: y, shares: 2, combine: logsumexp}, "
        "{name: y2, shares: 2, combine: logsumexp, same_as: y}";
    return text;
  };
  CHECK(verdict(made("y", "y")) == "agrees");
  CHECK(verdict(made("y2", "y2")) == "agrees");
  CHECK(last(made("y2", "y")).scale == doctest::Approx(1.4426950408889634).epsilon(1e-5));
  CHECK(last(made("y", "y2")).scale == doctest::Approx(1 / 1.4426950408889634).epsilon(1e-5));
}

TEST_CASE("a closed stream of a program's terms is their sum: r = x + y") {
  const auto stream = [](const std::string& parts) {
    ProgramText text =
        after_y({sum_y(), line("add", {"x", "y"}, {is("z", "r")}), require(is("z", "r"))});
    text.terms += ", {name: r, kind: residual, layer: 0}";
    text.more = "closings: [{handle: r, parts: [" + parts + "]}]";
    return text;
  };
  CHECK(verdict(stream("x, y")) == "agrees");
  CHECK(verdict(stream("x, z")) == "diverges");
}

TEST_CASE("a norm of the model takes what a program added: norm(e + f(e))") {
  ProgramText text = with({line("embed", {}, {is("x", "e")}, "produces: [{term: e}]"),
                           line("compute", {is("x", "e")}, {is("y", "f")}, "produces: [{term: f}]"),
                           line("add", {"x", "y"}, {is("z", "r")}),
                           line("norm", {is("z", "r")}, {is("z", "n")}, "produces: [{term: n}]"),
                           require(is("z", "n"))});
  text.tensors = "x, y, z";
  text.terms =
      "{name: e, kind: embedding}, {name: f}, {name: r, kind: residual, layer: 0, index: 1}, "
      "{name: n, kind: norm, layer: 0, index: 1}";
  text.more = "closings: [{handle: r, parts: [e, f]}]";
  CHECK(verdict(text) == "agrees");
  text.lines[2] = line("scale", {"x"}, {is("z", "r")});
  CHECK(verdict(text) == "diverges");
}

TEST_CASE("terms that rest on each other, or on nobody, never crash") {
  const std::string x_of_y =
      line("compute", {is("y", "z")}, {is("x", "x")}, "produces: [{term: x}]");
  const std::string y_of_x =
      line("compute", {is("x", "x")}, {is("y", "z")}, "produces: [{term: z}]");
  CHECK(verdict(with({x_of_y, y_of_x, x_of_y})) == "diverges");
  CHECK(verdict(with({require(is("x", "x"))})) == "diverges");
  ProgramText deep;
  deep.terms = "{name: t0}";
  for (int i = 1; i < 3000; ++i) {
    deep.terms += ", {name: t" + std::to_string(i) + "}";
    deep.lines.push_back(line("compute", {is("x", "t" + std::to_string(i - 1))},
                              {is("x", "t" + std::to_string(i))},
                              "produces: [{term: t" + std::to_string(i) + "}]"));
  }
  deep.lines.insert(deep.lines.begin(), require(is("x", "t2999")));
  CHECK(verdict(deep) == "diverges");
}

TEST_CASE("rows are told apart and rounding stays small after a hundred functions") {
  ProgramText text = with({input_x()});
  std::string before = "x";
  for (int i = 0; i < 100; ++i) {
    const std::string next = "t" + std::to_string(i);
    text.terms += ", {name: " + next + "}";
    text.lines.push_back(line(i % 2 == 0 ? "linear" : "compute", {is("x", before)}, {is("x", next)},
                              "produces: [{term: " + next + "}]"));
    before = next;
  }
  text.lines.push_back(require(is("x", before)));
  CHECK(verdict(text) == "agrees");
  text.lines.back() = require(is("x", before, "rows: back"));
  const Comparison swapped = last(text);
  CHECK_FALSE(swapped.met);
  CHECK(swapped.relative_error > 0.1);
}

}  // namespace
}  // namespace lockstep::test

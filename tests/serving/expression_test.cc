#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sim/serving/expression.h"
#include "sim/serving/rule.h"
#include "tests/serving/inputs.h"

namespace lockstep {
namespace {

Environment dep8() {
  Environment e;
  e.set(Input::tp, 8);
  e.set(Input::attn_dp, 8);
  e.set(Input::ep, 8);
  e.set(Input::dp_attention, 1);
  e.set(Input::padding, Symbol::sum_len);
  e.set(Input::kind, Symbol::dense);
  e.set(Input::layer, 3);
  return e;
}

bool value(const std::string& text) {
  const Result<Expression> parsed = Expression::parse(text);
  INFO(text);
  REQUIRE(static_cast<bool>(parsed));
  return parsed->evaluate(dep8());
}

std::string message(const std::string& text) {
  const Result<Expression> parsed = Expression::parse(text);
  INFO(text);
  REQUIRE_FALSE(static_cast<bool>(parsed));
  return parsed.faults().front().message + " " + parsed.faults().front().hint;
}

bool mentions(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

TEST_CASE("and binds tighter than or, not looser than a comparison") {
  CHECK(value("true or false and false"));
  CHECK_FALSE(value("(true or false) and false"));
  CHECK(value("not layer == 4"));
  CHECK(value("not (layer == 3) or true"));
}

TEST_CASE("products bind tighter than sums, and both than comparisons") {
  CHECK(value("2 + 3 * 4 == 14"));
  CHECK(value("(2 + 3) * 4 == 20"));
  CHECK(value("ep * 2 >= tp + attn_dp"));
  CHECK(value("layer != 4 and layer < 4 and layer <= 3 and layer > 2 and layer >= 3"));
}

TEST_CASE("named values are compared with inputs") {
  CHECK(value("padding == sum_len"));
  CHECK(value("sum_len == padding"));
  CHECK(value("padding != max_len and kind == dense and a2a == none"));
}

TEST_CASE("sums and products stop at the largest number instead of wrapping") {
  CHECK(value("9000000000000000000 + 9000000000000000000 > 1"));
  CHECK(value("9000000000000000000 * 9000000000000000000 == 9223372036854775807"));
}

TEST_CASE("an unknown name is reported with its column and the nearest known one") {
  const std::string text = message("dp_attention and use_dp_reduce_scatter");
  CHECK(mentions(text, "`use_dp_reduce_scatter`"));
  CHECK(mentions(text, "column 18"));
  CHECK(mentions(text, "use_dp_reduce_scatterv"));
}

TEST_CASE("types do not mix") {
  CHECK(mentions(message("tp == true"), "compared with"));
  CHECK(mentions(message("padding == 3"), "compared with"));
  CHECK(mentions(message("padding == deepep"), "one of none, max_len, sum_len"));
  CHECK(mentions(message("max_len == sum_len"), "one side must be an input"));
  CHECK(mentions(message("dp_attention < true"), "must be a number"));
  CHECK(mentions(message("tp and dp_attention"), "operand of `and`"));
  CHECK(mentions(message("not layer"), "operand of `not`"));
  CHECK(mentions(message("tp + dp_attention == 1"), "operand of `+`"));
  CHECK(mentions(message("tp"), "a rule must be true or false"));
  CHECK(mentions(message("max_len"), "a rule must be true or false"));
}

TEST_CASE("broken text is refused, never misread") {
  CHECK(mentions(message(""), "ends too early"));
  CHECK(mentions(message("true or"), "ends too early"));
  CHECK(mentions(message("(true"), "`)` is missing"));
  CHECK(mentions(message("true)"), "not expected"));
  CHECK(mentions(message("true true"), "not expected"));
  CHECK(mentions(message("1 < layer < 4"), "do not chain"));
  CHECK(mentions(message("tp = 8"), "not expected"));
  CHECK(mentions(message("tp / 2 == 4"), "not expected"));
  CHECK(mentions(message("tp == 99999999999999999999"), "64-bit"));
  CHECK(mentions(message("tp == 8x"), "64-bit"));
}

TEST_CASE("hostile text is refused quickly") {
  CHECK(mentions(message(std::string(5000, '(')), "longer than"));
  CHECK(mentions(message(std::string(900, '(')), "deeper than"));
  std::string nots;
  for (int i = 0; i < 200; ++i) nots += "not ";
  CHECK(mentions(message(nots + "true"), "deeper than"));
}

TEST_CASE("an override may read the built-in value and what is decided before it") {
  const auto always = [](int) { return true; };
  const auto book = RuleBook::build(
      test::deepseek_rules(), always,
      {{"should_use_reduce_scatter", "use_dp_reduce_scatterv or padding == max_len"},
       {"should_skip_mlp_all_reduce", "not default"}});
  REQUIRE(static_cast<bool>(book));
  Environment e = dep8();
  book->decide(e);
  CHECK(e.is(Input::use_dp_reduce_scatterv));
  CHECK(e.is(Input::use_reduce_scatter));
  CHECK_FALSE(e.is(Input::skip_mlp_all_reduce));
  const Reason reason = book->reason(Input::skip_mlp_all_reduce, e);
  CHECK(reason.value == "false");
  REQUIRE(reason.inputs.size() == 1);
  CHECK(reason.inputs[0].first == "default");
  CHECK(reason.inputs[0].second == "true");
}

TEST_CASE("an override that reads a later decision, or of no rule, is an error with its path") {
  const auto always = [](int) { return true; };
  const auto later = RuleBook::build(test::deepseek_rules(), always,
                                     {{"should_use_dp_reduce_scatterv", "use_reduce_scatter"}});
  REQUIRE_FALSE(static_cast<bool>(later));
  CHECK(later.faults().front().path == "serving.rules.should_use_dp_reduce_scatterv");
  const auto unknown =
      RuleBook::build(test::deepseek_rules(), always, {{"should_use_reduce_scater", "true"}});
  REQUIRE_FALSE(static_cast<bool>(unknown));
  CHECK(mentions(unknown.faults().front().hint, "should_use_reduce_scatter"));
}

TEST_CASE("an input that is only compared with numbers has thresholds") {
  const auto thresholds = [](const std::string& text) {
    const Result<Expression> parsed = Expression::parse(text);
    REQUIRE(static_cast<bool>(parsed));
    return parsed->thresholds(Input::rows);
  };
  CHECK(thresholds("rows >= 1 and rows <= 4096") == std::vector<std::int64_t>{1, 4096});
  CHECK(thresholds("tp > 1") == std::vector<std::int64_t>{});
  CHECK_FALSE(thresholds("rows + 1 < 5"));
  CHECK_FALSE(thresholds("rows < tp"));
  CHECK_FALSE(thresholds("5 < rows"));  // rare, and told apart by value
}

TEST_CASE("rules tell values apart at the numbers that they are compared with") {
  const auto in_force = [](int) { return true; };
  const std::map<std::string, std::string> none;
  const Result<RuleBook> built_in = RuleBook::build(test::deepseek_rules(), in_force, none);
  REQUIRE(static_cast<bool>(built_in));
  const auto alike = [](const RuleBook& book, std::int64_t a, std::int64_t b) {
    return book.told_apart(Input::rows, a) == book.told_apart(Input::rows, b);
  };
  // At the newest revision fusion asks whether rows are from 1 to 2048.
  CHECK(alike(*built_in, 2, 2047));
  CHECK_FALSE(alike(*built_in, 0, 2));
  CHECK_FALSE(alike(*built_in, 2, 2049));
  const std::map<std::string, std::string> shown{
      {"should_use_reduce_scatter", "rows < 5 and default"}};
  const Result<RuleBook> overridden = RuleBook::build(test::deepseek_rules(), in_force, shown);
  REQUIRE(static_cast<bool>(overridden));
  CHECK_FALSE(alike(*overridden, 2, 3));
}

}  // namespace
}  // namespace lockstep

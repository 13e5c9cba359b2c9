#include "sim/scenario/expect.h"

#include <doctest/doctest.h>

#include "tests/scenario/parsing.h"

using namespace lockstep;
using namespace lockstep::test;
using contract::CheckResult;
using contract::Code;
using contract::Verdict;
using contract::Violation;

namespace {

Expect expected(const std::string& expect) {
  const Scenario scenario = parsed(with_batch("expect: " + expect + "\n"));
  REQUIRE(scenario.expect);
  return *scenario.expect;
}

Violation doubled(int layer, const std::string& module) {
  Violation v;
  v.code = Code::double_reduction;
  v.site = {0, layer, module};
  v.operation = {12, "reduce_scatterv", "dp_reduce_scatterv"};
  v.group = "tp";
  v.factor = Rational(8);
  return v;
}

CheckResult violated(std::vector<Violation> violations) {
  CheckResult result;
  result.verdict = Verdict::violated;
  result.violations = std::move(violations);
  return result;
}

using Sentences = std::vector<std::string>;

}  // namespace

TEST_CASE("every key of expect arrives") {
  const Expect e = expected(
      "{verdict: violated, count: 2, layers: 0-1, replay: diverges, "
      "first: {code: double-reduction, step: 0, layer: 0, module: mlp, group: tp, factor: 8, "
      "operation: reduce_scatterv}, all: [{layer: 0}, {layer: 1, factor: 2/8}]}");
  CHECK(e.verdict == "violated");
  CHECK(e.count == 2);
  CHECK(e.layers == std::vector<int>{0, 1});
  CHECK(e.replay == "diverges");
  REQUIRE(e.first);
  CHECK(e.first->code == "double-reduction");
  CHECK(e.first->step == 0);
  CHECK(e.first->operation == "reduce_scatterv");
  CHECK(e.first->factor == "8");
  REQUIRE(e.all);
  CHECK(e.all->at(1).factor == "1/4");
  CHECK_FALSE(e.all->at(0).factor);
}

TEST_CASE("layers are a number, a range, ranges or a list") {
  CHECK(expected("{layers: 3}").layers == std::vector<int>{3});
  CHECK(expected("{layers: \"0-2\"}").layers == std::vector<int>{0, 1, 2});
  CHECK(expected("{layers: \"0-1,5\"}").layers == std::vector<int>{0, 1, 5});
  CHECK(expected("{layers: [0, 60, -1]}").layers == std::vector<int>{0, 60, -1});
  CHECK(expected("{layers: []}").layers == std::vector<int>{});
  for (const char* layers : {"2-0", "x", "[x]", "{}", "0-99999999", "\"\"", "[-2]"}) {
    CAPTURE(layers);
    CHECK(faults_of(with_batch(std::string("expect: {layers: ") + layers + "}\n"))
              .find("'layers' must be a layer, a range such as 0-60, or a list of layers") !=
          std::string::npos);
  }
}

TEST_CASE("faults of expect are those of any key") {
  CHECK(faults_of(with_batch("expect: {first: {code: double-reductoin}}\n"))
            .find("hint: did you mean 'double-reduction'?") != std::string::npos);
  CHECK(faults_of(with_batch("expect: {first: {factor: 0.25}}\n")) ==
        "s.yaml:4:26: error: 'factor' must be an integer or a fraction such as 1/4, not '0.25'\n"
        "  expect: {first: {factor: 0.25}}\n"
        "                           ^\n");
  CHECK(faults_of(with_batch("expect: {all: {layer: 1}}\n"))
            .find("'all' must be a list of violations, not a map") != std::string::npos);
  CHECK(faults_of(with_batch("expect: {verdikt: holds}\n")).find("did you mean 'verdict'?") !=
        std::string::npos);
  CHECK(faults_of(with_batch("expect: holds\n")).find("'expect' must be a map, not 'holds'") !=
        std::string::npos);
}

TEST_CASE("expectations that no result can meet are faults of the file") {
  CHECK(faults_of(with_batch("expect: {verdict: holds, count: 1}\n"))
            .find("'verdict: holds' and expected violations exclude each other") !=
        std::string::npos);
  CHECK(faults_of(with_batch("expect: {verdict: violated, count: 0}\n"))
            .find("'verdict: violated' and 'count: 0' exclude each other") != std::string::npos);
}

TEST_CASE("nothing differs where everything expected is found") {
  const CheckResult result = violated({doubled(0, "mlp"), doubled(1, "moe")});
  const Expect e = expected(
      "{verdict: violated, count: 2, layers: 0-1, first: {code: double-reduction, step: 0, "
      "layer: 0, module: mlp, group: tp, factor: 8, operation: reduce_scatterv}, "
      "all: [{module: mlp}, {module: moe, operation: dp_reduce_scatterv}]}");
  CHECK(differences(e, result, Plan{}) == Sentences{});
  CHECK(differences(expected("{verdict: holds, count: 0, layers: [], all: []}"), CheckResult{},
                    Plan{}) == Sentences{});
}

TEST_CASE("another verdict says what was found, and by which rules") {
  Plan plan;
  plan.origin.resolved_after = "#23748";
  CHECK(differences(expected("{verdict: holds}"), violated({doubled(0, "mlp")}), plan) ==
        Sentences{"verdict: expected holds, found violated: double-reduction in layer 0, mlp, by "
                  "dp_reduce_scatterv over tp, factor 8 (rules as of #23748)"});
  CHECK(differences(expected("{verdict: violated}"), CheckResult{}, plan) ==
        Sentences{"verdict: expected violated, found holds (rules as of #23748)"});
  CheckResult unknown;
  unknown.verdict = Verdict::unknown;
  unknown.unknown = {"a coefficient overflowed"};
  CHECK(differences(expected("{verdict: holds}"), unknown, Plan{}) ==
        Sentences{"verdict: expected holds, found unknown: a coefficient overflowed"});
}

TEST_CASE("each field of the first violation that differs is named") {
  const Expect e = expected(
      "{first: {code: missing-reduction, step: 1, layer: 2, module: moe, group: moe_ep, "
      "factor: 1/8, operation: all_reduce}}");
  CHECK(differences(e, violated({doubled(0, "mlp")}), Plan{}) ==
        Sentences{"first violation: code: expected missing-reduction, found double-reduction",
                  "first violation: step: expected 1, found 0",
                  "first violation: layer: expected 2, found 0",
                  "first violation: module: expected moe, found mlp",
                  "first violation: group: expected moe_ep, found tp",
                  "first violation: factor: expected 1/8, found 8",
                  "first violation: operation: expected all_reduce, found dp_reduce_scatterv"});
  CHECK(differences(e, CheckResult{}, Plan{}) ==
        Sentences{"first violation: expected one, found none"});
}

TEST_CASE("count, layers and the full list are compared") {
  Violation outside = doubled(-1, "logits");
  outside.factor.reset();
  const CheckResult result = violated({doubled(0, "mlp"), doubled(2, "moe"), outside});
  CHECK(differences(expected("{count: 1}"), result, Plan{}) ==
        Sentences{"count: expected 1, found 3"});
  CHECK(differences(expected("{layers: 0-2}"), result, Plan{}) ==
        Sentences{"layers: expected 0-2, found 0,2 and outside the layers"});
  CHECK(differences(expected("{layers: []}"), violated({outside}), Plan{}) ==
        Sentences{"layers: expected none, found outside the layers"});
  CHECK(differences(expected("{all: [{layer: 0}, {layer: 1}]}"), result, Plan{}) ==
        Sentences{"violation 2: layer: expected 1, found 2", "violations: expected 2, found 3",
                  "not expected: double-reduction, logits, by dp_reduce_scatterv over tp, factor "
                  "none"});
}

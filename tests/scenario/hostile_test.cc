// Nothing that stands in a file may crash, hang or eat the machine.
#include <doctest/doctest.h>

#include "sim/base/random.h"
#include "sim/scenario/scenario.h"
#include "tests/scenario/parsing.h"

using namespace lockstep;
using namespace lockstep::test;

namespace {

const char* const kReal = "scenarios/bugs/sglang/24785-deepseek-v3-dep8-before.yaml";

// The file is read to its end: either values or faults come out.
void must_survive(const std::string& text) {
  const Result<Scenario> scenario = parse_scenario(text, "hostile.yaml");
  if (scenario) {
    CHECK_FALSE(scenario->input.steps.empty());
  } else {
    CHECK_FALSE(to_string(scenario.faults()).empty());
  }
}

}  // namespace

TEST_CASE("a real scenario cut at every byte never crashes") {
  const std::string whole = file_text(kReal);
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    must_survive(whole.substr(0, length));
  }
}

TEST_CASE("a real scenario with bytes changed never crashes") {
  const std::string whole = file_text(kReal);
  Random random(23);
  for (int round = 0; round < 2000; ++round) {
    std::string text = whole;
    for (std::int64_t i = random.below(4); i >= 0; --i) {
      const auto at =
          static_cast<std::size_t>(random.below(static_cast<std::int64_t>(whole.size())));
      text[at] = static_cast<char>(random.below(256));
    }
    must_survive(text);
  }
}

TEST_CASE("a real scenario with lines removed, doubled and moved never crashes") {
  const std::string whole = file_text(kReal);
  std::vector<std::string> lines;
  for (std::size_t start = 0; start < whole.size();) {
    const std::size_t end = whole.find('\n', start) + 1;
    lines.push_back(whole.substr(start, end - start));
    start = end;
  }
  for (std::size_t gone = 0; gone < lines.size(); ++gone) {
    for (std::size_t twice = 0; twice < lines.size(); ++twice) {
      std::string text;
      for (std::size_t i = 0; i < lines.size(); ++i) {
        if (i != gone) text += lines[i];
        if (i == twice) text += lines[gone];
      }
      must_survive(text);
    }
  }
}

TEST_CASE("huge numbers are out of range wherever a number may stand") {
  const std::string huge(400, '9');
  for (const char* before :
       {"seed: ", "parallel: {tp_size: ", "hardware: {preset: loopback, nodes: ",
        "expect: {count: ", "expect: {layers: ", "expect: {layers: 0-",
        "expect: {first: {factor: "}) {
    CAPTURE(before);
    std::string text = before + huge;
    for (const char c : std::string(before)) {
      if (c == '{') text += '}';
    }
    CHECK(faults_of(with_batch(text + "\n")).find(" must be ") != std::string::npos);
  }
}

TEST_CASE("a file full of unknown keys reports a hundred of them") {
  std::string text = with_batch("");
  for (int i = 0; i < 5000; ++i) text += "unknown_" + std::to_string(i) + ": 1\n";
  const Result<Scenario> scenario = parse_scenario(text, "s.yaml");
  REQUIRE_FALSE(scenario);
  CHECK(scenario.faults().size() == 101);
  CHECK(scenario.faults().back().message == "more than 100 faults; the rest is not listed");
}

TEST_CASE("long names are cut in messages") {
  const std::string text = faults_of(with_batch(std::string(50'000, 'k') + ": 1\n"));
  CHECK(text.size() < 1000);
}

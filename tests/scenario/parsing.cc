#include "tests/scenario/parsing.h"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

namespace lockstep::test {

Scenario parsed(const std::string& text, const std::vector<Setting>& settings) {
  Result<Scenario> scenario = parse_scenario(text, "s.yaml", settings);
  REQUIRE_MESSAGE(scenario, to_string(scenario.faults()));
  return *scenario;
}

std::string faults_of(const std::string& text, const std::vector<Setting>& settings) {
  const Result<Scenario> scenario = parse_scenario(text, "s.yaml", settings);
  return scenario ? "none" : to_string(scenario.faults());
}

std::string with_model(const std::string& rest) { return "lockstep: 1\nmodel: kimi-k2.6\n" + rest; }

std::string with_batch(const std::string& rest) {
  return with_model("batch: {tokens: 1}\n" + rest);
}

std::string file_text(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  REQUIRE_MESSAGE(stream, path);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace lockstep::test

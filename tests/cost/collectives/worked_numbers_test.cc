// The worked numbers of docs/cost_models.md, read from the page and computed anew.
#include <doctest/doctest.h>

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "sim/base/text.h"
#include "sim/events/exchange.h"
#include "tests/cost/collectives/cases.h"

namespace lockstep::test {
namespace {

// "Worked: KIND ALGORITHM, 8 ranks, 64 MiB, 50 GB/s, 0.5 us = 2355.81 us"; further facts, in any
// order: "8 a node", "50 GB/s between nodes", "5 us between nodes", "128 tokens", "8 of 256
// experts".
struct Worked {
  std::string line;
  const Algorithm* algorithm = nullptr;
  CollectiveCall call;
  Hardware hardware;
  std::string expected;
};

Collective kind_named(const std::string& name) {
  for (int kind = 0; kind <= static_cast<int>(Collective::barrier); ++kind) {
    if (to_string(static_cast<Collective>(kind)) == name) return static_cast<Collective>(kind);
  }
  FAIL("no collective is named " << name);
  return Collective::barrier;
}

std::int64_t bytes_in(const std::string& unit) {
  return unit == "MiB" ? 1 << 20 : unit == "KiB" ? 1 << 10 : unit == "B" ? 1 : 0;
}

// One fact between commas.
void take(const std::string& fact, Worked& worked) {
  std::istringstream words(fact);
  double number = 0;
  std::string unit;
  std::string rest;
  words >> number >> unit;
  std::getline(words, rest);
  const bool between = rest == " between nodes";
  NodeConstants& node = worked.hardware.node;
  const int count = static_cast<int>(number);
  if (unit == "ranks") {
    node.gpus = number;
    for (int r = 0; r < count; ++r) worked.call.ranks.push_back(r);
  } else if (unit == "a") {
    node.gpus = number;
    node.nics = number;
  } else if (unit == "GB/s") {
    (between ? node.nic_GBps : node.link_GBps) = number;
  } else if (unit == "us") {
    (between ? node.nic_latency_us : node.link_latency_us) = number;
  } else if (unit == "tokens") {
    worked.call.tokens = count;
  } else if (unit == "of") {
    worked.call.experts_per_token = count;
    worked.call.experts = std::stoi(rest);
  } else {
    REQUIRE_MESSAGE(bytes_in(unit) > 0, "no fact of a worked number: " << fact);
    worked.call.bytes = count * bytes_in(unit);
  }
}

Worked parse(const std::string& line) {
  Worked worked;
  worked.line = line;
  const std::size_t equals = line.find(" = ");
  REQUIRE_MESSAGE(equals != std::string::npos, line);
  worked.expected = line.substr(equals + 3);
  const auto facts = split(line.substr(0, equals), ',');
  std::istringstream head(facts[0]);
  std::string word;
  std::string kind;
  std::string algorithm;
  head >> word >> kind >> algorithm;
  worked.call.kind = kind_named(kind);
  worked.algorithm = find_algorithm(algorithm);
  for (std::size_t i = 1; i < facts.size(); ++i) take(facts[i], worked);
  const bool has_sizes = worked.call.kind == Collective::reduce_scatterv;
  if (has_sizes) {
    const std::size_t n = worked.call.ranks.size();
    worked.call.sizes.assign(n, worked.call.bytes / static_cast<std::int64_t>(n));
  }
  return worked;
}

std::vector<Worked> worked_numbers() {
  std::ifstream page("docs/cost_models.md");
  std::vector<Worked> all;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("Worked: ")) all.push_back(parse(line));
  }
  return all;
}

std::string in_words(Duration time) { return fmt::format("{:.2f} us", in_microseconds(time)); }

TEST_CASE("the worked numbers of the page are what the closed forms give") {
  const auto all = worked_numbers();
  CHECK(all.size() >= algorithms().size());
  for (const Worked& worked : all) {
    CAPTURE(worked.line);
    REQUIRE(worked.algorithm != nullptr);
    const Topology topology = topology_of(worked.hardware, worked.call.ranks);
    REQUIRE(refusal(*worked.algorithm, worked.call, topology) == "");
    const ClosedForm form = worked.algorithm->closed_form(worked.call, topology);
    CHECK(in_words(form.time) == worked.expected);
    CHECK(form.holds == ClosedForm::Holds::exactly);
  }
}

// The ring of 4,096, 33.5 million messages, is left to the measurements of docs/performance.md.
TEST_CASE("the worked numbers of the page are what the messages take") {
  for (const Worked& worked : worked_numbers()) {
    const Topology topology = topology_of(worked.hardware, worked.call.ranks);
    if (worked.algorithm->closed_form(worked.call, topology).messages > 1'000'000) continue;
    CAPTURE(worked.line);
    const auto schedule = worked.algorithm->schedule(worked.call, topology);
    const Fabric fabric = fabric_of(worked.hardware, worked.call.ranks, worked.algorithm->switches);
    CHECK(in_words(run_exchange(*schedule, fabric).end) == worked.expected);
  }
}

TEST_CASE("the page has a worked number for every algorithm") {
  const auto all = worked_numbers();
  for (const Algorithm* algorithm : algorithms()) {
    CAPTURE(std::string(algorithm->name));
    CHECK(std::ranges::count(all, algorithm, &Worked::algorithm) > 0);
  }
}

}  // namespace
}  // namespace lockstep::test

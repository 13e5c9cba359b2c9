#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "sim/base/hash.h"
#include "sim/plan/json.h"
#include "sim/plan/parse.h"
#include "sim/plan/text.h"
#include "tests/plan/sample_plans.h"

namespace lockstep::test {
namespace {

Plan parsed(const std::string& text) {
  Result<Plan> plan = parse_plan(text, "plan.yaml");
  if (!plan) FAIL(to_string(plan.faults()));
  return std::move(*plan);
}

std::string without(std::string text, const std::string& part) {
  const std::size_t at = text.find(part);
  REQUIRE(at != std::string::npos);
  return text.erase(at, part.size());
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

std::string faults_of(const std::string& text) {
  const Result<Plan> plan = parse_plan(text, "plan.yaml");
  REQUIRE_FALSE(static_cast<bool>(plan));
  return to_string(plan.faults());
}

constexpr const char* kSample = R"(lockstep: 1
plan: sample
seed: 1
model: {name: tiny, num_hidden_layers: 2, hidden_size: 8, intermediate_size: 16, )"
                                R"(moe_intermediate_size: 8, n_routed_experts: 4, )"
                                R"(num_experts_per_tok: 2, routed_scaling_factor: 2.827, )"
                                R"(num_attention_heads: 4, v_head_dim: 4, vocab_size: 100}
world: 2
groups:
  - {role: tp, parts: [0-1]}
steps:
  - padding: sum_len
    cuda_graph: false
    requests:
      - {shard: 0, first_token: 0, tokens: 3}
      - {shard: 1, first_token: 3, tokens: 1}
rows:
  - name: own
    of:
      - {ranks: 0, runs: 0-2}
      - {ranks: 1, runs: 3}
  - name: all
    of:
      - {ranks: 0-1, runs: 0-3}
sizes:
  - {name: counts, sizes: [3, 1]}
tensors:
  - x
  - h
  - {name: gathered, buffer: global_dp_buffer}
  - y
terms:
  - {name: embedding, kind: embedding}
  - {name: L0.norm2, kind: norm, layer: 0, index: 1}
  - {name: L0.mlp.down, kind: dense, layer: 0, shares: 2}
reasons:
  - {rule: should_use_reduce_scatter, value: false, inputs: {padding: sum_len}, )"
                                R"(file: communicator.py, function: should_use_reduce_scatter, )"
                                R"(changes: [10414]}  # 0

program:
  # outside the layers
  - {op: embed, module: embedding, out: [{x: {rows: own, terms: [embedding]}}], )"
                                R"(produces: [{term: embedding}]}
  # layer 0
  - {op: norm, layer: 0, module: mlp, in: [{x: {rows: own, terms: [embedding]}}], )"
                                R"(out: [{h: {rows: own, terms: [L0.norm2]}}], )"
                                R"(produces: [{term: L0.norm2}]}
  - {op: all_gatherv, layer: 0, module: mlp, in: [h], )"
                                R"(out: [{gathered: {rows: all, terms: [L0.norm2]}}], )"
                                R"(group: tp, sizes: counts}
  - {op: dense, layer: 0, module: mlp, in: [{gathered: {rows: all, terms: [L0.norm2]}}], )"
                                R"(out: [{y: {rows: all, terms: [L0.mlp.down], )"
                                R"(partial_over: tp}}], )"
                                R"(produces: [{term: L0.mlp.down, units: 2, major: tp}]}
  - {op: all_reduce, name: "down_proj all_reduce", layer: 0, module: mlp, in: [y], )"
                                R"(out: [{y: {rows: all, terms: [L0.mlp.down]}}], )"
                                R"(group: tp, because: [0]}
  - {op: require, layer: 0, module: mlp, in: [{y: {rows: all, terms: [L0.mlp.down]}}], )"
                                R"(boundary: true}
)";

TEST_CASE("the sample plan prints as a person would write it") {
  CHECK(print(sample_plan()) == kSample);
}

TEST_CASE("print then parse is the identity on the sample plan") {
  const Plan plan = sample_plan();
  const Plan again = parsed(print(plan));
  CHECK(again == plan);
  CHECK(hash(again) == hash(plan));
}

TEST_CASE("print then parse is the identity on random plans, and so is their text") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    const Plan plan = random_plan(seed);
    REQUIRE(validate(plan) == std::vector<std::string>{});
    const std::string text = print(plan);
    const Plan again = parsed(text);
    REQUIRE(again == plan);
    REQUIRE(hash(again) == hash(plan));
    REQUIRE(print(again) == text);
  }
}

TEST_CASE("the JSON form reads back to the same plan, and carries its hash") {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    CAPTURE(seed);
    const Plan plan = random_plan(seed);
    const nlohmann::ordered_json json = plan_json(plan);
    REQUIRE(parsed(dump(json)) == plan);
    REQUIRE(json["schema"] == "lockstep.plan/1");
    REQUIRE(json["plan_hash"] == hex64(hash(plan)));
  }
}

TEST_CASE("a line of the program can be deleted, doubled and moved") {
  const Plan plan = sample_plan();
  const std::string text = print(plan);
  const std::size_t start = text.find("  - {op: all_reduce");
  const std::string line = text.substr(start, text.find('\n', start) + 1 - start);

  Plan deleted = plan;
  deleted.operations.erase(deleted.operations.begin() + 4);
  CHECK(parsed(without(text, line)) == deleted);

  Plan doubled = plan;
  doubled.operations.insert(doubled.operations.begin() + 4, plan.operations[4]);
  CHECK(parsed(replaced(text, line, line + line)) == doubled);

  Plan moved = plan;
  std::swap(moved.operations[4], moved.operations[5]);
  CHECK(parsed(without(text, line) + line) == moved);
}

TEST_CASE("a line of JSON is a line of a plan") {
  const std::string text =
      replaced(print(sample_plan()), "{op: all_reduce, name: \"down_proj all_reduce\", layer: 0,",
               R"({"op": "all_reduce", "name": "down_proj all_reduce", )"
               R"("layer": 0,)");
  CHECK(parsed(text) == sample_plan());
}

TEST_CASE("an unknown tensor is shown in its line, with the nearest one") {
  const std::string text = replaced(print(sample_plan()), "in: [{gathered:", "in: [{gatherd:");
  CHECK(faults_of(text) ==
        "plan.yaml:42:46: error: unknown tensor 'gatherd'\n"
        "    - {op: dense, layer: 0, module: mlp, in: [{gatherd: {rows: all, terms: [L0.norm2]}}], "
        "out: [{y: {rows: all, terms: [L0.mlp.down], partial_over: tp}}], produces: [{term: "
        "L0.mlp.down, units: 2, major: tp}]}\n"
        "                                               ^\n"
        "  hint: did you mean gathered?\n");
}

TEST_CASE("all faults of names are reported at once") {
  std::string text = replaced(print(sample_plan()), "op: norm", "op: normm");
  text = replaced(text, "group: tp, because", "group: attn, because");
  text = replaced(text, "boundary: true", "bondary: true");
  text = replaced(text, "because: [0]", "because: [1]");
  const Result<Plan> plan = parse_plan(text, "plan.yaml");
  REQUIRE_FALSE(static_cast<bool>(plan));
  REQUIRE(plan.faults().size() == 4);
  CHECK(plan.faults()[0].message == "unknown op 'normm'");
  CHECK(plan.faults()[0].hint == "did you mean norm?");
  CHECK(plan.faults()[1].message == "unknown group 'attn'");
  CHECK(plan.faults()[1].hint == "known: tp");
  CHECK(plan.faults()[2].message == "expected a whole number from 0 to 0, not '1'");
  CHECK(plan.faults()[3].message == "unknown key 'bondary'");
  CHECK(plan.faults()[3].hint == "did you mean boundary?");
}

TEST_CASE("a table with a rank left out, and one with a rank twice") {
  const std::string text = print(sample_plan());
  const Result<Plan> missing = parse_plan(without(text, "      - {ranks: 1, runs: 3}\n"), "p");
  REQUIRE_FALSE(static_cast<bool>(missing));
  CHECK(missing.faults()[0].message == "no entry of 'of' is for rank 1");
  const Result<Plan> twice =
      parse_plan(replaced(text, "{ranks: 1, runs: 3}", "{ranks: 0-1, runs: 3}"), "p");
  REQUIRE_FALSE(static_cast<bool>(twice));
  CHECK(twice.faults()[0].message == "rank 0 has two entries");
}

TEST_CASE("what validate finds is shown at the line of the operation") {
  const std::string text = without(print(sample_plan()), ", sizes: counts");
  const Result<Plan> plan = parse_plan(text, "plan.yaml");
  REQUIRE_FALSE(static_cast<bool>(plan));
  CHECK(plan.faults()[0].message == "all_gatherv needs sizes");
  CHECK(plan.faults()[0].place == Place{"plan.yaml", 41, 5});
}

TEST_CASE("a plan cut off at any byte is refused or whole, and never crashes") {
  const Plan whole = sample_plan();
  const std::string text = print(whole);
  std::size_t longest = 0;
  for (std::size_t length = 0; length < text.size(); ++length) {
    const Result<Plan> plan = parse_plan(text.substr(0, length), "plan.yaml");
    if (!plan) continue;
    const auto count = static_cast<std::ptrdiff_t>((*plan).operations.size());
    Plan start = whole;
    start.operations.erase(start.operations.begin() + count, start.operations.end());
    REQUIRE(*plan == start);
    longest = (*plan).operations.size();
  }
  CHECK(longest == whole.operations.size());
}

TEST_CASE("values of the wrong kind are refused with what was expected") {
  const std::string text = print(sample_plan());
  CHECK(faults_of(replaced(text, "world: 2", "world: 70000"))
            .find("expected a whole number from 1 to 65536, not '70000'") != std::string::npos);
  CHECK(faults_of(replaced(text, "seed: 1", "seed: -1"))
            .find("a seed is a whole number from 0 to 2^64 - 1") != std::string::npos);
  CHECK(faults_of(replaced(text, "lockstep: 1", "lockstep: 2"))
            .find("expected a whole number from 1 to 1, not '2'") != std::string::npos);
  CHECK(faults_of(replaced(text, "runs: 0-2", "runs: 2-0"))
            .find("expected tokens such as \"0-1023 7 pad*8\", not '2-0'") != std::string::npos);
  CHECK(faults_of(replaced(text, "parts: [0-1]", "parts: [0-9]"))
            .find("expected ranks below 2 such as \"0-3,6\", not '0-9'") != std::string::npos);
  CHECK(faults_of(replaced(text, "boundary: true", "boundary: yes"))
            .find("boundary is true or false, not 'yes'") != std::string::npos);
  CHECK(faults_of("[]").find("expected a map, not a list") != std::string::npos);
}

TEST_CASE("the example of docs/plan_format.md is the sample plan") {
  std::ifstream file("docs/plan_format.md");
  REQUIRE(file.good());
  const std::string doc((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const std::string start = "```yaml\n";
  const std::size_t first = doc.find(start) + start.size();
  CHECK(doc.substr(first, doc.find("```", first) - first) == print(sample_plan()));
}

TEST_CASE("placements stand in a table of their own") {
  const std::string plain = print(sample_plan());
  const std::string table =
      "placements:\n  - name: halves\n    of:\n      - {ranks: 0, shares: 0}\n"
      "      - {ranks: 1, shares: \"1,0-1\"}\n";
  std::string text = replaced(plain, "tensors:\n", table + "tensors:\n");
  text = replaced(text, "units: 2, major: tp}", "placement: halves}");
  const Plan plan = parsed(text);
  REQUIRE(plan.placements.size() == 1);
  CHECK(plan.placements[0].of.at(1) == std::vector<ShareRange>{{1, 2}, {0, 2}});
  CHECK(plan.operations[3].produces[0].placement == PlacementId{0});
  CHECK(print(plan) == text);
  CHECK(faults_of(replaced(text, "shares: 0}", "shares: x}"))
            .find("expected shares such as \"0-47,95\", not 'x'") != std::string::npos);
  CHECK(faults_of(replaced(text, "shares: 0}", "shares: 0-99999999999}"))
            .find("expected shares such as") != std::string::npos);
  CHECK(faults_of(replaced(text, "placement: halves}", "placement: halfs}"))
            .find("did you mean halves?") != std::string::npos);
  CHECK(parsed(replaced(text, "shares: 0}", "shares: \"\"}")).placements[0].of.at(0).empty());
}

TEST_CASE("a model says which layers are dense all the same") {
  const std::string text = replaced(print(sample_plan()), "vocab_size: 100}",
                                    "vocab_size: 100, mlp_only_layers: [0, 2]}");
  CHECK(parsed(text).model.mlp_only_layers == std::vector<int>{0, 2});
  CHECK(print(parsed(text)) == text);
  CHECK(faults_of(replaced(text, "[0, 2]", "[0, x]"))
            .find("expected a whole number from 0 to 2147483647, not 'x'") != std::string::npos);
}

TEST_CASE("rows and moves read back what they print") {
  CHECK(to_string(RowMap{{0, 1024}, {kPadding, 5}, {7, 1}}) == "0-1023 pad*5 7");
  CHECK(to_string(std::vector<Move>{{0, 37, 3}, {5, 0, 1}}) == "0-2>37 5>0");
  CHECK(to_string(RowMap{}) == "");
}

}  // namespace
}  // namespace lockstep::test

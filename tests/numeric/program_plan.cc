#include "tests/numeric/program_plan.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "sim/plan/parse.h"

namespace lockstep::test {
namespace {

constexpr std::string_view kText = R"(
lockstep: 1
plan: program
model: {{name: tiny, num_hidden_layers: 2, hidden_size: 8, num_attention_heads: 2, v_head_dim: 4, vocab_size: 64}}
world: {0}
groups:
  - {{role: tp, parts: [0-{1}]}}
steps:
  - {{requests: [{{shard: 0, first_token: 0, tokens: 4}}]}}
rows: [
  {{name: all, of: [{{ranks: 0-{1}, runs: 0-3}}]}},
  {{name: back, of: [{{ranks: 0-{1}, runs: "2-3 0-1"}}]}},
  {{name: padded, of: [{{ranks: 0-{1}, runs: "0-3 pad*2"}}]}},
  {{name: own, of: [{2}]}}{7}]
tensors: [{3}]
terms: [{4}]
{5}
program:
{6})";

std::string own_rows(int world) {
  std::string text;
  for (int rank = 0; rank < world; ++rank) {
    text += fmt::format("{}{{ranks: {}, runs: {}}}", rank > 0 ? ", " : "", rank,
                        rank % 2 == 0 ? "0-1" : "2-3");
  }
  return text;
}

}  // namespace

std::string is(const std::string& tensor, const std::string& terms, const std::string& more) {
  const bool has_rows = more.find("rows:") != std::string::npos;
  return fmt::format("{{{}: {{terms: [{}]{}{}{}}}}}", tensor, terms, has_rows ? "" : ", rows: all",
                     more.empty() ? "" : ", ", more);
}

std::string line(const std::string& op, const std::vector<std::string>& in,
                 const std::vector<std::string>& out, const std::string& more) {
  std::string text = fmt::format("  - {{op: {}, module: m", op);
  if (!in.empty()) text += fmt::format(", in: [{}]", fmt::join(in, ", "));
  if (!out.empty()) text += fmt::format(", out: [{}]", fmt::join(out, ", "));
  return text + (more.empty() ? "" : ", ") + more + "}";
}

Plan program(const ProgramText& text) {
  const std::string all =
      fmt::format(kText, text.world, text.world - 1, own_rows(text.world), text.tensors, text.terms,
                  text.more, fmt::join(text.lines, "\n"), text.rows);
  Result<Plan> plan = parse_plan(all, "program.yaml");
  if (!plan) FAIL(to_string(plan.faults()));
  return std::move(*plan);
}

numeric::ReplayResult replayed(const ProgramText& text) {
  return numeric::replay(program(text), {});
}

std::string verdict(const ProgramText& text) { return to_string(replayed(text).verdict); }

std::string input_x() { return line("compute", {}, {is("x", "x")}, "produces: [{term: x}]"); }

std::string partial_y() {
  return line("compute", {is("x", "x")}, {is("y", "y", "partial_over: tp")},
              "produces: [{term: y, units: 2, major: tp}]");
}

std::string require(const std::string& operand) { return line("require", {operand}, {}); }

}  // namespace lockstep::test

// At each older position of the rule timeline: every violation has an explanation, a pull request
// that alone makes it vanish.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/contract/check.h"
#include "sim/scenario/explain.h"
#include "sim/serving/sglang/rules.h"
#include "sim/serving/sglang/timeline.h"
#include "tests/enumeration/golden.h"
#include "tests/enumeration/points.h"

namespace lockstep::test {
namespace {

constexpr std::array<const char*, 10> kPresets{
    "kimi-k2.6",  "deepseek-v3",  "glm-4.5-air",        "gpt-oss-20b",   "llama-3.1-8b",
    "minimax-m2", "mixtral-8x7b", "qwen2-moe-57b-a14b", "qwen3-30b-a3b", "qwen3-32b"};

constexpr std::array<GridLayout, 13> kLayouts{{
    {8, 8, 8, 0, true, false, "none"},
    {8, 8, 1, 0, true, false, "none"},
    {4, 4, 4, 0, true, false, "none"},
    {4, 4, 4, 0, true, true, "none"},
    {4, 2, 4, 0, true, false, "none"},
    {4, 2, 2, 0, true, false, "none"},
    {8, 2, 4, 0, true, false, "none"},
    {4, 4, 4, 1, true, false, "none"},
    {4, 2, 4, 1, true, false, "none"},
    {4, 2, 4, 0, true, false, "deepep"},
    {4, 1, 1, 0, false, false, "none"},
    {4, 1, 4, 0, false, false, "none"},
    {4, 1, 2, 0, false, false, "none"},
}};

constexpr std::array<GridBatch, 3> kBatches{{
    {Mode::extend, Pad::sum_len, Pattern::some_idle},
    {Mode::eager_decode, Pad::max_len, Pattern::unbalanced},
    {Mode::mixed, Pad::automatic, Pattern::balanced},
}};

// Beside the rules: what changes how a step is padded.
constexpr std::array<int, 7> kPaddingChanges{10414, 20406, 23269, 26911, 30898, 31682, 36507};

// The pull requests, in merge order, at which some rule of some family changes.
std::vector<int> positions() {
  std::set<int> changing(kPaddingChanges.begin(), kPaddingChanges.end());
  const auto add = [&changing](const std::vector<Rule>& rules) {
    for (const Rule& rule : rules) {
      for (const RuleVersion& version : rule.history) changing.insert(version.pull_request);
    }
  };
  add(sglang::common_rules());
  for (const std::string& architecture : modelled_architectures()) {
    add(sglang::rules_of(*family_of(architecture), architecture));
  }
  const std::size_t first = *sglang::timeline_index(8280);
  std::vector<int> sorted;
  for (std::size_t i = first; i < sglang::timeline().size(); ++i) {
    const int pull_request = sglang::timeline()[i].pull_request;
    if (changing.contains(pull_request)) sorted.push_back(pull_request);
  }
  return sorted;
}

struct Tally {
  std::map<std::string, int> points;       // by verdict
  std::map<std::string, int> violations;   // by preset and code
  std::map<std::string, int> explained;    // by the first explanation
  std::map<std::string, int> unexplained;  // by preset, code, module, position
};

LoweringInput toggled(LoweringInput input, const Explanation& explanation) {
  auto& list = explanation.added ? input.serving.with : input.serving.without;
  list.push_back(explanation.pull_request);
  return input;
}

// Checks the violations of one plan against what is found with single pull requests toggled,
// without explain(): each toggled plan once.
class Judge {
 public:
  Judge(const LoweringInput& input, const contract::CheckResult& before, Tally& tally)
      : input_(input), before_(before), tally_(tally) {}

  void judge(const contract::Violation& violation, const std::vector<Explanation>& explained,
             const std::string& preset, int position) {
    const std::string code = contract::to_string(violation.code);
    ++tally_.violations[fmt::format("{} {}", preset, code)];
    if (explained.empty()) {
      ++tally_.unexplained[fmt::format("{} {} in {} after #{}", preset, code, violation.site.module,
                                       position)];
      return;
    }
    const Explanation& first = explained.front();
    ++tally_.explained[fmt::format("{} {} #{}", code, first.added ? "with" : "without",
                                   first.pull_request)];
    CAPTURE(first.pull_request);
    CAPTURE(violation.message);
    CHECK(vanishes(violation, first));
  }

 private:
  static std::ptrdiff_t stops(const contract::CheckResult& result) {
    return std::ranges::count_if(
        result.violations, [](const contract::Violation& v) { return !v.stopped_at.empty(); });
  }

  const contract::CheckResult* with(const Explanation& explanation) {
    const auto [known, is_new] = after_.try_emplace(explanation.pull_request);
    if (is_new) {
      const Result<Plan> plan = lower(toggled(input_, explanation));
      if (plan && plan->unknown.empty()) known->second = contract::check(*plan);
    }
    return known->second ? &*known->second : nullptr;
  }

  bool vanishes(const contract::Violation& violation, const Explanation& explanation) {
    const contract::CheckResult* after = with(explanation);
    if (after == nullptr || stops(*after) > stops(before_)) return false;
    return std::ranges::none_of(after->violations, [&](const contract::Violation& v) {
      return v.site == violation.site && v.terms == violation.terms && v.code == violation.code;
    });
  }

  const LoweringInput& input_;
  const contract::CheckResult& before_;
  Tally& tally_;
  std::map<int, std::optional<contract::CheckResult>> after_;
};

void visit(const LoweringInput& input, const std::string& preset, int position, Tally& tally) {
  const Result<Plan> plan = lower(input);
  if (!plan) {
    ++tally.points["refused"];
    return;
  }
  const contract::CheckResult result = contract::check(*plan);
  ++tally.points[contract::to_string(result.verdict)];
  if (result.violations.empty()) return;
  Scenario scenario;
  scenario.input = input;
  const auto explained = explain(scenario, *plan, result);
  REQUIRE(explained.size() == result.violations.size());
  Judge judge(input, result, tally);
  for (std::size_t i = 0; i < explained.size(); ++i) {
    judge.judge(result.violations[i], explained[i], preset, position);
  }
}

std::string text_of(const char* title, const std::map<std::string, int>& counts) {
  std::string text = fmt::format("{}\n", title);
  for (const auto& [what, count] : counts) text += fmt::format("  {:6} {}\n", count, what);
  return text;
}

TEST_CASE("at each older position every violation is explained by a pull request") {
  Tally tally;
  const std::vector<int> at = positions();
  REQUIRE(at.size() > 30);
  for (const char* preset : kPresets) {
    const Model model = preset_model(preset, 2);
    for (const int position : at) {
      for (const GridLayout& layout : kLayouts) {
        for (const GridBatch& batch : kBatches) {
          INFO(fmt::format("{} at {}", text_of(model, layout, batch), position));
          visit(input_of(model, layout, batch, std::to_string(position)), preset, position, tally);
        }
      }
    }
  }
  CHECK(tally.unexplained.empty());
  check_golden("positions.golden.txt", fmt::format("positions {}\n", at.size()) +
                                           text_of("points", tally.points) +
                                           text_of("violations", tally.violations) +
                                           text_of("first explanations", tally.explained) +
                                           text_of("without an explanation", tally.unexplained));
}

}  // namespace
}  // namespace lockstep::test

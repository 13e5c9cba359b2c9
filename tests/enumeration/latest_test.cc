// At the newest revision every deployment that the serving system accepts keeps its contract: all
// presets, all layouts up to 16 ranks, each with some of the batches.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "backend/numeric/replay.h"
#include "sim/base/random.h"
#include "sim/contract/check.h"
#include "sim/scenario/model_presets.h"
#include "tests/enumeration/golden.h"
#include "tests/enumeration/points.h"

namespace lockstep::test {
namespace {

// Layout number l of preset p has the batches s + i * kStride, modulo 64, s going through all of
// them: the stride is odd, so that modes, paddings and patterns all vary. Wide layouts have fewer.
constexpr std::size_t kStride = 27;
constexpr int kReplays = 300;
constexpr std::uint64_t kSeed = 20261004;  // the day of the timeline's last entry

struct Tally {
  int points = 0;
  int accepted = 0;
  int refused = 0;
  int unknown = 0;
  std::map<std::string, int> by_reason;
  std::map<std::string, int> by_fact;
  std::map<std::string, int> plans_of;  // distinct ones, by preset
  std::set<std::uint64_t> plans;
  std::vector<LoweringInput> inputs;  // of the distinct plans
};

void count_refusal(const Diagnostics& faults, Tally& tally) {
  ++tally.refused;
  const auto known = std::ranges::find(faults, false, &Diagnostic::unknown);
  const Diagnostic& first =
      *known;  // where nothing but unknown facts is in the way, it is no refusal
  ++tally.by_reason[first.path + ": " + without_numbers(first.message)];
}

// Lowers and checks one point; a plan that was checked before is not checked again.
void visit(const LoweringInput& input, const std::string& what, Tally& tally) {
  ++tally.points;
  const Result<Plan> plan = lower(input);
  if (!plan) return count_refusal(plan.faults(), tally);
  if (!plan->unknown.empty()) {
    ++tally.unknown;
    for (const std::string& fact : plan->unknown) ++tally.by_fact[fact];
    return;
  }
  ++tally.accepted;
  if (!tally.plans.insert(hash(*plan)).second) return;
  ++tally.plans_of[input.model.name];
  tally.inputs.push_back(input);
  const contract::CheckResult result = contract::check(*plan);
  INFO(what);
  INFO((result.violations.empty() ? std::string() : result.violations.front().message));
  CHECK(result.verdict == contract::Verdict::holds);
}

void visit_preset(const std::string& preset, std::size_t number, Tally& tally) {
  static const std::vector<GridLayout> layouts = all_layouts();
  static const std::vector<GridBatch> batches = all_batches();
  const Model model = preset_model(preset, 2);
  for (std::size_t l = 0; l < layouts.size(); ++l) {
    const std::size_t some = layouts[l].tp >= 16 ? 2 : 3;
    for (std::size_t i = 0; i < some; ++i) {
      const std::size_t b = (5 * l + 11 * number + i * kStride) % batches.size();
      visit(input_of(model, layouts[l], batches[b], "latest"),
            text_of(model, layouts[l], batches[b]), tally);
    }
  }
}

std::string text_of(const std::map<std::string, int>& counts) {
  std::string text;
  for (const auto& [what, count] : counts) text += fmt::format("  {:6} {}\n", count, what);
  return text;
}

std::string text_of(const Tally& tally) {
  return fmt::format("points {}\naccepted {}, {} distinct plans, each checked: all hold\n{}",
                     tally.points, tally.accepted, tally.plans.size(), text_of(tally.plans_of)) +
         fmt::format("refused {}\n{}unknown {}, by fact\n{}", tally.refused,
                     text_of(tally.by_reason), tally.unknown, text_of(tally.by_fact));
}

// The plan with real tensors, smaller: the layers have few tokens already.
void replay_one(const LoweringInput& input) {
  const Result<Plan> plan = lower(input);
  REQUIRE(static_cast<bool>(plan));
  const auto replayed = numeric::replay(numeric::at_reduced_dimensions(*plan), {});
  CHECK(replayed.verdict == numeric::ReplayVerdict::agrees);
}

TEST_CASE("at latest every accepted deployment of every preset holds, and a sample agrees") {
  Tally tally;
  const std::vector<std::string> presets = model_preset_names();
  for (std::size_t p = 0; p < presets.size(); ++p) visit_preset(presets[p], p, tally);
  check_golden("latest.golden.txt", text_of(tally));
  Random random(kSeed);
  for (int i = 0; i < kReplays; ++i) {
    const auto drawn =
        static_cast<std::size_t>(random.below(static_cast<std::int64_t>(tally.inputs.size())));
    CAPTURE(kSeed);
    CAPTURE(i);
    CAPTURE(tally.inputs[drawn].name);
    replay_one(tally.inputs[drawn]);
  }
}

TEST_CASE("at latest every preset holds at full depth") {
  int held = 0;
  for (const std::string& preset : model_preset_names()) {
    const Model model = preset_model(preset, 0);
    for (const bool attention : {true, false}) {
      const GridLayout layout{
          4, attention ? 4 : 1, model.n_routed_experts > 0 ? 4 : 1, 0, attention, false, "none"};
      const Result<Plan> plan = lower(
          input_of(model, layout, {Mode::extend, Pad::sum_len, Pattern::some_idle}, "latest"));
      CAPTURE(preset);
      REQUIRE(static_cast<bool>(plan));
      if (!plan->unknown.empty()) continue;
      CHECK(contract::check(*plan).verdict == contract::Verdict::holds);
      ++held;
    }
  }
  CHECK(held > 30);
}

}  // namespace
}  // namespace lockstep::test

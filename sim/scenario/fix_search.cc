#include "sim/scenario/fix_search.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "sim/base/text.h"
#include "sim/scenario/fix_candidates.h"

namespace lockstep {
namespace {

using contract::CheckResult;
using contract::Violation;

constexpr std::size_t kMostSettings = 3;

std::vector<Setting> settings_of(const std::vector<Fix>& parts) {
  std::vector<Setting> settings;
  for (const Fix& part : parts) {
    settings.insert(settings.end(), part.settings.begin(), part.settings.end());
  }
  return settings;
}

bool sets_the_same(const Fix& a, const Fix& b) {
  return std::ranges::any_of(a.settings, [&b](const Setting& setting) {
    return std::ranges::find(b.settings, setting.path, &Setting::path) != b.settings.end();
  });
}

std::vector<Fix> candidates(const Trial& at, const std::vector<Fix>& parts) {
  std::vector<Fix> all = undone_changes(at.scenario);
  for (RuleChange& change : rule_changes(at.plan, at.result)) {
    all.push_back(std::move(change.everywhere));
    std::ranges::move(change.narrow, std::back_inserter(all));
  }
  std::erase_if(all, [&parts](const Fix& fix) {
    return std::ranges::any_of(parts, [&](const Fix& part) { return sets_the_same(part, fix); });
  });
  return all;
}

// How much is still wrong: behind a stop nothing is judged, so that a stop is worse than anything.
std::tuple<std::ptrdiff_t, std::size_t> badness(const CheckResult& result) {
  const auto stops = std::ranges::count_if(
      result.violations, [](const Violation& v) { return !v.stopped_at.empty(); });
  return {stops, result.violations.size()};
}

struct Attempt {
  std::vector<Fix> parts;
  Trial trial;
};

// The candidate that leaves the least, if it leaves less than there is.
std::optional<Attempt> next_part(const Scenario& scenario, const Attempt& at) {
  std::optional<Attempt> best;
  auto least = badness(at.trial.result);
  for (Fix& candidate : candidates(at.trial, at.parts)) {
    std::vector<Fix> parts = at.parts;
    parts.push_back(std::move(candidate));
    std::optional<Trial> trial = try_settings(scenario, settings_of(parts));
    if (!trial) continue;
    const bool holds = trial->holds();
    const auto left = badness(trial->result);
    if (!holds && left >= least) continue;
    least = left;
    best = Attempt{std::move(parts), std::move(*trial)};
    if (holds) break;
  }
  return best;
}

// Takes away what can be spared.
std::vector<Fix> minimal(const Scenario& scenario, std::vector<Fix> parts) {
  for (std::size_t i = 0; i < parts.size() && parts.size() > 1;) {
    std::vector<Fix> fewer = parts;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    const std::optional<Trial> trial = try_settings(scenario, settings_of(fewer));
    if (trial && trial->holds()) {
      parts = std::move(fewer);
    } else {
      ++i;
    }
  }
  return parts;
}

Fix joined(const std::vector<Fix>& parts) {
  std::vector<std::string> sentences;
  for (const Fix& part : parts) sentences.push_back(part.description);
  return {parts.front().kind, join(sentences, "; and "), settings_of(parts)};
}

// Everything that the scenario changed, undone at once.
std::optional<Fix> undo_all(const Scenario& scenario) {
  std::vector<Fix> parts = undone_changes(scenario);
  if (parts.size() < 2) return std::nullopt;
  const std::optional<Trial> trial = try_settings(scenario, settings_of(parts));
  if (!trial || !trial->holds()) return std::nullopt;
  parts = minimal(scenario, std::move(parts));
  if (parts.size() > kMostSettings) return std::nullopt;
  return joined(parts);
}

}  // namespace

std::optional<Trial> try_settings(const Scenario& scenario, const std::vector<Setting>& settings) {
  Result<Scenario> changed = with_settings(scenario, settings);
  if (!changed) return std::nullopt;
  Result<Plan> plan = lower(changed->input);
  if (!plan) return std::nullopt;
  CheckResult result = contract::check(*plan);
  if (result.verdict == contract::Verdict::unknown) return std::nullopt;
  return Trial{std::move(*changed), std::move(*plan), std::move(result)};
}

std::optional<Fix> find_composite(const Scenario& scenario, const Plan& plan,
                                  const CheckResult& result) {
  Attempt at{{}, {scenario, plan, result}};
  while (at.parts.size() < kMostSettings) {
    std::optional<Attempt> next = next_part(scenario, at);
    if (!next) break;
    at = std::move(*next);
    if (at.trial.holds()) return joined(minimal(scenario, std::move(at.parts)));
  }
  return undo_all(scenario);
}

}  // namespace lockstep

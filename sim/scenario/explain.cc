#include "sim/scenario/explain.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "sim/serving/sglang/timeline.h"

namespace lockstep {
namespace {

using contract::CheckResult;
using contract::Violation;

// The input with the part of one pull request in its revision turned over.
LoweringInput toggled(LoweringInput input, int pull_request, bool add) {
  std::vector<int>& undo = add ? input.serving.without : input.serving.with;
  std::vector<int>& list = add ? input.serving.with : input.serving.without;
  if (std::erase(undo, pull_request) == 0) list.push_back(pull_request);
  return input;
}

bool shares_a_term(const Violation& a, const Violation& b) {
  if (a.terms.empty() || b.terms.empty()) return true;
  return std::ranges::any_of(a.terms, [&b](const std::string& term) {
    return std::ranges::find(b.terms, term) != b.terms.end();
  });
}

bool stops(const Violation& v) { return !v.stopped_at.empty(); }

bool vanished(const Violation& violation, const CheckResult& before, const CheckResult& after) {
  if (after.verdict == contract::Verdict::unknown) return false;
  return std::ranges::none_of(after.violations, [&](const Violation& left) {
    if (left.site == violation.site && shares_a_term(left, violation)) return true;
    // Behind a stop nothing is judged: that a violation is not found there says nothing.
    return stops(left) && std::ranges::none_of(before.violations, [&left](const Violation& v) {
             return stops(v) && v.site == left.site;
           });
  });
}

// Checks plans, each once.
class Toggles {
 public:
  Toggles(const LoweringInput& input, const Plan& plan) : input_(input), base_(hash(plan)) {}

  // What is found with the pull request toggled; nullptr where that is refused or changes nothing.
  const CheckResult* check(int pull_request, bool add) {
    const Result<Plan> plan = lower(toggled(input_, pull_request, add));
    if (!plan) return nullptr;
    const std::uint64_t key = hash(*plan);
    if (key == base_) return nullptr;
    const auto known = found_.find(key);
    if (known != found_.end()) return &known->second;
    return &found_.emplace(key, contract::check(*plan)).first->second;
  }

 private:
  const LoweringInput& input_;
  std::uint64_t base_;
  std::map<std::uint64_t, CheckResult> found_;
};

// The nearest to `entry` of the timeline first.
std::vector<int> by_distance(const std::set<int>& changes, std::size_t entry) {
  std::vector<int> sorted(changes.begin(), changes.end());
  const auto distance = [entry](int pull_request) {
    const std::size_t index = *sglang::timeline_index(pull_request);
    return std::pair(index > entry ? index - entry : entry - index, index);
  };
  std::ranges::sort(sorted, {}, distance);
  return sorted;
}

}  // namespace

std::vector<std::vector<Explanation>> explain(const Scenario& scenario, const Plan& plan,
                                              const CheckResult& result) {
  std::vector<std::vector<Explanation>> explained(result.violations.size());
  if (explained.empty() || plan.origin.system != "sglang") return explained;
  const Result<sglang::Revision> revision = sglang::revision_of(scenario.input.serving);
  std::set<int> asked;
  if (!revision || !lower(scenario.input, asked)) return explained;
  Toggles toggles(scenario.input, plan);
  for (const int pull_request : by_distance(asked, revision->entry)) {
    const bool add = !revision->includes(pull_request);
    const CheckResult* after = toggles.check(pull_request, add);
    if (after == nullptr) continue;
    const bool holds = after->verdict == contract::Verdict::holds;
    for (std::size_t i = 0; i < explained.size(); ++i) {
      if (!vanished(result.violations[i], result, *after)) continue;
      explained[i].push_back({pull_request, add, holds});
    }
  }
  for (std::vector<Explanation>& list : explained) {
    std::ranges::stable_sort(list, {},
                             [](const Explanation& e) { return std::tuple(!e.holds, !e.added); });
  }
  return explained;
}

}  // namespace lockstep

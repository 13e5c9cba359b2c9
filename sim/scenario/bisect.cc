#include "sim/scenario/bisect.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "sim/serving/sglang/timeline.h"

namespace lockstep {
namespace {

using sglang::Revision;
using sglang::TimelineEntry;

Result<Revision> end_of_range(const std::string& asked, const char* path) {
  Result<Revision> revision = sglang::resolve_revision(asked);
  if (revision) return revision;
  Diagnostics faults = revision.faults();
  for (Diagnostic& fault : faults) fault.path = path;
  return faults;
}

// What the toggles of the scenario come to at one entry: those that turn something over there.
std::vector<int> effective(const std::vector<int>& toggles, const Revision& at, bool merged) {
  std::vector<int> list;
  for (const int pull_request : toggles) {
    if (at.merged_by_then(pull_request) == merged) list.push_back(pull_request);
  }
  return list;
}

// Numbers that are not in the timeline are faults at every entry.
Diagnostics faults_of_toggles(const ServingSpec& serving) {
  ServingSpec unknown;
  const auto is_unknown = [](int number) { return !sglang::timeline_index(number); };
  std::ranges::copy_if(serving.with, std::back_inserter(unknown.with), is_unknown);
  std::ranges::copy_if(serving.without, std::back_inserter(unknown.without), is_unknown);
  const Result<Revision> refused = sglang::revision_of(unknown);
  return refused ? Diagnostics{} : refused.faults();
}

std::vector<std::string> toggle_notes(const ServingSpec& serving) {
  std::vector<std::string> notes;
  for (const int number : serving.with) {
    notes.push_back(fmt::format("with #{}: it counts where it is not merged yet", number));
  }
  for (const int number : serving.without) {
    notes.push_back(fmt::format("without #{}: it is taken out where it is merged", number));
  }
  return notes;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

class Bisector {
 public:
  explicit Bisector(const Scenario& scenario) : input_(scenario.input), asked_(input_.serving) {}

  BisectPosition at(const Revision& revision) {
    const TimelineEntry& entry = sglang::timeline()[revision.entry];
    BisectPosition position;
    position.position = entry.position;
    position.pull_request = entry.pull_request;
    position.merged = entry.merged();
    position.change = entry.change;
    input_.serving.revision = fmt::format("{}", entry.pull_request);
    input_.serving.with = effective(asked_.with, revision, false);
    input_.serving.without = effective(asked_.without, revision, true);
    const Result<Plan> plan = lower(input_);
    if (!plan) {
      position.verdict = "refused";
      position.why = first_line(plan.faults().front().message);
      return position;
    }
    position.plan_hash = hash(*plan);
    const auto [known, is_new] = known_.emplace(position.plan_hash, results_.size());
    if (is_new) results_.push_back(contract::check(*plan));
    position.result = known->second;
    const contract::CheckResult& result = results_[position.result];
    position.verdict = to_string(result.verdict);
    if (!result.unknown.empty()) position.why = first_line(result.unknown.front());
    return position;
  }

  std::vector<contract::CheckResult> take_results() { return std::move(results_); }

 private:
  LoweringInput input_;
  ServingSpec asked_;
  std::vector<contract::CheckResult> results_;
  std::map<std::uint64_t, std::size_t> known_;  // plan hash -> index of results_
};

bool same_violation(const contract::Violation& a, const contract::Violation& b) {
  return a.code == b.code && a.site == b.site && a.factor == b.factor && a.terms == b.terms;
}

bool same_finding(const Bisection& b, std::size_t left, std::size_t right) {
  if (b.positions[left].result == b.positions[right].result) return true;
  return b.positions[left].verdict == b.positions[right].verdict &&
         std::ranges::equal(b.violations(left), b.violations(right), same_violation);
}

std::vector<BisectChange> changes_of(const Bisection& bisection) {
  std::vector<BisectChange> changes;
  std::optional<std::size_t> last;
  for (std::size_t i = 0; i < bisection.positions.size(); ++i) {
    if (!bisection.positions[i].decided()) continue;
    if (last && !same_finding(bisection, *last, i)) changes.push_back({*last, i});
    last = i;
  }
  return changes;
}

}  // namespace

const std::vector<contract::Violation>& Bisection::violations(std::size_t position) const {
  static const std::vector<contract::Violation> none;
  const BisectPosition& at = positions[position];
  return at.verdict == "refused" ? none : results[at.result].violations;
}

std::optional<BisectChange> Bisection::first_change_of_verdict() const {
  for (const BisectChange& change : changes) {
    if (positions[change.before].verdict != positions[change.after].verdict) return change;
  }
  return std::nullopt;
}

Result<Bisection> bisect(const Scenario& scenario, const std::string& from, const std::string& to,
                         const BisectProgress& progress) {
  if (scenario.input.serving.system != "sglang") {
    return path_fault(
        "serving.system",
        fmt::format("the system `{}` has no revisions", scenario.input.serving.system),
        "bisect needs a scenario of the system sglang");
  }
  const Result<Revision> first = end_of_range(from, "from");
  if (!first) return first.faults();
  const Result<Revision> last = end_of_range(to, "to");
  if (!last) return last.faults();
  if (first->entry > last->entry) {
    return path_fault("from",
                      fmt::format("{} (#{}) is later in the timeline than {} (#{})", from,
                                  first->pull_request(), to, last->pull_request()),
                      "turn the two around");
  }
  const Diagnostics toggles = faults_of_toggles(scenario.input.serving);
  if (!toggles.empty()) return toggles;
  Bisection result;
  result.scenario = scenario.name;
  result.notes = toggle_notes(scenario.input.serving);
  for (const std::vector<std::string>* notes : {&first->notes, &last->notes}) {
    result.notes.insert(result.notes.end(), notes->begin(), notes->end());
  }
  Bisector bisector(scenario);
  const std::size_t count = last->entry - first->entry + 1;
  for (std::size_t i = 0; i < count; ++i) {
    if (progress) progress(i, count);
    Revision at;
    at.entry = first->entry + i;
    result.positions.push_back(bisector.at(at));
  }
  result.results = bisector.take_results();
  result.changes = changes_of(result);
  return result;
}

}  // namespace lockstep

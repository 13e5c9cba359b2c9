#include "sim/scenario/expect.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/base/rank_set.h"

namespace lockstep {
namespace {

using contract::Violation;

std::string factor_of(const Violation& violation) {
  return violation.factor ? to_string(*violation.factor) : "none";
}

// "double-reduction in layer 0, mlp, by reduce_scatterv over tp, factor 8"
std::string described(const Violation& v) {
  std::string text = to_string(v.code);
  text += v.site.layer < 0 ? std::string(", ") : fmt::format(" in layer {}, ", v.site.layer);
  text += fmt::format("{}, by {}", v.site.module, v.operation.name);
  if (!v.group.empty()) text += " over " + v.group;
  return text + ", factor " + factor_of(v);
}

class Comparison {
 public:
  Comparison(std::string subject, std::vector<std::string>& differences)
      : subject_(std::move(subject)), differences_(differences) {}

  template <class Expected, class Found>
  void field(std::string_view name, const std::optional<Expected>& expected, const Found& found) {
    if (expected && !(*expected == found)) add(name, *expected, found);
  }
  template <class Expected, class Found>
  void add(std::string_view name, const Expected& expected, const Found& found) {
    differences_.push_back(
        fmt::format("{}{}: expected {}, found {}", subject_, name, expected, found));
  }

 private:
  std::string subject_;
  std::vector<std::string>& differences_;
};

void compare(const ExpectedViolation& expected, const Violation& found, const std::string& subject,
             std::vector<std::string>& differences) {
  Comparison comparison(subject + " ", differences);
  comparison.field("code", expected.code, to_string(found.code));
  comparison.field("step", expected.step, found.site.step);
  comparison.field("layer", expected.layer, found.site.layer);
  comparison.field("module", expected.module, found.site.module);
  comparison.field("group", expected.group, found.group);
  comparison.field("factor", expected.factor, factor_of(found));
  const bool by_kind = expected.operation && *expected.operation == found.operation.kind;
  if (!by_kind) comparison.field("operation", expected.operation, found.operation.name);
}

// `index`: of the violation that is compared.
void compare_explanation(const ExpectedViolation& expected, std::size_t index,
                         const std::vector<std::vector<Explanation>>& explained,
                         const std::string& subject, std::vector<std::string>& differences) {
  if (!expected.explained_by) return;
  std::vector<std::string> found;
  if (index < explained.size()) {
    for (const Explanation& e : explained[index]) {
      if (e.pull_request == *expected.explained_by) return;
      found.push_back(fmt::format("#{}", e.pull_request));
    }
  }
  differences.push_back(
      fmt::format("{} explained_by: expected #{}, found {}", subject, *expected.explained_by,
                  found.empty() ? "none" : fmt::format("{}", fmt::join(found, ", "))));
}

// "0-60"; layer -1 is what lies outside the layers.
std::string layers_text(std::vector<int> layers) {
  const bool outside = std::erase(layers, -1) > 0;
  std::string text = std::ranges::is_sorted(layers) ? to_string(RankSet::of(layers))
                                                    : fmt::format("[{}]", fmt::join(layers, ", "));
  if (outside) text += text.empty() ? "outside the layers" : " and outside the layers";
  return text.empty() ? "none" : text;
}

std::vector<int> layers_of(const std::vector<Violation>& violations) {
  std::vector<int> layers;
  for (const Violation& violation : violations) {
    const int layer = violation.site.layer;
    if (std::ranges::find(layers, layer) == layers.end()) layers.push_back(layer);
  }
  return layers;
}

void compare_all(const std::vector<ExpectedViolation>& expected,
                 const std::vector<Violation>& found,
                 const std::vector<std::vector<Explanation>>& explained,
                 std::vector<std::string>& differences) {
  const std::size_t both = std::min(expected.size(), found.size());
  for (std::size_t i = 0; i < both; ++i) {
    const std::string subject = fmt::format("violation {}:", i + 1);
    compare(expected[i], found[i], subject, differences);
    compare_explanation(expected[i], i, explained, subject, differences);
  }
  if (expected.size() != found.size()) {
    differences.push_back(
        fmt::format("violations: expected {}, found {}", expected.size(), found.size()));
  }
  for (std::size_t i = both; i < found.size(); ++i) {
    differences.push_back("not expected: " + described(found[i]));
  }
}

std::string verdict_found(const contract::CheckResult& result, const Plan& plan) {
  std::string text = to_string(result.verdict);
  if (!result.violations.empty()) text += ": " + described(result.violations.front());
  if (!result.unknown.empty()) text += ": " + result.unknown.front();
  if (!plan.origin.resolved_after.empty()) {
    text += fmt::format(" (rules as of {})", plan.origin.resolved_after);
  }
  return text;
}

}  // namespace

std::vector<std::string> differences(const Expect& expect, const contract::CheckResult& result,
                                     const Plan& plan,
                                     const std::vector<std::vector<Explanation>>& explained) {
  std::vector<std::string> found;
  Comparison whole("", found);
  const bool other_verdict = expect.verdict && *expect.verdict != to_string(result.verdict);
  if (other_verdict) whole.add("verdict", *expect.verdict, verdict_found(result, plan));
  whole.field("count", expect.count, static_cast<int>(result.violations.size()));
  if (expect.layers && *expect.layers != layers_of(result.violations)) {
    whole.add("layers", layers_text(*expect.layers), layers_text(layers_of(result.violations)));
  }
  if (expect.first && result.violations.empty()) {
    found.emplace_back("first violation: expected one, found none");
  } else if (expect.first) {
    compare(*expect.first, result.violations.front(), "first violation:", found);
    compare_explanation(*expect.first, 0, explained, "first violation:", found);
  }
  if (expect.all) compare_all(*expect.all, result.violations, explained, found);
  return found;
}

bool asks_for_explanation(const Expect& expect) {
  const auto asks = [](const ExpectedViolation& v) { return v.explained_by.has_value(); };
  return (expect.first && asks(*expect.first)) ||
         (expect.all && std::ranges::any_of(*expect.all, asks));
}

}  // namespace lockstep

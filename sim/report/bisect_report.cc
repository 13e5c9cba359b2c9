#include "sim/report/bisect_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "sim/base/hash.h"
#include "sim/base/rank_set.h"

namespace lockstep {
namespace {

using Json = nlohmann::ordered_json;
using contract::Violation;

RankSet layers_of(const std::vector<Violation>& violations) {
  std::vector<int> layers;
  for (const Violation& v : violations) {
    if (v.site.layer >= 0) layers.push_back(v.site.layer);
  }
  return RankSet::of(layers);
}

std::string factor_text(const Violation& v) {
  return v.factor ? fmt::format(" x{}", to_string(*v.factor)) : std::string();
}

bool is_within(const RankSet& inner, const RankSet& outer) {
  return std::ranges::all_of(inner.to_vector(), [&outer](int i) { return outer.contains(i); });
}

// "layers narrow from 0-60 to 0".
std::string layers_text(const RankSet& before, const RankSet& after) {
  if (after.empty()) return "outside the layers";
  if (before.empty() || before == after) return "layers " + to_string(after);
  const char* how = is_within(after, before) ? "narrow" : "change";
  if (is_within(before, after)) how = "widen";
  return fmt::format("layers {} from {} to {}", how, to_string(before), to_string(after));
}

// "double-reduction x8, layers 0-60, the first in layer 0, mlp".
std::string finding_text(const std::vector<Violation>& before,
                         const std::vector<Violation>& violations) {
  if (violations.empty()) return {};
  const Violation& first = violations.front();
  std::string text = ": " + to_string(first.code) + factor_text(first) + ", " +
                     layers_text(layers_of(before), layers_of(violations)) + ", the first in ";
  if (first.site.step > 0) text += fmt::format("step {}, ", first.site.step);
  if (first.site.layer >= 0) text += fmt::format("layer {}, ", first.site.layer);
  return text + first.site.module;
}

std::string verdict_text(const std::string& verdict, const Style& style) {
  const std::string padded = fmt::format("{:<10}", verdict);
  return verdict == "holds" ? style.good(padded) : style.bad(padded);
}

std::string from_line(const Bisection& b, std::size_t index, const std::vector<Violation>& before,
                      const Style& style) {
  const BisectPosition& p = b.positions[index];
  return fmt::format("  {}from #{} (position {}, {}; {}){}\n", verdict_text(p.verdict, style),
                     p.pull_request, p.position, p.merged, p.change,
                     finding_text(before, b.violations(index)));
}

// "#8280 to #9973, #41195": runs of positions.
std::string runs_text(const Bisection& b, const std::vector<std::size_t>& indices) {
  std::string text;
  for (std::size_t i = 0; i < indices.size();) {
    std::size_t end = i;
    while (end + 1 < indices.size() && indices[end + 1] == indices[end] + 1) ++end;
    text += fmt::format("{}#{}", text.empty() ? "" : ", ", b.positions[indices[i]].pull_request);
    if (end > i) text += fmt::format(" to #{}", b.positions[indices[end]].pull_request);
    i = end + 1;
  }
  return text;
}

std::string undecided_lines(const Bisection& b, const Style& style) {
  struct Group {
    std::string verdict;
    std::string why;
    std::vector<std::size_t> indices;
  };
  std::vector<Group> groups;
  for (std::size_t i = 0; i < b.positions.size(); ++i) {
    const BisectPosition& p = b.positions[i];
    if (p.decided()) continue;
    const auto same = std::ranges::find_if(
        groups, [&p](const Group& g) { return g.verdict == p.verdict && g.why == p.why; });
    if (same == groups.end()) {
      groups.push_back({p.verdict, p.why, {i}});
    } else {
      same->indices.push_back(i);
    }
  }
  std::string text;
  for (const Group& g : groups) {
    text += fmt::format("  {}at {}: {}\n", verdict_text(g.verdict, style), runs_text(b, g.indices),
                        g.why);
  }
  return text;
}

std::string conclusion(const Bisection& b, const Style& style) {
  if (const auto first = b.first_change_of_verdict()) {
    const BisectPosition& after = b.positions[first->after];
    std::string text =
        style.strong(fmt::format("first change of the verdict: #{}", after.pull_request));
    text += fmt::format(", from {} to {}", b.positions[first->before].verdict, after.verdict);
    if (first->after > first->before + 1) {
      text += fmt::format("; nothing is decided between #{} and it",
                          b.positions[first->before].pull_request);
    }
    return text + "\n";
  }
  const bool any = std::ranges::any_of(b.positions, &BisectPosition::decided);
  return any ? "the verdict is the same wherever it is decided\n"
             : "the verdict is decided nowhere in this range\n";
}

Json first_json(const std::vector<Violation>& violations) {
  if (violations.empty()) return nullptr;
  const Violation& v = violations.front();
  return {{"code", to_string(v.code)},
          {"layer", v.site.layer >= 0 ? Json(v.site.layer) : Json()},
          {"module", v.site.module},
          {"factor", v.factor ? Json(to_string(*v.factor)) : Json()}};
}

Json changes_json(const Bisection& b) {
  Json list = Json::array();
  for (const BisectChange& change : b.changes) {
    const BisectPosition& after = b.positions[change.after];
    list.push_back({{"position", after.position},
                    {"pull_request", after.pull_request},
                    {"merged", after.merged},
                    {"verdict_before", b.positions[change.before].verdict},
                    {"verdict_after", after.verdict},
                    {"layers_before", to_string(layers_of(b.violations(change.before)))},
                    {"layers_after", to_string(layers_of(b.violations(change.after)))},
                    {"first", first_json(b.violations(change.after))}});
  }
  return list;
}

Json positions_json(const Bisection& b) {
  Json list = Json::array();
  for (const BisectPosition& p : b.positions) {
    const bool refused = p.verdict == "refused";
    list.push_back({{"position", p.position},
                    {"pull_request", p.pull_request},
                    {"merged", p.merged},
                    {"verdict", p.verdict},
                    {"plan_hash", refused ? Json() : Json(hex64(p.plan_hash))},
                    {"why", p.why.empty() ? Json() : Json(p.why)}});
  }
  return list;
}

}  // namespace

std::string bisect_text(const Bisection& b, const Style& style, bool all) {
  const BisectPosition& from = b.positions.front();
  const BisectPosition& to = b.positions.back();
  std::string text =
      fmt::format("{}, from #{} to #{}: {} positions, {} different plans\n", b.scenario,
                  from.pull_request, to.pull_request, b.positions.size(), b.results.size());
  for (const std::string& note : b.notes) text += "  note: " + note + "\n";
  const auto start = std::ranges::find_if(b.positions, &BisectPosition::decided);
  const auto first = static_cast<std::size_t>(start - b.positions.begin());
  if (all) {
    for (std::size_t i = 0; i < b.positions.size(); ++i) text += from_line(b, i, {}, style);
  } else if (start != b.positions.end()) {
    text += from_line(b, first, {}, style);
    for (const BisectChange& change : b.changes) {
      text += from_line(b, change.after, b.violations(change.before), style);
    }
  }
  return text + undecided_lines(b, style) + conclusion(b, style);
}

Json bisect_json(const Bisection& b, double wall_ms) {
  const auto first = b.first_change_of_verdict();
  return {{"schema", "lockstep.bisect/1"},
          {"scenario", b.scenario},
          {"from", b.positions.front().pull_request},
          {"to", b.positions.back().pull_request},
          {"first_change", first ? Json(b.positions[first->after].pull_request) : Json()},
          {"changes", changes_json(b)},
          {"positions", positions_json(b)},
          {"notes", b.notes},
          {"measured", {{"wall_ms", wall_ms}}}};
}

}  // namespace lockstep

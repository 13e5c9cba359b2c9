#include "sim/report/run_against.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <tuple>

#include "sim/report/run_tables.h"

namespace lockstep {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kShownOperations = 10;

// Step, layer, module, kind, name, and which of those that have all this in common.
using Key = std::tuple<int, int, std::string, OpKind, std::string, int>;

const Operation& operation_of(const RunOfPlan& run, int operation) {
  return run.plan.operations[static_cast<std::size_t>(operation)];
}

std::string name_of(const Operation& op) { return op.name.empty() ? to_string(op.kind) : op.name; }

struct Timed {
  Key key;
  int operation = -1;
  double us = 0;
};

std::vector<Timed> timed_operations(const RunOfPlan& run) {
  std::vector<Timed> all;
  std::map<Key, int> seen;
  const auto ranks = static_cast<double>(run.plan.world);
  for (const OperationTime& time : run.breakdown.operations) {
    const Operation& op = operation_of(run, time.operation);
    Key key{op.site.step, op.site.layer, op.site.module, op.kind, name_of(op), 0};
    const int before = seen[key]++;
    std::get<5>(key) = before;
    all.push_back({key, time.operation, in_microseconds(time.sum + time.wait_sum) / ranks});
  }
  return all;
}

// The sums of matched operations by kind and name, the largest difference first.
struct KindRow {
  std::string name;
  double here_us = 0;
  double there_us = 0;
  double difference_us() const { return here_us - there_us; }
};

std::vector<KindRow> by_kind(const RunOfPlan& here, const RunOfPlan& there,
                             const std::vector<MatchedOperation>& matched) {
  std::vector<KindRow> rows;
  for (const MatchedOperation& m : matched) {
    const std::string name =
        kind_name(m.here >= 0 ? operation_of(here, m.here) : operation_of(there, m.there));
    auto row = std::ranges::find(rows, name, &KindRow::name);
    if (row == rows.end()) row = rows.insert(rows.end(), {name});
    row->here_us += m.here_us;
    row->there_us += m.there_us;
  }
  std::ranges::stable_sort(rows, [](const KindRow& a, const KindRow& b) {
    return std::abs(a.difference_us()) > std::abs(b.difference_us());
  });
  return rows;
}

std::string headline(const RunOfPlan& here, const RunOfPlan& there, const Style& style) {
  const double a = in_microseconds(here.breakdown.makespan);
  const double b = in_microseconds(there.breakdown.makespan);
  const double difference = a - b;
  const std::string verdict =
      difference == 0 ? "both take the same time"
                      : fmt::format("{} takes {:.1f} us {} ({:.1f} %)", here.scenario,
                                    std::abs(difference), difference > 0 ? "longer" : "less",
                                    b > 0 ? 100 * std::abs(difference) / b : 0.0);
  return style.strong(fmt::format("\nagainst {}\n", there.scenario)) +
         fmt::format("  makespan {:.1f} us, there {:.1f} us: {}\n", a, b, verdict);
}

std::string only_text(const std::string& title, const RunOfPlan& run, const Style& style,
                      const std::vector<std::pair<int, double>>& only, bool all) {
  if (only.empty()) return "";
  std::string text = style.strong("\n" + title + "\n");
  const std::size_t shown = all ? only.size() : std::min(kShownOperations, only.size());
  for (std::size_t i = 0; i < shown; ++i) {
    text += fmt::format("  {:>10.1f} us  {}\n", only[i].second,
                        operation_place(run.plan, only[i].first));
  }
  if (shown < only.size()) {
    double rest = 0;
    for (std::size_t i = shown; i < only.size(); ++i) rest += only[i].second;
    text += fmt::format("  {:>10.1f} us  in {} more (--all)\n", rest, only.size() - shown);
  }
  return text;
}

}  // namespace

std::vector<MatchedOperation> match_operations(const RunOfPlan& here, const RunOfPlan& there) {
  std::map<Key, Timed> others;
  const std::vector<Timed> in_there = timed_operations(there);
  for (const Timed& timed : in_there) others.emplace(timed.key, timed);
  std::vector<MatchedOperation> matched;
  for (const Timed& timed : timed_operations(here)) {
    MatchedOperation m{timed.operation, -1, timed.us, 0};
    const auto other = others.find(timed.key);
    if (other != others.end()) {
      m.there = other->second.operation;
      m.there_us = other->second.us;
      others.erase(other);
    }
    matched.push_back(m);
  }
  for (const Timed& timed : in_there) {
    if (others.contains(timed.key)) matched.push_back({-1, timed.operation, 0, timed.us});
  }
  return matched;
}

std::string against_text(const RunOfPlan& here, const RunOfPlan& there, const Style& style,
                         bool all) {
  const std::vector<MatchedOperation> matched = match_operations(here, there);
  std::string text = headline(here, there, style);
  text += style.strong(fmt::format("\n{:<44}{:>12}{:>12}{:>12}\n", "by operation, us a rank",
                                   "here", "there", "difference"));
  std::size_t shown = 0;
  for (const KindRow& row : by_kind(here, there, matched)) {
    if (!all && (shown == kShownOperations || row.difference_us() == 0)) break;
    text += fmt::format("  {:<42}{:>12.1f}{:>12.1f}{:>+12.1f}\n", row.name, row.here_us,
                        row.there_us, row.difference_us());
    ++shown;
  }
  std::vector<std::pair<int, double>> only_here;
  std::vector<std::pair<int, double>> only_there;
  for (const MatchedOperation& m : matched) {
    if (m.there < 0) only_here.emplace_back(m.here, m.here_us);
    if (m.here < 0) only_there.emplace_back(m.there, m.there_us);
  }
  return text + only_text("only here", here, style, only_here, all) +
         only_text("only there", there, style, only_there, all);
}

Json against_json(const RunOfPlan& here, const RunOfPlan& there) {
  const std::vector<MatchedOperation> matched = match_operations(here, there);
  const double makespan = in_microseconds(there.breakdown.makespan);
  Json json{{"scenario", there.scenario},
            {"makespan_us", makespan},
            {"difference_us", in_microseconds(here.breakdown.makespan - there.breakdown.makespan)}};
  Json& kinds = json["by_operation"] = Json::array();
  for (const KindRow& row : by_kind(here, there, matched)) {
    kinds.push_back({{"name", row.name},
                     {"here_us", row.here_us},
                     {"there_us", row.there_us},
                     {"difference_us", row.difference_us()}});
  }
  Json& operations = json["operations"] = Json::array();
  for (const MatchedOperation& m : matched) {
    if (m.here >= 0 && m.there >= 0 && m.difference_us() == 0) continue;
    const Operation& op = m.here >= 0 ? operation_of(here, m.here) : operation_of(there, m.there);
    operations.push_back({{"name", name_of(op)},
                          {"kind", to_string(op.kind)},
                          {"step", op.site.step},
                          {"layer", op.site.layer >= 0 ? Json(op.site.layer) : Json()},
                          {"module", op.site.module},
                          {"here_us", m.here >= 0 ? Json(m.here_us) : Json()},
                          {"there_us", m.there >= 0 ? Json(m.there_us) : Json()}});
  }
  return json;
}

}  // namespace lockstep

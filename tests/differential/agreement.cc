#include "tests/differential/agreement.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace lockstep::test {
namespace {

using Place = std::pair<int, int>;  // operation, operand

std::string at(const Plan& plan, Place place) {
  const Operation& op = plan.operations[static_cast<std::size_t>(place.first)];
  return fmt::format("operation {} ({}, layer {}, {}) operand {}", place.first, to_string(op.kind),
                     op.site.layer, op.site.module, place.second);
}

}  // namespace

std::string disagreement(const Plan& plan, const contract::CheckResult& checked,
                         const numeric::ReplayResult& replayed) {
  if (checked.stopped_at != replayed.stopped_at) {
    return fmt::format("checker stops at {}, oracle at {} ({})", checked.stopped_at,
                       replayed.stopped_at, replayed.stopped_why);
  }
  const int end =
      checked.stopped_at < 0 ? static_cast<int>(plan.operations.size()) : checked.stopped_at;
  std::map<Place, const numeric::Comparison*> found;
  for (const numeric::Comparison& c : replayed.comparisons) {
    if (c.operation < end) found[{c.operation, c.operand}] = &c;
  }
  std::size_t compared = 0;
  for (const contract::Obligation& o : checked.obligations) {
    if (o.operation >= end) continue;
    const Place place{o.operation, o.operand};
    const auto other = found.find(place);
    if (other == found.end()) return at(plan, place) + ": the oracle did not reach it";
    ++compared;
    const numeric::Comparison& c = *other->second;
    if (o.met != c.met || o.wrong != c.wrong) {
      return fmt::format("{}: checker says {} (ranks {}), oracle {} (ranks {}, error {:.3g})",
                         at(plan, place), o.met ? "met" : "unmet", to_string(o.wrong),
                         c.met ? "met" : "unmet", to_string(c.wrong), c.relative_error);
    }
  }
  if (compared != found.size()) return "the oracle reached obligations that the checker did not";
  return {};
}

std::string disagreement(const Plan& plan) {
  return disagreement(plan, contract::check(plan), numeric::replay(plan, {}));
}

Plan shrunk(Plan plan) {
  bool smaller = true;
  while (smaller) {
    smaller = false;
    for (std::size_t i = plan.operations.size(); i-- > 0;) {
      Plan candidate = plan;
      candidate.operations.erase(candidate.operations.begin() + static_cast<std::ptrdiff_t>(i));
      if (!validate(candidate).empty() || disagreement(candidate).empty()) continue;
      plan = std::move(candidate);
      smaller = true;
    }
  }
  return plan;
}

}  // namespace lockstep::test

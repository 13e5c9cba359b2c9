#include "backend/numeric/reduction.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lockstep::numeric {

double neutral(Reduction reduction) {
  const bool adds = reduction == Reduction::sum || reduction == Reduction::average;
  return adds ? 0.0 : -std::numeric_limits<double>::infinity();
}

double folded(Reduction reduction, double a, double b) {
  if (reduction == Reduction::sum || reduction == Reduction::average) return a + b;
  if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<double>::quiet_NaN();
  const double top = std::max(a, b);
  if (reduction == Reduction::max || std::isinf(top)) return top;
  return top + std::log1p(std::exp(std::min(a, b) - top));
}

double repeated(Reduction reduction, double value, int count) {
  if (reduction == Reduction::max) return value;
  if (reduction == Reduction::logsumexp) return value + std::log(static_cast<double>(count));
  return value * count;
}

Reduction way_to_combine(const Plan& plan, const StateSpec& spec) {
  if (spec.terms.empty()) return Reduction::sum;
  const Reduction first = plan.term(spec.terms.front()).combine;
  const bool all =
      std::ranges::all_of(spec.terms, [&](TermId t) { return plan.term(t).combine == first; });
  return all ? first : Reduction::sum;
}

// The sum tells shape and undefined rows; the elements that it defines are folded anew.
Sum<double> combined(std::span<const Held> members, Reduction reduction) {
  Sum<double> total = sum<double>(members);
  if (reduction == Reduction::sum || members.size() < 2) return total;
  for (std::int64_t r = 0; r < total.values.rows(); ++r) {
    for (std::int64_t c = 0; c < total.values.columns(); ++c) {
      double& element = total.values(r, c);
      if (std::isnan(element)) continue;
      double value = neutral(reduction);
      for (const Held& member : members) {
        value = folded(reduction, value, static_cast<double>(member->values(r, c)));
      }
      element =
          reduction == Reduction::average ? value / static_cast<double>(members.size()) : value;
    }
  }
  return total;
}

Held reduced(std::span<const Held> members, Reduction reduction) {
  if (reduction == Reduction::sum || members.size() < 2) return added(members);
  if (reduction == Reduction::average) {
    return scaled(added(members), 1.0 / static_cast<double>(members.size()));
  }
  const Sum<double> total = combined(members, reduction);
  if (total.columns.empty()) return nullptr;
  Matrix<float> values(total.values.rows(), total.values.columns());
  for (std::int64_t r = 0; r < values.rows(); ++r) {
    std::ranges::transform(total.values.row(r), values.row(r).begin(),
                           [](double v) { return static_cast<float>(v); });
  }
  return make_held(total.columns, std::move(values));
}

}  // namespace lockstep::numeric

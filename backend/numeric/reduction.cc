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
  const double top = a == b && std::signbit(a) ? b : std::max(a, b);
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

void fold(Reduction reduction, Storage storage, std::span<float> onto,
          std::span<const float> other) {
  const auto each = [&](auto fold_two) {
    for (std::size_t i = 0; i < onto.size(); ++i) {
      const float value = fold_two(onto[i], other[i]);
      onto[i] = std::isnan(value) ? kUndefinedElement : value;
    }
  };
  const bool adds = reduction == Reduction::sum || reduction == Reduction::average;
  if (adds && storage == Storage::float32) {
    each([](float a, float b) { return a + b; });
  } else if (adds) {
    each([&](float a, float b) { return stored(a + b, storage); });
  } else {
    each([&](float a, float b) {
      const double both = folded(reduction, static_cast<double>(a), static_cast<double>(b));
      return stored(static_cast<float>(both), storage);
    });
  }
}

}  // namespace lockstep::numeric

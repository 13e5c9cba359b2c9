// The words of the plan's text form for its enumerations. OpKind's are in sim/plan/plan.h.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "sim/plan/plan.h"

namespace lockstep {

// In the order of the enumerators.
inline constexpr std::array<std::string_view, 12> kTermKindNames{
    "embedding", "residual", "norm",   "attention", "statistics", "bias",
    "dense",     "router",   "routed", "shared",    "logits",     "other"};
inline constexpr std::array<std::string_view, 3> kFillNames{"zero", "undefined", "keep"};
inline constexpr std::array<std::string_view, 2> kAxisNames{"rows", "columns"};
inline constexpr std::array<std::string_view, 4> kReductionNames{"sum", "average", "max",
                                                                 "logsumexp"};

inline std::string to_string(TermKind kind) {
  return std::string(kTermKindNames[static_cast<std::size_t>(kind)]);
}
inline std::string to_string(Fill fill) {
  return std::string(kFillNames[static_cast<std::size_t>(fill)]);
}
inline std::string to_string(Axis axis) {
  return std::string(kAxisNames[static_cast<std::size_t>(axis)]);
}

inline std::string to_string(Reduction reduction) {
  return std::string(kReductionNames[static_cast<std::size_t>(reduction)]);
}

template <std::size_t N>
std::vector<std::string> as_list(const std::array<std::string_view, N>& names) {
  return {names.begin(), names.end()};
}

// All of them, in the order of the enumerators.
inline std::vector<std::string> op_kind_names() {
  std::vector<std::string> names;
  for (int kind = 0; kind < kOpKinds; ++kind) {
    names.push_back(to_string(static_cast<OpKind>(kind)));
  }
  return names;
}
inline std::vector<std::string> padding_names() {
  return {to_string(Padding::none), to_string(Padding::max_len), to_string(Padding::sum_len)};
}

}  // namespace lockstep

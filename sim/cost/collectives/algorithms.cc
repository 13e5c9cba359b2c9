#include "sim/cost/collectives/algorithms.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sim/cost/collectives/parts.h"

namespace lockstep {
namespace {

constexpr std::array kAlgorithms{&kRing,
                                 &kTree,
                                 &kBinomial,
                                 &kRecursiveDoubling,
                                 &kHalvingDoubling,
                                 &kOneShot,
                                 &kTwoShot,
                                 &kNvls,
                                 &kHierarchical,
                                 &kDirect,
                                 &kPairwise,
                                 &kGrouped,
                                 &kLowLatency,
                                 &kNormal,
                                 &kDissemination};

}  // namespace

std::span<const Algorithm* const> algorithms() { return kAlgorithms; }

const Algorithm* find_algorithm(std::string_view name) {
  const auto found = std::ranges::find(kAlgorithms, name, &Algorithm::name);
  return found == kAlgorithms.end() ? nullptr : *found;
}

std::string refusal(const Algorithm& algorithm, const CollectiveCall& call,
                    const Topology& topology) {
  if (std::ranges::find(algorithm.kinds, call.kind) == algorithm.kinds.end()) {
    return fmt::format("{} does not serve {}", algorithm.name, to_string(call.kind));
  }
  return algorithm.refuses(call, topology);
}

std::string formula_refusal(const Algorithm& algorithm, const Topology& topology) {
  if (topology.one_node() || (algorithm.crosses_nodes && topology.per_node > 0)) return "";
  return fmt::format(
      "the formula of {} is that of one level of network, and the group stands on several nodes",
      algorithm.name);
}

std::string powers_of_two_only(const CollectiveCall& call, const Topology&) {
  if (is_power_of_two(ranks_of(call))) return "";
  return fmt::format(
      "a group of {}: ranks are paired by one bit of their number, so only powers "
      "of two are served",
      ranks_of(call));
}

}  // namespace lockstep

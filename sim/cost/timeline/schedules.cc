#include "sim/cost/timeline/schedules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/cost/collectives/algorithms.h"

namespace lockstep {
namespace {

// By what the cost model calls it, and then by what serves the kind at all.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kStandsFor{{
    {"p2p", "direct"},
    {"nvls-tree", "hierarchical"},
    {"pat", "recursive-doubling"},
    {"multimem", "nvls"},
    {"one-sided", "normal"},
    {"grouped", "grouped"},
}};
constexpr std::array<std::string_view, 6> kFallbacks{"grouped", "ring",          "direct",
                                                     "normal",  "dissemination", "binomial"};

std::string_view stands_for(std::string_view name) {
  const std::size_t plus = name.find('+');  // "one-shot+norm"
  name = name.substr(0, plus);
  for (const auto& [from, to] : kStandsFor) {
    if (name == from) return to;
  }
  return name;
}

bool serves(std::string_view name, const CollectiveCall& call, const Topology& topology) {
  const Algorithm* algorithm = find_algorithm(name);
  return algorithm != nullptr && refusal(*algorithm, call, topology).empty();
}

}  // namespace

std::string message_algorithm(const TimedCall& timed, const Hardware& hardware) {
  const Topology topology = topology_of(hardware, timed.call.ranks);
  const std::string_view wanted = stands_for(timed.time.algorithm);
  if (serves(wanted, timed.call, topology)) return std::string(wanted);
  for (const std::string_view name : kFallbacks) {
    if (serves(name, timed.call, topology)) return std::string(name);
  }
  return "";
}

void add_schedules(TimedProgram& timed, int world, const Hardware& hardware) {
  const int gpus = std::max(1, static_cast<int>(hardware.node.gpus));
  const int nodes = (world + gpus - 1) / gpus;
  std::vector<int> ranks(static_cast<std::size_t>(world));
  std::iota(ranks.begin(), ranks.end(), 0);
  // One switch a node; it stands on its node.
  timed.program.fabric = fabric_of(hardware, ranks, nodes);
  for (int n = 0; n < nodes; ++n) {
    timed.program.fabric.node[static_cast<std::size_t>(world) + static_cast<std::size_t>(n)] = n;
  }
  std::map<std::string, int> without;
  for (std::size_t i = 0; i < timed.calls.size(); ++i) {
    const TimedCall& call = timed.calls[i];
    if (call.time.total() == Duration::zero()) continue;  // nothing moves
    const std::string name = message_algorithm(call, hardware);
    if (name.empty()) {
      ++without[to_string(call.call.kind)];
      continue;
    }
    const Algorithm& algorithm = *find_algorithm(name);
    Call& out = timed.program.calls[i];
    out.duration = call.call.launch == LaunchStyle::eager ? Duration::zero() : call.time.launch;
    out.schedule = algorithm.schedule(call.call, topology_of(hardware, call.call.ranks));
    if (algorithm.switches > 0) out.switches = {world + call.call.ranks.front() / gpus};
  }
  for (const auto& [kind, count] : without) {
    timed.notes.push_back(fmt::format(
        "{} {} keep their closed form: no algorithm here sends their messages", count, kind));
  }
}

}  // namespace lockstep

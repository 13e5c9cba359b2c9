#include "sim/cost/collectives/predict.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "sim/base/text.h"
#include "sim/cost/cost_model.h"
#include "sim/events/exchange.h"

namespace lockstep {
namespace {

Diagnostic fault(std::string message, std::string hint) {
  return path_fault("algorithm", std::move(message), std::move(hint));
}

std::vector<std::string> names_for(Collective kind) {
  std::vector<std::string> names;
  for (const Algorithm* algorithm : algorithms()) {
    if (std::ranges::find(algorithm->kinds, kind) == algorithm->kinds.end()) continue;
    names.emplace_back(algorithm->name);
  }
  return names;
}

Diagnostic unknown(const CollectiveCall& call) {
  std::vector<std::string> all;
  for (const Algorithm* algorithm : algorithms()) all.emplace_back(algorithm->name);
  const auto near = nearest(call.algorithm, all);
  const std::string known =
      fmt::format("of {} there are {}", to_string(call.kind), join(names_for(call.kind), ", "));
  return fault(fmt::format("unknown algorithm '{}'", call.algorithm),
               near ? fmt::format("did you mean {}? {}", *near, known) : known);
}

// Those that do serve the call.
std::string others(const CollectiveCall& call, const Topology& topology) {
  std::vector<std::string> names;
  for (const Algorithm* algorithm : algorithms()) {
    if (refusal(*algorithm, call, topology).empty()) names.emplace_back(algorithm->name);
  }
  return names.empty() ? "no algorithm does" : "these do: " + join(names, ", ");
}

CollectiveTime time_of(const Algorithm& algorithm, Duration duration) {
  CollectiveTime time;
  time.algorithm = algorithm.name;
  time.transfer = duration;
  return time;
}

bool is_cut_off(const Topology& topology, const Hardware& hardware) {
  return !topology.one_node() && hardware.node.nics < 1;
}

// Some minutes.
constexpr std::int64_t kMostMessages = 2'000'000'000;

Diagnostic too_many(std::int64_t messages) {
  return fault(fmt::format("{} messages; at most {} are sent one by one", with_commas(messages),
                           with_commas(kMostMessages)),
               "use --fidelity closed-form");
}

Diagnostic no_nic() {
  return path_fault("node.nics",
                    "the ranks are on several nodes, and the nodes of this hardware have no NIC",
                    "set node.nics and node.nic_GBps, or node.gpus to have all ranks on one node");
}

const std::vector<std::string>& libraries() {
  static const std::vector<std::string> names{"nccl",   "custom",    "vllm",
                                              "trtllm", "symmetric", "deepep"};
  return names;
}

Diagnostic unknown_library(const std::string& name) {
  const auto near = nearest(name, libraries());
  return path_fault(
      "library", fmt::format("unknown library '{}'", name),
      near ? fmt::format("did you mean {}?", *near) : "known: " + join(libraries(), ", "));
}

// `predict()`, or a fault if it takes too long.
template <class Predict>
Result<Prediction> within_the_clock(const CollectiveCall& call, const Hardware& hardware,
                                    Predict predict) {
  try {
    return predict();
  } catch (const ClockOverflow&) {
    const bool near = topology_of(hardware, call.ranks).one_node();
    const NodeConstants& node = hardware.node;
    return ClockOverflow(describe(call),
                         fmt::format("give fewer bytes, or a higher rate: node.{}_GBps is {}",
                                     near ? "link" : "nic", near ? node.link_GBps : node.nic_GBps))
        .fault();
  }
}

Prediction by_formula(const Algorithm& algorithm, const CollectiveCall& call,
                      const Topology& topology) {
  const ClosedForm form = algorithm.closed_form(call, topology);
  return Prediction{time_of(algorithm, form.time), form.messages, form.holds};
}

Result<Prediction> by_messages(const Algorithm& algorithm, const CollectiveCall& call,
                               const Topology& topology, const Hardware& hardware) {
  const std::int64_t messages = algorithm.closed_form(call, topology).messages;
  if (messages > kMostMessages) return too_many(messages);
  const ExchangeResult run = run_exchange(*algorithm.schedule(call, topology),
                                          fabric_of(hardware, call.ranks, algorithm.switches));
  return Prediction{time_of(algorithm, run.end), run.messages, std::nullopt};
}

Result<Prediction> by_library(const CollectiveCall& call, const Hardware& hardware) {
  const CollectiveTime time = collective_time(call, hardware);
  if (!call.algorithm.empty() && time.algorithm != call.algorithm) {
    return fault(fmt::format("{} does not take algorithm '{}' for {} of {} bytes", time.library,
                             call.algorithm, to_string(call.kind), call.bytes),
                 fmt::format("it takes {}; without --library the algorithm is that of "
                             "docs/cost_models.md, on the links alone",
                             time.algorithm));
  }
  return Prediction{time, std::nullopt, std::nullopt};
}

}  // namespace

std::string_view to_string(Fidelity fidelity) {
  return fidelity == Fidelity::messages ? "messages" : "closed-form";
}

Result<Prediction> predict(const CollectiveCall& call, const Hardware& hardware,
                           Fidelity fidelity) {
  const Algorithm* algorithm = find_algorithm(call.algorithm);
  if (algorithm == nullptr) return unknown(call);
  const Topology topology = topology_of(hardware, call.ranks);
  const std::string refused = refusal(*algorithm, call, topology);
  if (!refused.empty()) {
    return fault(fmt::format("algorithm {} refuses this call: {}", algorithm->name, refused),
                 others(call, topology));
  }
  if (is_cut_off(topology, hardware)) return no_nic();
  if (fidelity == Fidelity::closed_form) {
    const std::string without = formula_refusal(*algorithm, topology);
    if (!without.empty()) return fault(without, "use --fidelity messages");
  }
  return within_the_clock(call, hardware, [&]() -> Result<Prediction> {
    if (fidelity == Fidelity::closed_form) return by_formula(*algorithm, call, topology);
    return by_messages(*algorithm, call, topology, hardware);
  });
}

Result<Prediction> predict_library(const CollectiveCall& call, const Hardware& hardware) {
  const bool known = call.library.empty() || std::ranges::count(libraries(), call.library) > 0;
  if (!known) return unknown_library(call.library);
  if (is_cut_off(topology_of(hardware, call.ranks), hardware)) return no_nic();
  return within_the_clock(call, hardware, [&] { return by_library(call, hardware); });
}

}  // namespace lockstep

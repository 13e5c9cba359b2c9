#include "sim/cost/serving/expert_exchange.h"

#include <algorithm>
#include <set>

#include "sim/cost/serving/routing.h"

namespace lockstep {
namespace {

constexpr double kMostLowLatencySms = 128;
constexpr double kScaled = 1 + 4.0 / 128;  // one byte an element, and an FP32 scale for each 128

struct Shape {
  double tokens = 0;
  int chosen = 0;
  int experts = 0;
  double row_bytes = 0;
  int ranks = 0;
  int nodes = 0;
};

Shape shape_of(const CollectiveCall& call, double gpus) {
  Shape shape;
  std::set<int> nodes;
  for (const int rank : call.ranks) nodes.insert(rank / static_cast<int>(gpus));
  shape.ranks = static_cast<int>(call.ranks.size());
  shape.nodes = static_cast<int>(nodes.size());
  // Who only knows bytes says one token to one expert, one expert a rank.
  shape.tokens = static_cast<double>(std::max<std::int64_t>(call.tokens, 1));
  shape.chosen = std::max(call.experts_per_token, 1);
  shape.experts = call.experts > 0 ? call.experts : std::max(shape.ranks, shape.chosen);
  shape.row_bytes = static_cast<double>(call.bytes) / shape.tokens / shape.chosen;
  if (call.element_bytes == 1) shape.row_bytes *= kScaled;
  return shape;
}

std::string mode_of(const CollectiveCall& call, const ServingConstants& serving) {
  if (call.algorithm == "low-latency" || call.algorithm == "normal" ||
      call.algorithm == "one-sided") {
    return call.algorithm;
  }
  return static_cast<double>(call.tokens) <= serving.low_latency_tokens ? "low-latency" : "normal";
}

const ExchangeConstants& constants_of(const std::string& mode, Collective kind,
                                      const ServingConstants& serving) {
  const bool dispatch = kind == Collective::dispatch;
  if (mode == "normal") return dispatch ? serving.normal_dispatch : serving.normal_combine;
  if (mode == "one-sided") return dispatch ? serving.one_sided_dispatch : serving.one_sided_combine;
  return dispatch ? serving.low_latency_dispatch : serving.low_latency_combine;
}

// Copies of a row that leave a rank, over NVLink and over its NIC.
struct Copies {
  double near = 0;
  double far = 0;
};

double to_others(int places, const Shape& s) {
  return expected_places(places, s.chosen, s.experts) * (places - 1) / places;
}

Copies copies_of(const std::string& mode, const Shape& s) {
  if (mode != "low-latency") return {to_others(s.ranks, s), to_others(s.nodes, s)};
  const double on_node = static_cast<double>(s.ranks) / s.nodes;
  return {s.chosen * (on_node - 1) / s.ranks, s.chosen * (s.ranks - on_node) / s.ranks};
}

double nic_GBps(const ExchangeConstants& c, const NodeConstants& node) {
  const double share = node.nic_GBps * node.nics / node.gpus;
  return node.nics > 0 ? std::min(c.nic_GBps, share) : node.link_GBps;
}

double transfer_us(const std::string& mode, const Shape& s, const ExchangeConstants& c,
                   const Hardware& hardware, double sms) {
  const Copies copies = copies_of(mode, s);
  const double KB = s.tokens * s.row_bytes / 1e3;
  double link = std::min(c.link_GBps, hardware.node.link_GBps);
  if (c.sm_GBps > 0) link = std::min(link, c.sm_GBps * sms);
  const double near = KB * copies.near / link;
  const double far = s.nodes > 1 ? KB * copies.far / nic_GBps(c, hardware.node) : 0;
  return std::max(near, far) + c.overlap_loss * std::min(near, far);
}

double latency_us(const Shape& s, const ExchangeConstants& c, double sms) {
  return c.floor_us + c.expert_us * s.experts + c.row_us_per_KB * s.row_bytes / 1e3 +
         c.token_us * std::max(1.0, s.tokens / sms) + (s.nodes > 1 ? c.network_us : 0);
}

double launch_us(LaunchStyle style, const LaunchConstants& launch) {
  return style == LaunchStyle::graph ? launch.graph_node_us : launch.eager_gap_us;
}

}  // namespace

CollectiveTime expert_exchange_time(const CollectiveCall& call, const Hardware& hardware) {
  LOCKSTEP_ASSERT(call.kind == Collective::dispatch || call.kind == Collective::combine);
  const ServingConstants& serving = hardware.serving;
  const Shape shape = shape_of(call, hardware.node.gpus);
  const std::string mode = mode_of(call, serving);
  const ExchangeConstants& constants = constants_of(mode, call.kind, serving);
  const double sms = mode == "low-latency" ? std::min<double>(shape.experts, kMostLowLatencySms)
                                           : serving.normal_sms;
  CollectiveTime time;
  time.launch = from_microseconds(launch_us(call.launch, hardware.launch));
  time.latency = from_microseconds(latency_us(shape, constants, sms));
  time.transfer = from_microseconds(transfer_us(mode, shape, constants, hardware, sms));
  time.library = mode == "one-sided" ? "trtllm" : "deepep";
  time.algorithm = mode;
  return time;
}

}  // namespace lockstep

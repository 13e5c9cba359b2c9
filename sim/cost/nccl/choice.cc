#include "sim/cost/nccl/choice.h"

#include <algorithm>

#include "sim/base/require.h"

namespace lockstep {
namespace {

constexpr NcclAlgorithm kTuned[] = {NcclAlgorithm::tree, NcclAlgorithm::ring, NcclAlgorithm::nvls,
                                    NcclAlgorithm::nvls_tree, NcclAlgorithm::pat};
constexpr NcclProtocol kProtocols[] = {NcclProtocol::ll, NcclProtocol::ll128, NcclProtocol::simple};

// In us, by protocol: LL, LL128, Simple.
struct Latencies {
  double of[3];
  double operator[](NcclProtocol protocol) const { return of[static_cast<int>(protocol)]; }
};
constexpr Latencies kTreeBase{{6.8, 14, 8.4}};
constexpr Latencies kRingBase{{6.6, 14, 8.4}};
constexpr double kPatBase = 8;
constexpr Latencies kTreeStep[] = {{{0.6, 1.25, 4}}, {{1, 1.9, 4}}};  // NVLink, PCIe
constexpr Latencies kRingStep[] = {{{0.6, 1.9, 3.4}}, {{1, 2.5, 5.7}}};
constexpr Latencies kTreeHop{{5, 8.5, 14}};  // between nodes
constexpr Latencies kRingHop{{2.7, 4, 14}};
constexpr double kNvlsStep = 25;
constexpr double kNvlsTreeHop = 20.9;
constexpr double kPatRank = 2.8;
// A step of a ring over several nodes is at least the posting of a message: once, Simple thrice.
constexpr Latencies kPosting{{1, 1, 3}};
// Rings of several nodes with Simple take longer than the sum of their steps.
constexpr double kPlateau = 1.4;
constexpr double kPlateauBytes = 64;  // per channel and rank, from which that is so

double levels(double nodes) {
  double count = 0;
  for (double reach = 1; reach * 2 <= nodes; reach *= 2) ++count;
  return count;
}

double by_nodes(double nodes, double two, double more) { return nodes <= 2 ? two : more; }

struct Expectation {
  const NcclShape& shape;
  const Hardware& hardware;
  const NcclChoice& known = hardware.nccl.choice;
  std::size_t wire = hardware.nccl.choice.pcie > 0 ? 1 : 0;
  bool alone = shape.nodes == 1;
  double faster = hardware.node.link_GBps / hardware.nccl.link_GBps;

  // 1e3 bytes/us are a GB/s.
  double transfer(double bytes, double GBps) const { return bytes / (GBps * 1e3); }
  double ll_most() const;
  bool never(NcclProtocol protocol) const;
  double ring_rate(NcclProtocol protocol) const;
  double ring_latency(NcclProtocol protocol) const;
  std::optional<double> ring(NcclProtocol protocol) const;
  std::optional<double> tree(NcclProtocol protocol) const;
  std::optional<double> nvls() const;
  std::optional<double> nvls_tree() const;
  std::optional<double> pat() const;
};

double Expectation::ll_most() const {
  if (alone) return known.ll_GBps;
  return by_nodes(shape.nodes, known.ll_two_nodes_GBps, known.ll_more_nodes_GBps);
}

// What an administrator excludes (NCCL_PROTO), or a version.
bool Expectation::never(NcclProtocol protocol) const {
  return (protocol == NcclProtocol::ll && ll_most() == 0) ||
         (protocol == NcclProtocol::ll128 && known.ll128_GBps == 0);
}

double Expectation::ring_rate(NcclProtocol protocol) const {
  double rate = known.ring_GBps * faster;
  if (!alone) rate = std::min(rate, nics_GBps(shape, hardware.node));
  if (protocol == NcclProtocol::ll) {
    return std::min(ll_most(), rate * 0.5);
  }
  if (protocol == NcclProtocol::ll128) return std::min(rate * 0.92, known.ll128_GBps * faster);
  return rate;
}

double Expectation::ring_latency(NcclProtocol protocol) const {
  const double step = kRingStep[wire][protocol];
  const bool rooted = shape.kind == Collective::broadcast || shape.kind == Collective::reduce;
  if (rooted) return kRingBase[protocol] + shape.steps() * (alone ? step : kRingHop[protocol]);
  if (alone) return kRingBase[protocol] + shape.steps() * step;
  const double hops = (shape.kind == Collective::all_reduce ? 2 : 1) * (shape.nodes - 1);
  const double hop = shape.per_node == 1 ? kTreeHop[protocol] : kRingHop[protocol];
  return kRingBase[protocol] + (shape.steps() - hops) * std::max(step, kPosting[protocol]) +
         hops * hop;
}

std::optional<double> Expectation::ring(NcclProtocol protocol) const {
  if (never(protocol)) return std::nullopt;
  double latency = ring_latency(protocol);
  if (!alone && protocol == NcclProtocol::simple && shape.kind == Collective::all_reduce &&
      shape.bytes / (hardware.nccl.channels * shape.ranks) >= kPlateauBytes) {
    latency *= kPlateau;
  }
  return latency + transfer(shape.bus_bytes(), ring_rate(protocol));
}

std::optional<double> Expectation::tree(NcclProtocol protocol) const {
  if (shape.kind != Collective::all_reduce) return std::nullopt;
  if (never(protocol)) return std::nullopt;
  // Between two nodes a tree's links go as fast as twice the network: each byte crosses it once
  // each way, though within a node it is passed on twice.
  double rate = known.ring_GBps * faster;
  if (!alone) rate = std::min(rate, nics_GBps(shape, hardware.node) * (shape.nodes <= 2 ? 2 : 1));
  rate = std::min(rate * 0.92,
                  by_nodes(shape.nodes, known.tree_two_nodes_GBps, known.tree_more_nodes_GBps));
  if (protocol == NcclProtocol::ll) {
    rate = std::min(rate / 3.8, ll_most());
  } else if (protocol == NcclProtocol::ll128) {
    rate *= alone ? 7.0 / 9.0 : 120.0 / 128.0;
  }
  const double latency =
      kTreeBase[protocol] + 2 * ((shape.per_node - 1) * kTreeStep[wire][protocol] +
                                 levels(shape.nodes) * kTreeHop[protocol]);
  return latency + transfer(shape.bytes, rate * 0.5);
}

std::optional<double> Expectation::nvls() const {
  if (!alone || hardware.node.multicast == 0 || known.nvls_GBps == 0 ||
      shape.kind != Collective::all_reduce || shape.ranks < known.nvls_ranks) {
    return std::nullopt;
  }
  return kNvlsStep + transfer(shape.bus_bytes(), known.nvls_GBps * faster);
}

std::optional<double> Expectation::nvls_tree() const {
  const double rate =
      by_nodes(shape.nodes, known.nvls_tree_two_nodes_GBps, known.nvls_tree_more_nodes_GBps);
  if (alone || hardware.node.multicast == 0 || rate == 0 || shape.per_node < 2 ||
      shape.kind != Collective::all_reduce) {
    return std::nullopt;
  }
  // The network carries each byte once each way, however many ranks a node has; two nodes only
  // exchange.
  const double network = nics_GBps(shape, hardware.node) * (shape.nodes <= 2 ? 2 : 1);
  return kNvlsStep + 2 * levels(shape.nodes) * kNvlsTreeHop +
         transfer(shape.bus_bytes(), std::min(rate * faster, network));
}

std::optional<double> Expectation::pat() const {
  const bool halves =
      shape.kind == Collective::all_gather || shape.kind == Collective::reduce_scatter;
  if (alone || shape.per_node > 1 || !halves) return std::nullopt;
  const double rate = 0.75 * std::min(known.ring_GBps * faster, nics_GBps(shape, hardware.node));
  return kPatBase + levels(shape.nodes) * kTreeHop[NcclProtocol::simple] / 3.5 +
         shape.ranks * kPatRank + transfer(shape.bytes, rate);
}

bool exchanges(const NcclShape& shape) {
  return shape.kind == Collective::all_to_all || shape.kind == Collective::send_recv;
}

}  // namespace

std::string to_string(NcclAlgorithm algorithm) {
  constexpr std::string_view kNames[] = {"ring", "tree", "nvls", "nvls-tree", "pat", "p2p"};
  return std::string(kNames[static_cast<std::size_t>(algorithm)]);
}

std::string to_string(NcclProtocol protocol) {
  constexpr std::string_view kNames[] = {"LL", "LL128", "Simple"};
  return std::string(kNames[static_cast<std::size_t>(protocol)]);
}

std::optional<double> nccl_expects_us(NcclPath path, const NcclShape& shape,
                                      const Hardware& hardware) {
  const Expectation expect{shape, hardware};
  if (exchanges(shape)) return std::nullopt;
  const bool simple = path.protocol == NcclProtocol::simple;
  switch (path.algorithm) {
    case NcclAlgorithm::ring:
      return expect.ring(path.protocol);
    case NcclAlgorithm::tree:
      return expect.tree(path.protocol);
    case NcclAlgorithm::nvls:
      return simple ? expect.nvls() : std::nullopt;
    case NcclAlgorithm::nvls_tree:
      return simple ? expect.nvls_tree() : std::nullopt;
    case NcclAlgorithm::pat:
      return simple ? expect.pat() : std::nullopt;
    case NcclAlgorithm::peers:
      return std::nullopt;
  }
  LOCKSTEP_ASSERT(false);
  return std::nullopt;
}

NcclPath nccl_choice(const NcclShape& shape, const Hardware& hardware, std::string_view algorithm) {
  if (exchanges(shape)) return {NcclAlgorithm::peers, NcclProtocol::simple};
  const auto names = nccl_algorithms(shape, hardware);
  const bool asked = std::find(names.begin(), names.end(), algorithm) != names.end();
  std::optional<double> least;
  NcclPath best;
  for (const NcclAlgorithm tuned : kTuned) {
    if (asked && to_string(tuned) != algorithm) continue;
    for (const NcclProtocol protocol : kProtocols) {
      const auto us = nccl_expects_us({tuned, protocol}, shape, hardware);
      if (!us || (least && *us >= *least)) continue;
      least = us;
      best = {tuned, protocol};
    }
  }
  return best;
}

std::vector<std::string> nccl_algorithms(const NcclShape& shape, const Hardware& hardware) {
  if (exchanges(shape)) return {to_string(NcclAlgorithm::peers)};
  std::vector<std::string> names;
  for (const NcclAlgorithm algorithm : kTuned) {
    if (nccl_expects_us({algorithm, NcclProtocol::simple}, shape, hardware)) {
      names.push_back(to_string(algorithm));
    }
  }
  return names;
}

}  // namespace lockstep

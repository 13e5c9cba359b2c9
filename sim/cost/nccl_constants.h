// NCCL: what it believes when it chooses an algorithm and a protocol, and how long those really
// take. docs/cost_models_nccl.md derives the formulas.
//
// "Bus bytes" are what one rank's link carries: bytes times steps / ranks of the ring. Bases are
// without what starts a kernel, which depends on the launch style.
#pragma once

namespace lockstep {

// NCCL chooses what its own model predicts to be quickest (NVIDIA/nccl src/graph/tuning.cc): the
// rates that it reckons with, of bus bytes.
struct NcclChoice {
  double ring_GBps = 0;   // channels x rate of a channel, as its topology search finds them
  double ll_GBps = 0;     // of LL at most
  double ll128_GBps = 0;  // 0: LL128 is never chosen
  double nvls_GBps = 0;
  double nvls_ranks = 0;  // NVLS is not chosen below
  double pcie = 0;        // 1: its latencies of PCIe, not of NVLink
  // Between nodes: of LL with two, and with more; of trees and of NVLS trees with two, and with
  // more.
  double ll_two_nodes_GBps = 0;
  double ll_more_nodes_GBps = 0;
  double tree_two_nodes_GBps = 0;
  double tree_more_nodes_GBps = 0;
  double nvls_tree_two_nodes_GBps = 0;
  double nvls_tree_more_nodes_GBps = 0;
  bool operator==(const NcclChoice&) const = default;
};

// Flags travel with the data in every 8 bytes: least latency, half the rate. A step carries more
// per channel for nothing until the channel's threads all have a line to send.
struct NcclLl {
  double base_us = 0;
  double step_us = 0;
  double full_us = 0;   // more, of a step of a full channel
  double free_KiB = 0;  // of the buffer, for each rank: what full channels carry at that price
  double GBps = 0;      // of bus bytes beyond free_KiB
  bool operator==(const NcclLl&) const = default;
};

// Flags in every 128 bytes.
struct NcclLl128 {
  double base_us = 0;
  double step_us = 0;
  double GBps = 0;
  bool operator==(const NcclLl128&) const = default;
};

// Chunks behind a flag in memory. Latency hides behind transfer: sqrt(latency^2 + transfer^2). A
// pipeline that fills adds ramp_us x bytes / (bytes + ramp_MB).
struct NcclSimple {
  double base_us = 0;
  double step_us = 0;
  double GBps = 0;
  double ramp_us = 0;
  double ramp_MB = 0;
  bool operator==(const NcclSimple&) const = default;
};

// The switch sums and copies; one step, whatever the number of ranks.
struct NcclNvls {
  double base_us = 0;
  double GBps = 0;
  double ramp_us = 0;
  double ramp_MB = 0;
  bool operator==(const NcclNvls&) const = default;
};

// Sends and receives of a group, all peers at once; the quicker of LL and Simple.
struct NcclPeers {
  double ll_base_us = 0;
  double ll_peer_us = 0;  // more, for every peer beyond oneself
  double ll_GBps = 0;     // of the bytes for one peer
  double base_us = 0;
  double peer_us = 0;
  double GBps = 0;      // of bytes sent beyond free_MB
  double free_MB = 0;   // hidden behind the base
  double own_GBps = 0;  // of the bytes that a rank sends to itself
  bool operator==(const NcclPeers&) const = default;
};

// What a step costs that leaves the node, beside the latency of its NIC, and what share of the
// NICs' rate is reached.
struct NcclNet {
  double ll_us = 0;
  double ll128_us = 0;
  double simple_us = 0;
  double nvls_us = 0;  // of an NVLS tree, each way and level
  double share = 0;    // Simple and NVLS trees, sends and receives
  double ll_share = 0;
  double ll128_share = 0;
  bool operator==(const NcclNet&) const = default;
};

// What starts a collective, by launch style.
struct NcclLaunch {
  double tests_us = 0;
  double graph_us = 0;
  double eager_us = 0;  // one call of a framework
  bool operator==(const NcclLaunch&) const = default;
};

struct NcclConstants {
  double channels = 0;  // of a communicator
  double own_GBps = 0;  // of the share that a rank copies for itself
  // node.link_GBps at which the rates here were measured: they scale with it (but LL, up to half of
  // a ring's).
  double link_GBps = 0;
  double pair_rate = 0;   // a ring of two ranks has this times the rate (neighbours on one switch)
  double grouped_us = 0;  // of every further collective in a group
  NcclChoice choice;
  NcclLl ll;
  NcclLl128 ll128;
  NcclSimple simple;
  NcclNvls nvls;
  NcclPeers peers;
  NcclNet net;
  NcclLaunch launch;
  bool operator==(const NcclConstants&) const = default;
};

}  // namespace lockstep

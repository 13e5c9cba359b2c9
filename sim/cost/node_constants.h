// How GPUs are joined: within a node, and nodes with each other. All rates are of one direction.
#pragma once

namespace lockstep {

struct NodeConstants {
  // A node is what one NVLink (or PCIe) network joins: a host, or a rack of hosts (NVL72). Nodes
  // are filled in the order of ranks.
  double gpus = 8;
  double host_gpus = 8;  // of one host: an input of serving rules, of no cost
  // Within a node: NVSwitch, NVLink, PCIe, or a loopback network.
  double link_GBps = 370;  // what one GPU sends or receives at most, protocol included
  double link_latency_us = 0.5;
  double multicast = 1;  // 1: the switch sums and copies (NVLS); 0: it does not
  // Between nodes: one NIC a GPU (a rail each), or fewer that GPUs share.
  double nics = 8;       // of one node
  double nic_GBps = 46;  // what one NIC sends or receives at most
  double nic_latency_us = 5;
  double uplink_GBps = 0;  // of a node into the network between nodes; 0: the sum of its NICs
  bool operator==(const NodeConstants&) const = default;
};

}  // namespace lockstep

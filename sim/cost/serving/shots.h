// The kernels in which every rank reads or writes the memory of its peers over NVLink, as a floor
// and bytes over a link. all_reduce.h derives them.
#pragma once

#include <string>

#include "sim/cost/collective_call.h"
#include "sim/cost/hardware.h"

namespace lockstep {

struct Shot {
  double floor_us = 0;  // with no bytes
  double bytes = 0;     // through the busier direction of one rank's link
  double GBps = 1;      // of that link, by this kernel
};

// Of all-reduces of `bytes` a rank. REQUIRES: ranks >= 2.
Shot one_shot(int ranks, double bytes, const AllReduceConstants& constants);
Shot two_shot(int ranks, double bytes, const AllReduceConstants& constants);
Shot multimem(int ranks, double bytes, const AllReduceConstants& constants);

double device_us(const Shot& shot, const Hardware& hardware);

// As a node of a graph, or as an eager call that first copies call.bytes (all_reduce.h). `library`
// and `algorithm` are what the time says of itself.
CollectiveTime shot_time(const Shot& shot, const CollectiveCall& call, const Hardware& hardware,
                         const AllReduceConstants& constants, std::string algorithm);

// All ranks on one node, so that each reaches the memory of all.
bool on_one_node(const CollectiveCall& call, const Hardware& hardware);

}  // namespace lockstep

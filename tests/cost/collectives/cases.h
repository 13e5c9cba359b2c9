// Calls to try every algorithm with, and names for what a test says about one.
#pragma once

#include <string>
#include <vector>

#include "sim/cost/collectives/algorithms.h"

namespace lockstep::test {

// 50 GB/s and 0.5 us, the network of the worked numbers.
inline const Rate kRate = Rate::gigabytes_per_s(50);
inline const Duration kLatency = from_microseconds(0.5);

// Ranks 0 to n - 1.
CollectiveCall call_of(Collective kind, int n, std::int64_t bytes);

// Calls of `kind` among n: few bytes and many, even and uneven, with and without empty blocks.
std::vector<CollectiveCall> calls_of(Collective kind, int n);

// "ring all_gather of 6 ranks, 100 bytes".
std::string name_of(const Algorithm& algorithm, const CollectiveCall& call);

// Runs `check(algorithm, call, topology)` for every algorithm and every kind, group of up to
// `most_ranks` and size that it serves on one node.
template <class Check>
void for_each_case(int most_ranks, Check check) {
  for (const Algorithm* algorithm : algorithms()) {
    for (const Collective kind : algorithm->kinds) {
      for (int n = 1; n <= most_ranks; ++n) {
        const Topology topology = uniform_topology(n, kRate, kLatency);
        for (const CollectiveCall& call : calls_of(kind, n)) {
          if (refusal(*algorithm, call, topology).empty()) check(*algorithm, call, topology);
        }
      }
    }
  }
}

}  // namespace lockstep::test

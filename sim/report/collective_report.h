// The predicted times of a collective at several sizes: as nccl-tests prints them, and as JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sim/cost/collectives/predict.h"

namespace lockstep {

struct CollectiveRow {
  CollectiveCall call;
  Prediction prediction;
};

// What the rows have in common.
struct CollectiveTable {
  Collective kind = Collective::all_reduce;
  std::string dtype;  // by its name in nccl-tests: "float", "bfloat16"
  int nodes = 1;
  std::string hardware;
  std::string library;               // as it was asked for; "": the one that a server would take
  std::string algorithm;             // as it was asked for; "": the library's choice
  std::optional<Fidelity> fidelity;  // of an algorithm on links; none: a library's model
  std::vector<CollectiveRow> rows;
  std::string accuracy = {};  // accuracy_line() of the hardware; "": nothing is said
  std::string fallback = {};  // why rows have another library than was asked for
};

// GB/s (1e9 bytes). algbw = bytes / time; busbw = algbw x 2 (n - 1) / n of all-reduces, (n - 1) / n
// of gathers, scatters and all-to-alls, 1 of the others, as nccl-tests has it; 0 for no time.
double algbw_GBps(const CollectiveRow& row);
double busbw_GBps(const CollectiveRow& row);

// The table of nccl-tests: lines of '#', then a line for each size. A prediction does not know
// in-place from out-of-place, so the columns of in-place repeat.
std::string collective_text(const CollectiveTable& table);

// Schema lockstep.collective/1: {schema, collective, ranks, nodes, hardware, hardware_accuracy,
// dtype, launch, library, fallback, algorithm, fidelity, rows: [{bytes, count, time_us, algbw_GBps,
// busbw_GBps, messages, library, algorithm, protocol, launch_us, latency_us, transfer_us, holds}],
// measured}. `bytes` as nccl-tests counts them; of dispatch and combine, with `tokens`, what one
// rank sends at most.
nlohmann::ordered_json collective_json(const CollectiveTable& table, double wall_ms);

}  // namespace lockstep

// What a scenario runs on, as constants with units and sources. A preset is a file of
// scenarios/hardware; `calibrate` writes such files, too. No file holds a table from sizes to
// times.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/cost/gpu_constants.h"
#include "sim/cost/launch_constants.h"
#include "sim/cost/nccl_constants.h"
#include "sim/cost/node_constants.h"
#include "sim/cost/serving_constants.h"

namespace lockstep {

struct Hardware {
  std::string name = "hgx-h200";  // preset, or what a file calls itself
  std::string about;
  std::string accuracy;  // how far off its predictions have been, and where that was measured
  std::string generation = "hopper";  // ampere, hopper, blackwell, none: also an input of rules
  NodeConstants node;        // GPUs of a node and what joins them; nodes and what joins those
  GpuConstants gpu;          // arithmetic and memory
  LaunchConstants launch;    // what a kernel costs before it runs, by launch style
  NcclConstants nccl;        // NCCL's algorithms and protocols
  ServingConstants serving;  // the collectives that serving systems bring themselves
  std::vector<std::pair<std::string, std::string>> sources;  // path or prefix of paths, where from

  bool operator==(const Hardware&) const = default;
};

// One constant: its path in a hardware file ("nccl.ring.ll.step_us"), and where it lives. From this
// one table files are read, checked and written, and docs/hardware.md is printed.
struct HardwareField {
  std::string_view path;
  std::string_view unit;  // "us", "GB/s", "TFLOPS", "ratio", "count"
  std::string_view meaning;
  double least = 0;
  double most = 1e9;
  double& (*of)(Hardware& hardware) = nullptr;
};

// The tables of the parts, in the order of Hardware's members; all_hardware_fields() joins them.
std::span<const HardwareField> node_fields();
std::span<const HardwareField> gpu_fields();
std::span<const HardwareField> launch_fields();
std::span<const HardwareField> nccl_fields();
std::span<const HardwareField> serving_fields();
std::vector<HardwareField> all_hardware_fields();

// Where the constant at `path` comes from: the text of its own path, else of the longest prefix of
// it that has one ("gpu.gemm" for "gpu.gemm.bf16.efficiency"); "" if nobody says.
std::string source_of(const Hardware& hardware, std::string_view path);

}  // namespace lockstep

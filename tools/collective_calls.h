// The calls that a command line of `lockstep collective` asks for.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "sim/base/error.h"
#include "sim/cost/collective_call.h"
#include "sim/cost/fidelity.h"
#include "sim/cost/hardware.h"

namespace lockstep::tools {

inline constexpr int kMostRanks = 1'000'000;
inline constexpr std::int64_t kMostHidden = 1'000'000;
inline constexpr std::int64_t kMostExperts = 1'000'000;
inline constexpr std::int64_t kMostTopK = 1024;

struct CollectiveOptions {
  std::string kind;
  int ranks = 0;
  int nodes = 0;  // 0: as few as the ranks fill
  std::string sizes;
  std::string begin = "512";
  std::string end = "512M";
  double factor = 2;
  std::string parts;
  std::string tokens = "128";
  std::int64_t hidden = 7168;
  int top_k = 8;
  int experts = 256;
  std::string hardware = "hgx-h200";
  std::vector<std::string> set;
  std::string dtype = "bfloat16";
  std::string launch = "nccl-tests";
  std::string library;
  std::string algorithm;
  std::string fidelity = "messages";
  std::string json;
  std::set<std::string> said;  // the options on the command line: "--sizes"
};

// One call for each row of the table, one at least; all are alike but for what they move. With
// --nodes the hardware's nodes become as wide as that takes. An option that the collective does not
// look at is a fault.
Result<std::vector<CollectiveCall>> collective_calls(const CollectiveOptions& options,
                                                     Hardware& hardware);

// "messages", "closed-form".
Result<Fidelity> fidelity_of(const std::string& name);

}  // namespace lockstep::tools

// What a program runs on: ranks, groups, and the tokens of each step.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sim/plan/plan.h"
#include "sim/plan/reader.h"

namespace lockstep::program {

// The requests of one step. A step with `captured` rows replays a graph: every shard's rows are
// padded to what was captured.
struct StepSetup {
  std::vector<std::vector<int>> requests;  // lengths, by shard
  std::vector<std::int64_t> captured;      // by shard; empty: eager
  std::int64_t first_token = 0;            // of shard 0

  std::int64_t tokens(int shard) const;
  std::int64_t rows(int shard) const;  // with padding
  std::int64_t first_token_of(int shard) const;
};

struct Setup {
  int world = 1;
  std::vector<Group> groups;     // `world` is the last, unless the program defines one
  std::vector<int> shard_of;     // by rank
  std::vector<StepSetup> steps;  // at least one
  std::map<std::string, std::int64_t, std::less<>> constants;  // `let`
  int hidden = 64;
};

// Reads world, mesh, groups, let, shards, tokens, steps and hidden. Where there are faults, the
// result is fit for nothing.
Setup read_setup(Fields& top, NodeFaults& faults);

// Ranks such as "0-3,6", or one number. Faults, and no ranks, for anything else.
std::vector<int> read_ranks(const Node& node, int world, NodeFaults& faults);

// The group named in `node`; none, with a fault, if there is no such group.
GroupId read_group(const Node& node, const std::vector<Group>& groups, NodeFaults& faults);

// Limits that keep hostile programs cheap.
inline constexpr int kLargestProgramWorld = 1024;
inline constexpr int kMostSteps = 256;
inline constexpr int kMostRequests = 4096;
inline constexpr int kMostTokens = 1 << 20;

}  // namespace lockstep::program

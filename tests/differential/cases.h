// Seeded cases for the differential test: a small layout, a revision, perhaps a rule turned round,
// perhaps a mutated plan.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/plan/plan.h"
#include "sim/serving/input.h"

namespace lockstep::test {

struct Case {
  std::string description;  // everything that was chosen, for the report of a failure
  LoweringInput input;
  Plan plan;
  bool mutated = false;
};

// Case `index` of the sequence that `seed` starts; nullopt where the draw is one that the serving
// system refuses or a mutant that is no plan. Two calls with the same arguments are equal.
std::optional<Case> make_case(std::uint64_t seed, std::int64_t index);

// A DeepSeek-style model of a few layers whose every expert is chosen by every token, so that no
// term of a sum is ever absent by luck.
Model tiny_model(int layers, int dense_layers, int experts, int shared);

// A small deployment in extend mode, as the hand-picked tests use it.
struct Deployment {
  int tp = 4;
  int dp = 4;
  int ep = 4;
  const char* a2a = "none";
  const char* revision = "24785";
  std::vector<int> tokens;  // one request on each attention-DP shard; 0: idle
  int layers = 2;
  int dense_layers = 1;
};
LoweringInput input_of(const Deployment& deployment);

}  // namespace lockstep::test

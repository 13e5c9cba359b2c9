// A second checker of plans, written for being obviously right instead of fast: rank by rank, row
// by row, share by share (held.h). It knows docs/contract.md and nothing of sim/contract. For
// worlds of a few ranks and a few rows.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sim/plan/plan.h"
#include "tests/brute_force/held.h"

namespace lockstep::test {

// A real row that is not what is owed: what is there, per column block. For a partial value it is
// the sum over the part.
struct WrongRow {
  int rank = 0;
  std::int64_t token = 0;
  std::vector<Cell> actual;
};

struct Judgement {
  std::set<int> judged;  // ranks that execute the operation and got there
  std::set<int> wrong;
  std::vector<WrongRow> rows;  // none where the number of rows or the columns are wrong
};

struct BruteForce {
  bool violated = false;
  std::map<std::pair<int, int>, Judgement> obligations;  // by operation and operand
  int stopped_at = -1;      // lowest operation at which a rank stands for ever; -1: none
  bool mismatched = false;  // calls did not fit together
  std::string why;          // of the first that did not
  // The members of a partial value came to its obligation at different times, which no
  // communication orders: what it finds depends on who is faster.
  bool unordered = false;
};

// REQUIRES: validate(plan) is empty.
BruteForce brute_force(const Plan& plan);

}  // namespace lockstep::test

// The oracle: runs a plan with real tensors, all ranks in one process, and compares what it finds
// at every obligation with a reference that is built from model, tokens and weights alone.
// Definitions: design section 6, docs/replay.md. Links neither sim/contract nor sim/serving.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/rank_set.h"
#include "sim/plan/plan.h"

namespace lockstep::numeric {

enum class ReplayVerdict : std::uint8_t { agrees, diverges, stopped, inconclusive };
std::string to_string(ReplayVerdict verdict);

// One element that a test corrupts: after operation `operation`, on `rank`, element (row, column)
// of output 0 is multiplied by `factor`.
struct Corruption {
  int operation = 0;
  int rank = 0;
  std::int64_t row = 0;
  std::int64_t column = 0;
  double factor = 2.0;
};

struct ReplayOptions {
  std::uint64_t seed = 1;
  bool propagate = false;
  std::vector<Corruption> corruptions;
  // Called before each operation of a sweep over the plan; may be empty.
  std::function<void(int operation, int operations)> progress = nullptr;
};

// How often one term of the expected sum is present, by least squares over the compared rows.
struct TermScale {
  std::string term;
  double scale = 1.0;
};

// Operand `operand` of operation `operation`, over all ranks that execute it.
struct Comparison {
  int operation = 0;
  int operand = 0;
  Site site;
  bool boundary = false;
  bool met = true;
  bool inconclusive = false;     // wrong by more than the tolerance, but not by ten times as much
  RankSet wrong;                 // ranks with a wrong real row
  double relative_error = 0;     // |actual - reference| / |reference|, worst rank
  double scale = 1.0;            // <actual, reference> / <reference, reference>
  double error_after_scale = 0;  // |actual - scale * reference| / |actual|
  std::vector<TermScale> terms;
};

struct ReplayResult {
  ReplayVerdict verdict = ReplayVerdict::agrees;
  std::vector<Comparison> comparisons;  // in plan order; those not reached are absent
  int stopped_at = -1;                  // operation whose collective could not complete; -1: none
  std::string stopped_why;  // "ranks 0-3 call all_reduce, ranks 4-7 call reduce_scatterv"
  double tolerance = 0;
  int tokens_changed = 0;  // propagate: requests whose top-1 token differs from the reference's
  int tokens_total = 0;
};

// The model at dimensions that a CPU runs in milliseconds: hidden, widths, heads and vocabulary
// shrink to the smallest that every shard count of `plan` divides; layers, experts, routing and
// the order of everything stay. Idempotent.
Plan at_reduced_dimensions(Plan plan);

// REQUIRES: validate(plan) is empty.
ReplayResult replay(const Plan& plan, const ReplayOptions& options);

}  // namespace lockstep::numeric

// The oracle: runs a plan with real tensors, all ranks in one process, and compares what it finds
// at every obligation with a reference that is built from model, tokens and weights alone.
// Definitions: design section 6, docs/replay.md. Links neither sim/contract nor sim/serving.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "backend/numeric/storage.h"
#include "sim/base/rank_set.h"
#include "sim/plan/plan.h"

namespace lockstep::numeric {

enum class ReplayVerdict : std::uint8_t { agrees, diverges, stopped, inconclusive };
std::string to_string(ReplayVerdict verdict);

// What memory that nobody wrote and rows of padding hold. Neither may show in a real row. What
// takes NaN for a small number hides it; a large number hides where it is compared and lost.
enum class Garbage : std::uint8_t {
  nan,
  finite,  // finite_garbage(): 2^40, with float16 2^15
  both     // one run each; an obligation is met if it is in both
};

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
  Garbage garbage = Garbage::nan;
  Storage storage = Storage::float32;
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

// propagate: how many tokens of a step, at the last logits that were asked for, have another
// likeliest next word than the reference's on some rank.
struct StepWords {
  int step = 0;
  int changed = 0;
  int total = 0;
};

// What was sent in an operation that communicates, on a backend that sends: bytes of tensors.
struct Sent {
  int from = 0;
  int to = 0;
  std::int64_t bytes = 0;
  bool operator==(const Sent&) const = default;
};
struct Traffic {
  int operation = 0;
  std::vector<Sent> sent;   // by sender, then receiver
  double microseconds = 0;  // measured: from a rank's call to its end, the longest of all ranks
};

struct ReplayResult {
  ReplayVerdict verdict = ReplayVerdict::agrees;
  std::vector<Comparison> comparisons;  // in plan order; those not reached are absent
  int stopped_at = -1;                  // operation whose collective could not complete; -1: none
  std::string stopped_why;  // "ranks 0-3 call all_reduce, ranks 4-7 call reduce_scatterv"
  double tolerance = 0;
  std::vector<Traffic> traffic;  // in plan order; of backends that send
  std::vector<StepWords> words;  // of the steps that have logits
  // Garbage::both: operations at which only the finite run is wrong.
  std::vector<int> garbage_shows;
};

// The model at dimensions that a CPU runs in milliseconds: hidden, widths, heads and vocabulary
// shrink to the smallest that every shard count of `plan` divides; layers, experts, routing and
// the order of everything stay. Idempotent.
Plan at_reduced_dimensions(Plan plan);

// Calls `run` once, or for Garbage::both with each kind of garbage, and tells the runs as one.
ReplayResult with_garbage(const ReplayOptions& options,
                          const std::function<ReplayResult(const ReplayOptions&)>& run);

// REQUIRES: validate(plan) is empty.
ReplayResult replay(const Plan& plan, const ReplayOptions& options);

}  // namespace lockstep::numeric

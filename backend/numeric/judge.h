// Judges obligations as ranks come to them: measures, puts right what is wrong (or lets it be), and
// lets the reference continue from what was really computed.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "backend/numeric/compare.h"
#include "backend/numeric/plan_reference.h"
#include "backend/numeric/ranks.h"
#include "backend/numeric/replay.h"
#include "backend/numeric/tolerance.h"

namespace lockstep::numeric {

// An obligation is unmet where its error exceeds this many tolerances.
inline constexpr double kDecisive = 10.0;

class Judge {
 public:
  // All must outlive it.
  Judge(const Plan& plan, const ReplayOptions& options, PlanReference& reference, Ranks& ranks);

  // `ranks` stand before `operation`.
  void judge(int operation, const std::vector<int>& ranks);
  // What `rank` brought to an obligation waits for what others bring, and may be put right then.
  bool is_gathering(int rank) const;
  // Everything that was found, in plan order. Of a run that did not stop: the verdict, too.
  ReplayResult result();

 private:
  // One judged tensor: of a rank, or summed over the part of a partial value. Members of a part
  // that owe other rows of the sum are judged by those.
  struct Judged {
    std::vector<int> ranks;
    std::vector<Held> held;   // by rank
    std::size_t members = 1;  // of the part
    bool leads = true;        // the first of `ranks` is the first of its part
    bool part_met = true;     // so are the other members of the part
    Sum<double> actual;
    Target target;
    Measurement measured;
  };
  // What has been judged of an operand, until all ranks that execute the operation have come.
  struct SoFar {
    std::size_t ranks = 0;
    std::vector<Judged> judged;
  };
  using PartKey = std::tuple<int, int, std::size_t>;  // operation, operand, part

  void judge_operand(int operation, int operand, const std::vector<int>& ranks);
  void judge_ranks(const Operand& operand, const std::vector<int>& ranks, SoFar& now);
  void judge_parts(int operation, int operand, const std::vector<int>& ranks, SoFar& now);
  void judge_part(const Operation& op, const Operand& operand, const std::vector<int>& part,
                  const std::map<int, Held>& come, SoFar& now);
  void tell(int operation, int operand, SoFar now);
  Comparison comparison_of(const Operand& operand, const std::vector<Judged>& judged) const;
  void repair(const Operand& operand, const Judged& judged);
  void follow(SpecId spec, const std::vector<Judged>& judged);
  void follow_row(SpecId spec, std::int64_t row, std::span<const double> actual);
  void note_words(SpecId id, const std::vector<Judged>& judged);
  std::vector<StepWords> words() const;
  bool come_late_and_unmet() const;
  bool met(const Judged& judged) const { return judged.measured.met(kDecisive * tolerance_); }

  const Plan& plan_;
  const ReplayOptions& options_;
  PlanReference& reference_;
  Ranks& ranks_;
  double tolerance_;
  std::map<std::pair<int, int>, SoFar> so_far_;       // by operation and operand
  std::map<PartKey, std::map<int, Held>> gathering_;  // what members had when they came
  // propagate: by step and token, whether its last logits name another word.
  std::map<std::pair<int, std::int64_t>, bool> word_changed_;
  std::vector<Comparison> comparisons_;
};

}  // namespace lockstep::numeric

// Runs a plan with real tensors: every rank in program order, collectives once all members have
// called. Judges each obligation when the ranks that owe it arrive, puts right what is wrong (or
// carries it on), and lets the reference continue from what was really computed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "backend/numeric/blocks.h"
#include "backend/numeric/compare.h"
#include "backend/numeric/peers.h"
#include "backend/numeric/plan_reference.h"
#include "backend/numeric/rendezvous.h"
#include "backend/numeric/replay.h"
#include "backend/numeric/tensor.h"
#include "backend/numeric/weights.h"

namespace lockstep::numeric {

// The error that rounding may cause: kToleranceFactor * 2^-24 * sqrt(longest accumulation). The
// factor was measured (docs/replay.md).
double tolerance_of(const Plan& plan);
// An obligation is unmet where its error exceeds this many tolerances.
inline constexpr double kDecisive = 10.0;

class Interpreter {
 public:
  // `plan` must outlive it. REQUIRES: validate(plan) is empty.
  Interpreter(const Plan& plan, const ReplayOptions& options);

  ReplayResult run();

 private:
  enum class Status : std::uint8_t { running, waiting, stopped };

  // One judged tensor: of a rank, or summed over the part of a partial value.
  struct Judged {
    std::vector<int> ranks;
    std::vector<Held> held;  // by rank
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
  // The last local result, reused for ranks whose result depends on the same things.
  struct LocalMemo {
    std::vector<Held> in;
    int rows = -1;
    std::vector<ShareRange> shares;  // by production, as share_key()
    Held out;
  };

  // A rank's point-to-point call that has not ended.
  struct Message {
    int halves = 0;  // that have not met
    Held sent;
    std::optional<Held> received;
  };

  void step(int operation);
  void advance(int rank, int from);
  Held& held(TensorId tensor, int rank);
  void write(int operation, std::size_t output, int rank, Held value);

  void run_local(int operation, int rank, LocalMemo& memo);
  Held local_result(const Operation& op, int rank, std::span<const Held> in);
  int rows_key(const Operation& op, int rank) const;
  bool depends_on_rank(const Operation& op) const;

  void call_collective(int operation, int rank);
  void complete_collective(const std::vector<Call>& calls);
  std::vector<Held> exchange(const std::vector<Call>& calls, std::size_t output);
  std::vector<std::int64_t> home_rows(const std::vector<Call>& calls, std::size_t output) const;
  void call_peer(int operation, int rank);
  void deliver(Peers::Half sender, Peers::Half receiver);
  void finish_message(Peers::Half half);
  void stop(int operation, std::string why);
  void stop_for_waiting();
  void stop_for_waiting_peers();

  void judge(int operation, const std::vector<int>& ranks);
  void judge_operand(int operation, int operand, const std::vector<int>& ranks);
  void judge_ranks(const Operand& operand, const std::vector<int>& ranks, SoFar& now);
  void judge_parts(int operation, int operand, const std::vector<int>& ranks, SoFar& now);
  Judged judge_part(const Operation& op, const Operand& operand, const std::vector<int>& part,
                    const std::map<int, Held>& come);
  void tell(int operation, int operand, SoFar now);
  Comparison comparison_of(const Operand& operand, const std::vector<Judged>& judged) const;
  void repair(const Operation& op, const Operand& operand, const Judged& judged);
  void follow(SpecId spec, const std::vector<Judged>& judged);
  void follow_row(SpecId spec, std::int64_t row, std::span<const double> actual);
  void note_words(SpecId id, const std::vector<Judged>& judged);
  bool come_late_and_unmet() const;
  void finish();

  const Plan& plan_;
  ReplayOptions options_;
  Weights weights_;
  PlanReference reference_;
  Blocks blocks_;
  Rendezvous meeting_;
  Peers peers_;
  std::vector<Message> messages_;  // by rank
  double tolerance_;
  std::vector<Held> held_;  // by tensor, then rank
  std::vector<int> position_;
  std::vector<Status> status_;
  bool moved_ = false;                                // some rank went on in this sweep
  std::map<std::pair<int, int>, SoFar> so_far_;       // by operation and operand
  std::map<PartKey, std::map<int, Held>> gathering_;  // what members had when they came
  std::map<std::int64_t, bool> word_changed_;         // propagate: by token, at its last logits
  ReplayResult result_;
};

}  // namespace lockstep::numeric

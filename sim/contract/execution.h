// Runs a plan symbolically: every rank in program order, collectives when all members have arrived.
// Judges each obligation on the way, repairs (or carries on) what is wrong, and remembers enough
// for blame.h to say afterwards whose fault it was.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sim/contract/judge.h"
#include "sim/contract/rendezvous.h"
#include "sim/contract/state.h"
#include "sim/contract/value.h"
#include "sim/plan/plan.h"

namespace lockstep::contract {

// An obligation that some rank did not meet, with the wrong rows as they were before repair.
struct UnmetObligation {
  int operation = 0;
  int operand = 0;
  std::vector<RowFault> faults;
};

// An obligation as judged: over all ranks that execute the operation.
struct JudgedObligation {
  int operation = 0;
  int operand = 0;
  RankSet wrong;
};

// Members of a communicator that called what does not fit together.
struct Mismatch {
  int communicator = 0;
  std::vector<Arrival> arrivals;
  std::string why;
};

class Execution {
 public:
  // `plan` must outlive the execution. REQUIRES: validate(plan) is empty.
  Execution(const Plan& plan, bool propagate);

  void run();

  const std::vector<UnmetObligation>& unmet() const { return unmet_; }
  const std::vector<JudgedObligation>& judged() const { return judged_; }
  const std::vector<Mismatch>& mismatches() const { return mismatches_; }
  // Ranks that wait for ever; empty if every rank ended or was stopped by a mismatch.
  std::vector<std::pair<int, std::vector<Arrival>>> waiting() const { return meeting_.waiting(); }
  bool stopped(int rank) const {
    return status_[static_cast<std::size_t>(rank)] == Status::stopped;
  }
  // The operation at which `rank` stands; the number of operations if it has ended.
  int position(int rank) const { return position_[static_cast<std::size_t>(rank)]; }

  // Output `output` of `operation` on `rank` as it was written; none if it was not.
  StateId written(int operation, int output, int rank) const;
  const Plan& plan() const { return plan_; }
  ValueTable& values() { return values_; }
  StateTable& states() { return states_; }
  Judge& judge() { return judge_; }
  const Rendezvous& meeting() const { return meeting_; }

 private:
  // waiting: in a collective, for other members. stopped: its communicator failed.
  enum class Status : std::uint8_t { running, waiting, stopped };

  // The last local result, reused for the next rank if it depends on the same things.
  struct LocalMemo {
    std::vector<StateId> in;
    int rows = -1;
    ColumnRange columns;
    std::vector<ShareRange> shares;  // by production, as share_key()
    ValueId value;  // of what a nonlinear operation produces from right inputs; none: unknown
    StateId out;
    bool filled = false;

    void clear();
    bool same_question(const LocalMemo& other) const;
  };

  bool step(int operation);
  void judge_operands(int operation, const std::vector<int>& ranks);
  void judge_complete(int operation, int operand, const std::vector<int>& ranks);
  void judge_partial(int operation, int operand, const std::vector<int>& ranks);
  void settle(int operation, int operand, std::vector<RowFault> faults, std::size_t judged_ranks);
  void repair(const Operand& operand, std::span<const int> ranks);

  void run_local(int operation, int rank);
  StateId local_result(const Operation& op, int rank, std::span<const StateId> in);
  StateId produced(const Operation& op, int rank, std::span<const StateId> in, ValueId right);
  void taint(const Operation& op, int rank, std::span<const StateId> in, ValueId right);
  ValueId production_value(const Operation& op, int rank, ValueId wrong_input);
  ColumnRange output_columns(const Operation& op, int rank) const;
  LayoutId rows_of_result(const Operation& op) const;
  int rows_key(const Operation& op, int rank) const;

  void run_collective(int operation, int rank);
  void complete_collective(int communicator, const std::vector<Arrival>& arrivals);
  std::string disagreement(const std::vector<Arrival>& arrivals) const;
  std::string refused_arguments(const Arrival& arrival, std::size_t members) const;
  std::vector<StateId> collective_result(const std::vector<Arrival>& arrivals,
                                         std::span<const StateId> in, std::size_t output);
  std::vector<std::int64_t> chunk_rows(const std::vector<Arrival>& arrivals,
                                       std::size_t output) const;

  StateId& state(TensorId tensor, int rank);
  StateId state(TensorId tensor, int rank) const;
  void write(int operation, std::size_t output, int rank, StateId state);
  void advance(int rank, int from);

  const Plan& plan_;
  bool propagate_;
  ValueTable values_;
  StateTable states_;
  Judge judge_;
  Rendezvous meeting_;
  std::vector<StateId> current_;              // by tensor, then rank
  std::vector<std::size_t> first_output_of_;  // by operation, into written_
  std::vector<StateId> written_;              // by output, then rank
  std::vector<int> position_;
  std::vector<Status> status_;
  std::vector<UnmetObligation> unmet_;
  std::vector<JudgedObligation> judged_;
  std::vector<Mismatch> mismatches_;
  // Scratch, kept for its memory.
  std::vector<int> here_;  // ranks at the operation in hand
  LocalMemo memo_;         // of the operation in hand
  LocalMemo asked_;
  std::vector<Run> runs_;
  std::vector<ValueTable::At> parts_;
};

}  // namespace lockstep::contract

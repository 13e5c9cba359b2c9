// Runs a plan symbolically: every rank in program order, collectives when all members have arrived.
// Judges each obligation on the way, repairs (or carries on) what is wrong, and remembers enough
// for blame.h to say afterwards whose fault it was.
//
// While all ranks keep step, an operation is taken for all of them at once, on forms (form.h).
// What no form tells is done rank by rank, on states; so is all of an `exact` execution, which is
// the reference that the other is tested against.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/contract/check.h"
#include "sim/contract/form.h"
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
  std::vector<FaultGroup> faults;
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
  // `plan` must outlive the execution. `exact`: no forms; so it is where wrong values are carried
  // on. REQUIRES: validate(plan) is empty.
  Execution(const Plan& plan, const Options& options);

  void run();

  const std::vector<UnmetObligation>& unmet() const { return unmet_; }
  const std::vector<JudgedObligation>& judged() const { return judged_; }
  const std::vector<Mismatch>& mismatches() const { return mismatches_; }
  bool failed() const { return !unmet_.empty() || !mismatches_.empty() || !waiting().empty(); }
  // Ranks that wait for ever; empty if every rank ended or was stopped by a mismatch.
  std::vector<std::pair<int, std::vector<Arrival>>> waiting() const {
    return meeting_ ? meeting_->waiting() : std::vector<std::pair<int, std::vector<Arrival>>>();
  }
  bool stopped(int rank) const {
    return status_[static_cast<std::size_t>(rank)] == Status::stopped;
  }
  // The operation at which `rank` stands; the number of operations if it has ended.
  int position(int rank) const { return position_[static_cast<std::size_t>(rank)]; }

  // Output `output` of `operation` on `rank` as it was written; none if it was not.
  StateId written(int operation, int output, int rank);
  // The faults of that output against `spec`, over all ranks that wrote it, where a form tells.
  std::optional<std::vector<FaultGroup>> faults_of_form(int operation, int output, SpecId spec);
  const Plan& plan() const { return plan_; }
  ValueTable& values() { return values_; }
  StateTable& states() { return states_; }
  Judge& judge() { return judge_; }
  const Places& places() const { return places_; }
  // REQUIRES: some call failed or waits.
  const Rendezvous& meeting() const { return *meeting_; }
  // True where a coefficient of a form does not fit: only an exact execution can tell.
  bool forms_overflowed() { return forms_.patterns().overflowed(); }

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

  // What a tensor is on every rank: a form, states, or a form with states that replace it here and
  // there (kByForm: it is not replaced). Neither: nobody has written it.
  struct Holding {
    FormId form;
    std::vector<StateId> states;

    bool by_form() const { return form.exists() && states.empty(); }
  };
  static constexpr StateId kByForm{-2};

  // Ranks keep step: as long as they do, positions are not kept.
  int run_together(int operation);
  bool has_enough() const { return verdict_only_ && (!unmet_.empty() || !mismatches_.empty()); }
  void step_together(int operation);
  void fall_apart(int operation);
  bool keeps_step(int operation) const;
  bool sweep(int& next);
  bool step(int operation);
  const std::vector<int>& ranks_of(const Operation& op);
  // The ranks of `op`; empty where it names all of them, too.
  const RankSet& who(const Operation& op) const {
    return op.ranks.size() == plan_.world ? everybody_ : op.ranks;
  }

  // By form; false where no form tells.
  bool judge_by_form(int operation, int operand);
  std::vector<FaultGroup> faults_by_form(FormId sum, SpecId spec, std::span<const int> ranks);
  bool judge_partial_by_form(int operation, int operand, FormId held);
  bool tell_by_form(int operation);
  std::optional<FormId> result_by_form(const Operation& op);
  std::optional<FormId> collective_by_form(const Operation& op, FormId in);
  bool whole_parts(const Operation& op) const;
  bool scatter_by_form(int operation);
  FormId form_of(TensorId tensor, const RankSet& readers);
  void put(TensorId tensor, FormId form);
  void find_form(int operation);

  void judge_operands(int operation, const std::vector<int>& ranks);
  void judge_operand(int operation, int operand, const std::vector<int>& ranks);
  void judge_complete(int operation, int operand, const std::vector<int>& ranks);
  void judge_partial(int operation, int operand, const std::vector<int>& ranks);
  void settle(int operation, int operand, std::vector<FaultGroup> faults, std::size_t judged_ranks);
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
  std::string disagreement(const std::vector<Arrival>& arrivals);
  std::string disagreement(const Arrival& arrival, const Arrival& first);
  std::string refused_arguments(const Arrival& arrival, std::size_t members);
  std::vector<StateId> collective_result(const std::vector<Arrival>& arrivals, std::size_t output);
  std::optional<StateId> sum_with_absent(const std::vector<Arrival>& arrivals, std::size_t output);
  std::vector<std::int64_t> chunk_rows(const std::vector<Arrival>& arrivals, std::size_t output);
  std::int64_t total_of(SizesId sizes);

  StateId state(TensorId tensor, int rank) { return state_in(current_[tensor.index()], rank); }
  StateId state_in(const Holding& holding, int rank);
  void set_state(TensorId tensor, int rank, StateId state);
  // Rows held, without making a state; -1: the tensor does not exist there.
  std::int64_t rows_held(TensorId tensor, int rank);
  void write(int operation, std::size_t output, int rank, StateId state);
  void advance(int rank, int from);

  const Plan& plan_;
  bool propagate_;
  bool exact_;
  bool verdict_only_;
  Places places_;
  ValueTable values_;
  StateTable states_;
  Judge judge_;
  FormTable forms_;
  std::optional<Rendezvous> meeting_;         // from the first call on that no form tells
  std::vector<Holding> current_;              // by tensor
  std::vector<std::size_t> first_output_of_;  // by operation, into written_
  std::vector<Holding> written_;              // by output
  const RankSet everybody_;                   // the empty set
  bool together_ = true;
  int furthest_ = -1;  // the last operation that any rank has executed
  std::vector<int> position_;
  std::vector<Status> status_;
  std::vector<UnmetObligation> unmet_;
  std::vector<JudgedObligation> judged_;
  std::vector<Mismatch> mismatches_;
  // Scratch, kept for its memory.
  std::vector<int> here_;  // ranks at the operation in hand
  LocalMemo memo_;         // of the operation in hand
  LocalMemo asked_;
  SizesId totalled_;  // whose sum total_ is
  std::int64_t total_ = 0;
  std::vector<Run> runs_;
  std::vector<ValueTable::At> parts_;
};

}  // namespace lockstep::contract

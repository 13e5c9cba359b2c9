// Runs a plan symbolically: every rank in program order, collectives when all members have arrived.
// Judges each obligation on the way, repairs (or carries on) what is wrong, and remembers enough
// for blame.h to say afterwards whose fault it was.
//
// While all ranks keep step, an operation is taken for all of them at once, on forms (form.h).
// What no form tells is done rank by rank, on states; so is all of an `exact` execution, which is
// the reference that the other is tested against.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "sim/contract/check.h"
#include "sim/contract/form.h"
#include "sim/contract/judge.h"
#include "sim/contract/point_to_point.h"
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
  // Those in collectives first, then those that wait point to point.
  std::vector<Wait> waiting() const;
  bool stopped(int rank) const {
    return status_[static_cast<std::size_t>(rank)] == Status::stopped;
  }
  // The operation at which `rank` stands; the number of operations if it has ended.
  int position(int rank) const { return position_[static_cast<std::size_t>(rank)]; }

  // Output `output` of `operation` on `rank` as it was written; none if it was not.
  StateId written(int operation, int output, int rank);
  // The rank has no part in the result of `op`: it is no root of the reduction, it receives
  // nothing.
  bool left_out(const Operation& op, int rank) const;
  // Operations that received, each with one that sent to it.
  const std::set<std::pair<int, int>>& transfers() const { return transfers_; }
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
  // waiting: in a call, for other members. stopped: its communicator failed.
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
  bool all_here(int operation, int operand, const std::vector<int>& part,
                const std::vector<bool>& asks, std::vector<std::pair<int, StateId>>& come);
  void judge_part(int operation, int operand, std::size_t part,
                  const std::vector<std::pair<int, StateId>>& come,
                  std::vector<FaultGroup>& groups);
  void settle(int operation, int operand, std::vector<FaultGroup> faults, std::size_t judged_ranks);
  void repair(const Operand& operand, std::span<const int> ranks, std::span<const StateId> held);
  ValueId part_of_value(const StateSpec& spec, std::size_t index, std::size_t size);

  void run_local(int operation, int rank);
  StateId local_result(const Operation& op, int rank, std::span<const StateId> in);
  StateId produced(const Operation& op, int rank, std::span<const StateId> in, ValueId right);
  void taint(const Operation& op, int rank, std::span<const StateId> in, ValueId right);
  ValueId production_value(const Operation& op, int rank, ValueId wrong_input);
  ColumnRange output_columns(const Operation& op, int rank) const;
  ColumnRange slice_of(const Operation& op, GroupId over, int rank) const;
  void add_part_sums(int operation, int rank, std::vector<StateId>& to);
  StateId judged_state(int operation, std::size_t operand, int rank, StateId own);
  LayoutId rows_of_result(const Operation& op) const;
  int rows_key(const Operation& op, int rank) const;

  void run_call(int operation, int rank) {
    const OpKind kind = plan_.operations[static_cast<std::size_t>(operation)].kind;
    is_point_to_point(kind) ? run_point_to_point(operation, rank) : run_collective(operation, rank);
  }
  void stop(int communicator, std::vector<Arrival> arrivals, std::string why);
  void run_point_to_point(int operation, int rank);
  std::string refused_peers(const Operation& op, int rank) const;
  std::string disagreement(const Transfer& transfer) const;
  void complete_transfer(const Transfer& transfer);
  void finish(int rank);

  void run_collective(int operation, int rank);
  void complete_collective(int communicator, const std::vector<Arrival>& arrivals);
  std::string disagreement(const std::vector<Arrival>& arrivals);
  std::string disagreement(const Arrival& arrival, const Arrival& first);
  std::int64_t rows_called_with(const Arrival& arrival);
  std::string different_rows(const Arrival& arrival, const Arrival& first);
  std::string refused_arguments(const Arrival& arrival, std::size_t members);
  std::string refused_sizes(const Arrival& arrival, std::size_t members);
  std::vector<StateId> collective_result(const std::vector<Arrival>& arrivals, std::size_t output);
  std::vector<StateId> operands(const std::vector<Arrival>& arrivals, std::size_t output);
  std::vector<StateId> reduced(const std::vector<Arrival>& arrivals, std::size_t output);
  std::vector<StateId> exchanged(const Operation& op, std::span<const StateId> in);
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
  // A call of send, recv or send_recv of which some half has not been met.
  struct Call {
    int operation = 0;
    int open = 0;
    std::optional<StateId> received;
  };
  // An obligation that some ranks have come to and others have not.
  struct SoFar {
    std::size_t ranks = 0;  // judged
    std::vector<int> wrong;
    std::size_t unmet = 0;  // one more than its place in unmet_; 0: met so far
  };
  Mailbox mail_;
  std::map<int, Call> calls_;                    // by rank
  std::set<std::pair<int, int>> transfers_;      // operations that received and sent
  std::map<std::pair<int, int>, SoFar> so_far_;  // by operation and operand
  // Members of a part that came to a partial operand before others, with what they held.
  std::map<std::tuple<int, int, int>, std::vector<std::pair<int, StateId>>> gathering_;
  // What the parts of a partial operand added up to, where wrong values are carried on.
  std::map<std::tuple<int, int, int>, StateId> part_sums_;
  std::size_t advances_ = 0;

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

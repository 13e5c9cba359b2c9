// The plan: what every rank does, in order, as plain data. Lowering writes it, the interpreters
// (contract, timing, numeric replay) read it, and none of them knows who wrote it.
//
// One operation stands for all ranks that execute it (`Operation::ranks`); what differs between
// those ranks (row counts, offsets, shard indices) is found through tables indexed by rank. Ids are
// indices into the tables of the same plan. docs/plan_format.md specifies the text form.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/model/model.h"
#include "sim/parallel/batch.h"
#include "sim/parallel/parallel.h"
#include "sim/plan/operation.h"
#include "sim/plan/tables.h"

namespace lockstep {

// ---- the whole --------------------------------------------------------------------------------

// One request of one step: rows first_token .. first_token + tokens - 1 on attention-DP shard
// `shard`, after `prefix` tokens that are in the cache.
struct Request {
  int shard = 0;
  int index = 0;  // position in the shard's batch
  std::int64_t first_token = 0;
  int tokens = 0;
  int prefix = 0;
  bool operator==(const Request&) const = default;
};

struct Step {
  Padding padding = Padding::none;
  bool cuda_graph = false;
  std::vector<Request> requests;
  bool operator==(const Step&) const = default;
};

// Where the plan came from; printed, kept through text, not hashed.
struct Origin {
  std::string system;          // "sglang", "plain", "program"
  std::string asked;           // revision as asked
  std::string resolved_after;  // "#23748": the last timeline row in force
  std::string epoch;           // "E2"
  bool operator==(const Origin&) const = default;
};

struct Plan {
  std::string name;
  Origin origin;
  std::vector<std::string> notes;  // what the serving system changed silently, what was assumed
  // Facts that the plan's writer did not know and that decide what is done. Such a plan has no
  // program, and nobody can judge it.
  std::vector<std::string> unknown;
  Model model;
  std::uint64_t seed = 1;
  int world = 1;
  std::vector<Group> groups;
  std::vector<RowLayout> layouts;
  std::vector<MoveTable> moves;
  std::vector<SizeTable> sizes;
  std::vector<PlacementTable> placements;
  std::vector<Tensor> tensors;
  std::vector<Term> terms;
  std::vector<Closing> closings;
  std::vector<StateSpec> specs;
  std::vector<Reason> reasons;
  std::vector<Step> steps;
  std::vector<Operation> operations;

  const Group& group(GroupId id) const { return groups[id.index()]; }
  const RowLayout& layout(LayoutId id) const { return layouts[id.index()]; }
  const MoveTable& move_table(MovesId id) const { return moves[id.index()]; }
  const SizeTable& size_table(SizesId id) const { return sizes[id.index()]; }
  const PlacementTable& placement_table(PlacementId id) const { return placements[id.index()]; }
  const Tensor& tensor(TensorId id) const { return tensors[id.index()]; }
  const Term& term(TermId id) const { return terms[id.index()]; }
  const StateSpec& spec(SpecId id) const { return specs[id.index()]; }
  const Reason& reason(ReasonId id) const { return reasons[id.index()]; }
  // Columns of a tensor: hidden_size, vocab_size padded to a multiple of 64 (SGLang's
  // DEFAULT_VOCAB_PADDING_SIZE), n_routed_experts, 2 of qk_statistics, or the number it is.
  // REQUIRES: is_columns_name(columns).
  std::int64_t column_count(const std::string& columns) const;

  // Equal in every table and every operation. The numbers of specs are no part of a plan: two are
  // equal if their operations refer to specs of equal content.
  bool operator==(const Plan& other) const;
};

// The entry of Operation::to or ::from for the member at `index`. REQUIRES: it is not empty.
int peer_of(const std::vector<int>& peers, int index);

// True if `rank` executes `op`.
bool executes(const Operation& op, int rank);

// The shares [first, last) of `production` on `rank` (the formula is at Production).
// REQUIRES: it has no placement.
ShareRange shares_of(const Plan& plan, const Production& production, int rank);

// The place of `rank` in its part of `group`, and the part itself.
struct Membership {
  int index = 0;
  const std::vector<int>* members = nullptr;
};
Membership membership(const Plan& plan, GroupId group, int rank);

// The rank's slice [first, last) of `columns` columns cut evenly over a group of `size`, at
// `index`: floor(columns * index / size) and so on.
ShareRange column_slice(std::int64_t columns, int index, int size);

// Everything that an interpreter may assume of a plan: ids in range, tables of the right length,
// the operand counts of each kind, productions that divide, tokens covered by requests. Returns the
// faults found, each naming the operation; empty if the plan is well formed. A plan that passes
// never makes an interpreter fail an assertion.
std::vector<std::string> validate(const Plan& plan);

// Hash of everything but name, origin, notes, reasons and operation names: equal plans that differ
// only in why they were chosen hash equally.
std::uint64_t hash(const Plan& plan);

}  // namespace lockstep

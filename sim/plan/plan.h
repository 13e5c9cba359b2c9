// The plan: what every rank does, in order, as plain data. Lowering writes it, the interpreters
// (contract, timing, numeric replay) read it, and none of them knows who wrote it.
//
// One operation stands for all ranks that execute it (`Operation::ranks`); what differs between
// those ranks (row counts, offsets, shard indices) is found through tables indexed by rank. Ids are
// indices into the tables of the same plan. docs/plan_format.md specifies the text form.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "sim/base/ids.h"
#include "sim/base/rank_set.h"
#include "sim/base/rational.h"
#include "sim/model/model.h"
#include "sim/parallel/batch.h"
#include "sim/parallel/parallel.h"

namespace lockstep {

using LayoutId = Id<struct LayoutTag>;
using MovesId = Id<struct MovesTag>;
using SizesId = Id<struct SizesTag>;
using TensorId = Id<struct TensorTag>;
using PlacementId = Id<struct PlacementTag>;
using TermId = Id<struct TermTag>;
using SpecId = Id<struct SpecTag>;
using ReasonId = Id<struct ReasonTag>;

// ---- rows -------------------------------------------------------------------------------------

inline constexpr std::int64_t kPadding = -1;

// `count` consecutive rows that hold tokens token, token + 1, ...; or padding. A token id names one
// token of one request of one step, and is unique in the plan (Request::first_token).
struct RowRun {
  std::int64_t token = kPadding;
  std::int64_t count = 0;
  auto operator<=>(const RowRun&) const = default;
};
using RowMap = std::vector<RowRun>;
std::int64_t row_count(const RowMap& map);

// A value per rank, with equal values stored once. REQUIRES: every index_of_rank is in range.
template <class T>
struct PerRank {
  std::vector<T> distinct;
  std::vector<int> index_of_rank;

  const T& at(int rank) const {
    return distinct[static_cast<std::size_t>(index_of_rank[static_cast<std::size_t>(rank)])];
  }
  bool operator==(const PerRank&) const = default;
};

// Which rows a tensor is meant to hold on each rank: `own`, `all`, `slice`, `logits_own`, ...
struct RowLayout {
  std::string name;
  PerRank<RowMap> rows;
  bool operator==(const RowLayout&) const = default;
};

// Copy `count` rows that start at row `from` of the source to row `to` of the destination.
struct Move {
  std::int64_t from = 0;
  std::int64_t to = 0;
  std::int64_t count = 0;
  auto operator<=>(const Move&) const = default;
};
struct RowMoves {
  std::int64_t rows_out = 0;  // rows of the destination
  std::vector<Move> moves;
  bool operator==(const RowMoves&) const = default;
};
// The arguments of copy_rows. Offsets are mechanical: whether the right token arrives is for the
// checker to find out.
struct MoveTable {
  std::string name;
  PerRank<RowMoves> of;
  bool operator==(const MoveTable&) const = default;
};

// The sizes list of a variable-count collective: one entry per member, in group order.
struct SizeTable {
  std::string name;
  std::vector<std::int64_t> sizes;
  bool operator==(const SizeTable&) const = default;
};

// ---- values -----------------------------------------------------------------------------------

enum class TermKind : std::uint8_t {
  embedding,   // the token's embedding row
  residual,    // a residual-stream handle (Closing)
  norm,        // the result of an RMS norm; Term::index tells which of a layer
  attention,   // o_proj of an attention block, sharded over heads
  statistics,  // sums of squares that a norm over all heads divides by, sharded over heads
  bias,        // of a projection whose weights are sharded; one holder adds it
  dense,       // down projection of a dense feed-forward, sharded over columns
  router,      // the router's choice and weights
  routed,      // routed experts, weighted, sharded over experts and columns
  shared,      // shared experts, sharded over columns
  logits,
  other,  // of a hand-written program
};

// A producer's contribution to a row. It is complete when each of its `shares` is summed once.
struct Term {
  std::string name;  // "L0.mlp.down", "L7.moe.expert", "residual@L7"
  TermKind kind = TermKind::other;
  int step = 0;
  int layer = -1;  // -1: outside the layers
  int index = 0;   // norm: 0 before attention, 1 before feed-forward, 2 final. residual: 0 input of
                   // attention, 1 input of feed-forward, 2 input of the final norm
  int shares = 1;
  bool operator==(const Term&) const = default;
};

// The residual stream at a closed boundary is one handle: `handle` equals the sum of `parts`, each
// complete. It keeps formal sums from growing with depth.
struct Closing {
  TermId handle;
  std::vector<TermId> parts;
  bool operator==(const Closing&) const = default;
};

// The shares [first, last) of a term.
struct ShareRange {
  int first = 0;
  int last = 0;
  bool operator==(const ShareRange&) const = default;
};

// Which shares of a term each rank produces, where no formula says so: a bias that one rank adds,
// or the logical experts that each rank's physical ones are. A rank may have a share twice.
struct PlacementTable {
  std::string name;
  PerRank<std::vector<ShareRange>> of;
  bool operator==(const PlacementTable&) const = default;
};

// How one operation produces a term. The rank's shares are the interval
//   [j * units + i * units / M, j * units + (i + 1) * units / M)
// where i of M is its place in `major` and j of m its place in `minor` (0 of 1 for no group), and
// Term::shares == units * m. A column-sharded layer over G has units == |G| and major == G; experts
// over EP x MoE-TP have units == experts, major == moe_ep, minor == moe_tp; a replicated layer has
// units == 1 and no groups. REQUIRES: units % M == 0.
struct Production {
  TermId term;
  GroupId major;
  GroupId minor;
  int units = 1;
  Rational coefficient = 1;  // 1/ep for a fused shared expert that is replicated over EP
  PlacementId placement{};   // says which shares instead of units and groups; none: the formula
  bool operator==(const Production&) const = default;
};

// What a tensor is meant to be: rows in `rows`; each row the sum of `terms`, every share once.
// `partial_over` none: every holder has that value. Otherwise the holders of one part of the group
// sum to it. `columns_over` none: all columns; otherwise the rank's slice of the columns.
struct StateSpec {
  LayoutId rows;
  std::vector<TermId> terms;
  GroupId partial_over;
  GroupId columns_over;
  bool operator==(const StateSpec&) const = default;
};

// ---- operations -------------------------------------------------------------------------------

enum class OpKind : std::uint8_t {
  // Local and linear.
  copy_rows,  // out := fill, then the moves from in[0]; slices, placements, prunings
  add,        // out := in[0] + in[1]
  scale,      // out := factor * in[0]
  // Local and nonlinear: every operand is an obligation (Operand::expect).
  embed,          // no operand; out rows as declared
  norm,           // in: hidden
  qk_statistics,  // in: normed hidden; out: the sums of squares of the rank's query and key heads
  attention,      // in: normed hidden; where heads are normed together, their statistics
  dense,          // in: normed hidden
  router,         // in: normed hidden
  experts,        // in: normed hidden, routing; may produce `routed` and a fused `shared`
  shared_expert,  // in: normed hidden
  lm_head,        // in: normed hidden; out holds the rank's columns of the vocabulary
  // Collectives over `group`; rows are counted in the members' order.
  all_reduce,       // out := sum over members; same rows everywhere. May be in place
  reduce_scatter,   // sum, then member i gets the i-th of |group| equal row chunks
  reduce_scatterv,  // sum, then member i gets `sizes[i]` rows (grouped rooted reduces)
  all_gather,       // concatenation of the members' equal chunks along `axis`
  all_gatherv,      // concatenation of the members' `sizes[i]` rows
  dispatch,         // all-to-all by routing: member i's experts see the rows routed to them. The
                    // formal result holds all members' rows, concatenated
  combine,          // the reverse: each row returns home as the sum over the members
  // No effect: in[0] must be as expected.
  require,
};

enum class Fill : std::uint8_t { zero, undefined, keep };  // of rows that copy_rows does not write
enum class Axis : std::uint8_t { rows, columns };

// Where an operation belongs. layer -1: outside the layers.
struct Site {
  int step = 0;
  int layer = -1;
  std::string module;  // embedding, attention, mlp, moe, boundary, logits, or a program's own name
  bool operator==(const Site&) const = default;
};

struct Operand {
  TensorId tensor;
  SpecId expect;  // an obligation; none for the operands of linear operations and collectives
  bool operator==(const Operand&) const = default;
};
struct Output {
  TensorId tensor;
  SpecId declared;  // what the writer of the plan means it to be; repair restores it
  bool operator==(const Output&) const = default;
};

struct Operation {
  OpKind kind = OpKind::require;
  std::string name;  // as a reader of the system knows it: "dp_gather", "down_proj all_reduce"
  RankSet ranks;     // that execute it; empty: all
  Site site;
  std::vector<Operand> in;
  std::vector<Output> out;
  std::vector<Production> produces;  // of nonlinear operations
  GroupId group;                     // of collectives
  SizesId sizes;                     // of reduce_scatterv, all_gatherv
  MovesId moves;                     // of copy_rows
  Fill fill = Fill::zero;            // of copy_rows
  Axis axis = Axis::rows;            // of all_gather
  Rational factor = 1;               // of scale
  bool boundary = false;   // of require: the contribution of a block to the residual stream
  int stream = 0;          // operations of a rank on one stream run in order
  std::vector<int> waits;  // events to wait for first
  int records = -1;        // event recorded afterwards; -1: none
  std::vector<ReasonId> because;

  bool operator==(const Operation&) const = default;
};

bool is_collective(OpKind kind);
bool is_nonlinear(OpKind kind);
bool sums(OpKind kind);  // all_reduce, reduce_scatter, reduce_scatterv, combine
std::string to_string(OpKind kind);

struct Tensor {
  std::string name;     // "L0.mlp_out"
  std::string buffer;   // the memory it lives in; tensors of one buffer overwrite each other
  std::string columns;  // hidden, vocab, experts, qk_statistics: the count is Plan::column_count
  std::string dtype = "bfloat16";
  bool operator==(const Tensor&) const = default;
};

// The rule that decided on an operation, with the inputs it saw.
struct Reason {
  std::string rule;
  std::string value;
  std::vector<std::pair<std::string, std::string>> inputs;
  std::string file;
  std::string function;
  std::vector<int>
      changes;  // pull requests that shaped the rule up to this revision, in merge order
  bool operator==(const Reason&) const = default;
};

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
  // DEFAULT_VOCAB_PADDING_SIZE), n_routed_experts, or 2 of qk_statistics. REQUIRES: a known name.
  std::int64_t column_count(const std::string& columns) const;

  // Equal in every table and every operation. The numbers of specs are no part of a plan: two are
  // equal if their operations refer to specs of equal content.
  bool operator==(const Plan& other) const;
};

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

// What a rank does: the kinds of operations and their arguments.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "sim/base/rank_set.h"
#include "sim/base/rational.h"
#include "sim/plan/tables.h"

namespace lockstep {

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

  // Of hand-written programs. They stand last, so that older plans keep their hashes.
  compute,        // any nonlinear function of any number of operands, named by its term; column by
                  // column where an operand is sliced. Without operands: an input of the program
  linear,         // a matrix product. in: one, which may be partial or sliced: then the shares of
                  // the result are those of the operand. May add biases (TermKind::bias)
  slice_columns,  // local: out := the rank's slice of the columns over `group`
  reduce,         // the sum to member `root`; the others' results are undefined
  broadcast,      // member `root`'s value to all
  all_to_all,     // member i's j-th equal row chunk to member j, in the order of i
  all_to_allv,    // the same with `sizes`: entry i * |group| + j rows from member i to member j
  send,           // to member `to`; both ends block until they have met
  recv,           // from member `from`
  send_recv,      // both at once (grouped): neither waits for the other
  barrier,        // no tensor
};

inline constexpr int kOpKinds = static_cast<int>(OpKind::barrier) + 1;

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
  std::vector<Production> produces;      // of nonlinear operations
  GroupId group;                         // of collectives
  SizesId sizes;                         // of reduce_scatterv, all_gatherv
  MovesId moves;                         // of copy_rows
  Fill fill = Fill::zero;                // of copy_rows
  Axis axis = Axis::rows;                // of all_gather
  Reduction reduction = Reduction::sum;  // of all_reduce, reduce, reduce_scatter, reduce_scatterv
  int root = 0;                          // of reduce, broadcast: the member, in group order
  // Of send, recv, send_recv: the other member for each member of a part, in group order. One
  // entry serves all; -1: none (only of send_recv). A number that is no member is the caller's bug.
  std::vector<int> to;
  std::vector<int> from;
  Rational factor = 1;     // of scale
  bool boundary = false;   // of require: the contribution of a block to the residual stream
  int stream = 0;          // operations of a rank on one stream run in order
  std::vector<int> waits;  // events to wait for first
  int records = -1;        // event recorded afterwards; -1: none
  std::vector<ReasonId> because;
  int line = 0;  // of the program it was written in; 0: of none. Not hashed

  bool operator==(const Operation&) const = default;
};

bool is_collective(OpKind kind);  // waits for the members of `group`; not point to point
bool is_point_to_point(OpKind kind);
bool communicates(OpKind kind);  // one of the two
// Makes terms of its own from operands that are judged: `linear`, too, whose operand must be what
// it is said to be.
bool is_nonlinear(OpKind kind);
bool sums(OpKind kind);         // all_reduce, reduce, reduce_scatter, reduce_scatterv, combine
bool takes_root(OpKind kind);   // reduce, broadcast
bool takes_sizes(OpKind kind);  // reduce_scatterv, all_gatherv, all_to_allv
std::string to_string(OpKind kind);

// hidden, vocab, experts, qk_statistics, or a number of columns from 1 to 2^24.
bool is_columns_name(const std::string& columns);

struct Tensor {
  std::string name;     // "L0.mlp_out"
  std::string buffer;   // the memory it lives in; tensors of one buffer overwrite each other
  std::string columns;  // hidden, vocab, experts, qk_statistics or a number: Plan::column_count
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

}  // namespace lockstep

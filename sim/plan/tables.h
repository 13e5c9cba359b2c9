// The tables of a plan: rows and who holds them, values and who makes them. Ids are indices into
// the tables of the same plan (sim/plan/plan.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/ids.h"
#include "sim/base/rational.h"
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

// How the shares of a term make the whole, and what a reducing collective does with its operands.
enum class Reduction : std::uint8_t {
  sum,
  average,    // of collectives: the sum divided by the number of members
  max,        // element by element; a share that is there twice does no harm
  logsumexp,  // log of the sum of exponentials: denominators of softmax parts; adds up like a sum
};

// A producer's contribution to a row. It is complete when each of its `shares` is there once.
struct Term {
  std::string name;  // "L0.mlp.down", "L7.moe.expert", "residual@L7"
  TermKind kind = TermKind::other;
  int step = 0;
  int layer = -1;  // -1: outside the layers
  int index = 0;   // norm: 0 before attention, 1 before feed-forward, 2 final. residual: 0 input of
                   // attention, 1 input of feed-forward, 2 input of the final norm
  int shares = 1;
  Reduction combine = Reduction::sum;  // never average
  TermId same_as{};  // the same quantity in another unit (the base of a logarithm); none: none
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

// What a tensor is meant to be: rows in `rows`; each row the sum of `terms`, every share once (zero
// if there are none).
// `partial_over` none: every holder has that value. Otherwise the holders of one part of the group
// sum to it. `columns_over` none: all columns; otherwise the rank's slice of the columns.
struct StateSpec {
  LayoutId rows;
  std::vector<TermId> terms;
  GroupId partial_over;
  GroupId columns_over;
  // Whoever reads it reads padding too (counts over all rows, a state that each row updates), so
  // that rows of padding must be zero. Only of obligations.
  bool zero_padding = false;
  bool operator==(const StateSpec&) const = default;
};

}  // namespace lockstep

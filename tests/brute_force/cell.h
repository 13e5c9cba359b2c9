// What a row of a tensor holds, written out: every share of every term. Nothing is shared, merged
// or interned; it is made to be read, and to be right.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <vector>

#include "sim/base/rational.h"
#include "sim/plan/plan.h"

namespace lockstep::test {

// One share of a term at a token's row, of a term that is the sum of its shares. It is no handle:
// handles are expanded to their parts.
struct Share {
  TermId term;
  int share = 0;
  std::int64_t token = 0;
  auto operator<=>(const Share&) const = default;
};

// The maximum of some shares of a term, or the log of the sum of their exponentials, in which a
// share may be several times.
struct Joint {
  TermId term;
  std::int64_t token = 0;
  std::map<int, std::int64_t> inside;  // how often, by share; of a maximum once
  auto operator<=>(const Joint&) const = default;
};

// A row: undefined, or how often each of these is there (never 0 times). `lost`: something else is
// there, too, such as the maximum of two terms, of which nothing can be said.
struct Cell {
  bool defined = true;
  bool lost = false;
  std::map<Share, Rational> sums;
  std::map<Joint, Rational> joints;
  bool operator==(const Cell&) const = default;
};
Cell undefined_cell();
using Cells = std::vector<const Cell*>;

// `shares` of `term` at `token`, `coefficient` times. A share may be named twice. A handle stands
// for its parts.
void add_shares(const Plan& plan, TermId term, const std::vector<ShareRange>& shares,
                std::int64_t token, Rational coefficient, Cell& cell);
// Every share of every term once.
Cell complete_cell(const Plan& plan, const std::vector<TermId>& terms, std::int64_t token);
// The part of it that member `index` of `members` holds after a repair: the first all of what adds
// up; everybody all of a maximum, and an even slice of the shares of a logarithm.
Cell part_cell(const Plan& plan, const std::vector<TermId>& terms, std::int64_t token, int index,
               int members);

Cell scaled(const Cell& cell, Rational factor);
Cell added(const Cells& cells);
// The reduction of one value per member, as docs/contract.md defines it.
Cell reduced(const Plan& plan, const Cells& cells, Reduction reduction);
// What the members of a partial value hold together: each term combined as its shares are.
Cell together(const Plan& plan, const Cells& cells);

}  // namespace lockstep::test

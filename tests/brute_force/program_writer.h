// Writes a program operation by operation and keeps count of what every tensor is meant to hold.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/random.h"
#include "sim/plan/builder.h"

namespace lockstep::test {

using Tokens = std::vector<std::int64_t>;  // of the rows on one rank; kPadding: padding

// A tensor as it is meant to be, on every rank.
struct Live {
  TensorId tensor;
  std::vector<Tokens> rows;  // by rank
  std::vector<TermId> terms;
  GroupId partial;  // at most one of these two
  GroupId sliced;
  std::string columns = "hidden";
  Reduction combine = Reduction::sum;  // of all its terms
  bool zero_padding = false;           // rows of padding are known to be zero

  bool whole() const { return !partial.exists() && !sliced.exists(); }
};

class ProgramWriter {
 public:
  // One program in eight has tensors of fewer columns than a group has members: slices without
  // columns, of which no number shows whether they are right.
  ProgramWriter(Plan start, Random& random)
      : builder_(std::move(start)), random_(random), narrow_(random.chance(1, 8)) {}

  PlanBuilder& builder() { return builder_; }
  const Plan& plan() const { return builder_.plan(); }
  Random& random() { return random_; }
  int world() const { return plan().world; }
  int below(int bound) { return static_cast<int>(random_.below(bound)); }
  bool chance(int in, int of) { return random_.chance(in, of); }

  // Everything that is written from now on belongs to `step`.
  void begin_step(int step) { step_ = step; }
  int step() const { return step_; }

  TensorId tensor(const std::string& columns);
  // A name or number of columns: a tensor's width.
  const char* any_columns();
  TermId term(TermKind kind, int shares, Reduction combine);
  LayoutId layout(const std::vector<Tokens>& rows);
  SpecId spec(const Live& live);
  MovesId moves(std::vector<RowMoves> per_rank);
  SizesId sizes(std::vector<std::int64_t> sizes);
  PlacementId placement(std::vector<std::vector<ShareRange>> per_rank);

  // An operation on all ranks, without operands and results yet. Valid until the next.
  Operation& add(OpKind kind);
  // The same from one tensor to another.
  Operation& add(OpKind kind, const Live& from, const Live& to);

  const std::vector<std::vector<int>>& parts(GroupId group) const {
    return plan().group(group).parts;
  }
  int size(GroupId group) const { return static_cast<int>(parts(group).front().size()); }
  GroupId any_group();

  // Rows of `live` that are the same on all members of each part.
  bool same_in_parts(const Live& live, GroupId group) const;
  bool equal_counts(const Live& live, GroupId group) const;

 private:
  template <class T>
  std::string name(const char* prefix, const std::vector<T>& table) const {
    return prefix + std::to_string(table.size());
  }

  PlanBuilder builder_;
  Random& random_;
  bool narrow_;
  int step_ = 0;
  std::map<std::vector<Tokens>, LayoutId> layouts_;
};

}  // namespace lockstep::test

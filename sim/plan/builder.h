// Builds a plan table by table, storing equal layouts, specs and reasons once.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sim/plan/plan.h"

namespace lockstep {

// Appends to a plan. Not a validator: call validate() on the result.
class PlanBuilder {
 public:
  explicit PlanBuilder(Plan start) : plan_(std::move(start)) {}

  const Plan& plan() const { return plan_; }
  Plan take() { return std::move(plan_); }

  // Sets memory aside for about so many operations and what comes with them.
  void reserve(std::size_t operations);
  GroupId group(const std::string& role) const;  // REQUIRES: the role exists
  GroupId add_group(Group group);
  LayoutId layout(std::string name, std::vector<RowMap> per_rank);
  LayoutId layout(std::string name, RowMap of_every_rank);
  MovesId moves(std::string name, std::vector<RowMoves> per_rank);
  SizesId sizes(std::string name, std::vector<std::int64_t> sizes);
  // An equal table of that name is returned again.
  PlacementId placement(std::string name, std::vector<std::vector<ShareRange>> per_rank);
  TensorId tensor(Tensor tensor);
  TermId term(Term term);
  void set_combine(TermId term, Reduction combine);
  void close(TermId handle, std::vector<TermId> parts);
  SpecId spec(StateSpec spec);             // an equal spec is returned again
  ReasonId reason(Reason reason);          // likewise
  Operation& append(Operation operation);  // valid until the next append
  // Lets the last operation record an event, and returns it. REQUIRES: there is an operation.
  int record_event();

 private:
  Plan plan_;
  int events_ = 0;
};

}  // namespace lockstep

// Judges one obligation: is a tensor what its spec says, and if not, which rows are wrong and how?
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sim/contract/places.h"
#include "sim/contract/state.h"
#include "sim/contract/value.h"
#include "sim/plan/plan.h"

namespace lockstep::contract {

enum class FaultKind : std::uint8_t {
  rows,          // another token's value, or a sum over different tokens
  undefined,     // depends on padding, stale or uninitialised memory; or padding that must be zero
  layout,        // other number of rows, or other columns
  coefficients,  // right row, wrong coefficients
};

// `count` rows from token `token` on `rank`: they hold `actual` at token `actual_token`.
struct RowFault {
  FaultKind kind = FaultKind::coefficients;
  int rank = 0;
  RowRun rows;
  ValueId actual = kZero;
  std::int64_t actual_token = kPadding;
};

// Ranks with the same faults but for RowFault::rank, which is that of the first of them.
struct FaultGroup {
  std::vector<int> ranks;
  std::vector<RowFault> faults;
};

class Judge {
 public:
  // All must outlive the judge.
  Judge(const Plan& plan, const Places& places, ValueTable& values, StateTable& states);

  // The state that `spec` means on `rank`: complete, padding undefined, or zero where the spec says
  // so. For a partial spec: the sum over the part.
  StateId reference(SpecId spec, int rank);
  // The sum of `states` (one per member of the part for a partial spec, else one) against `spec` on
  // `rank`. Real rows only, unless the spec asks for zero padding.
  bool met(SpecId spec, int rank, StateId sum);
  void faults(SpecId spec, int rank, StateId sum, std::vector<RowFault>& out);

  ValueId reference_value(SpecId spec);
  // Of the whole tensors that `spec` is about.
  std::int64_t column_count(SpecId spec) const { return column_count_of_spec_[spec.index()]; }

 private:
  ColumnRange columns_of(const StateSpec& spec, int rank) const;
  // What a row owes: `padding` none: nothing of rows of padding.
  struct Owed {
    ValueId value;
    ValueId padding;

    bool by(const RowRun& want, const Run& have) const;
  };
  Owed owed(SpecId spec);
  bool block_met(const RowMap& expected, std::span<const Run> actual, Owed owed) const;
  void block_faults(const RowMap& expected, std::span<const Run> actual, Owed owed, int rank,
                    std::vector<RowFault>& out) const;
  bool columns_met(ColumnRange expected, StateId state) const;

  const Plan& plan_;
  const Places& places_;
  ValueTable& values_;
  StateTable& states_;
  std::vector<ValueId> value_of_spec_;
  std::vector<std::vector<StateId>> references_;  // by spec, then by distinct row map
  std::vector<Run> runs_;                         // scratch
  std::vector<std::int64_t> column_count_of_spec_;
};

}  // namespace lockstep::contract

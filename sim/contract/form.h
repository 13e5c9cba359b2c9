// What a tensor is on all ranks at once: a layout, and a formal sum whose terms each rank holds by
// a pattern. A form is exact: it tells the state on every rank without making any.
//
// A form says: on rank r, the rows are those of `rows` at r; every row that holds a token holds
// there the sum over `sum` of term x profile of r, at that token; padding is undefined; the columns
// are the rank's slice over `columns_over`. Where `moves` exist, the state is what copy_rows makes
// of that. docs/contract.md has the argument that the operations on forms are those on states.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "sim/contract/pattern.h"
#include "sim/contract/places.h"
#include "sim/contract/row_lemmas.h"
#include "sim/contract/state.h"
#include "sim/contract/value.h"
#include "sim/plan/plan.h"

namespace lockstep::contract {

struct Addend {
  TermId term;
  PatternId pattern;
  bool operator==(const Addend&) const = default;
};

struct Form {
  RankSet holders;  // ranks on which the tensor exists; empty: all
  LayoutId rows;
  GroupId columns_over;
  std::int64_t columns = 0;  // of the whole tensor
  std::vector<Addend> sum;   // by term; closed streams folded into their handle
  MovesId moves;
  Fill fill = Fill::zero;

  bool plain() const { return !moves.exists(); }
};

using FormId = Id<struct FormTag>;

class FormTable {
 public:
  // All must outlive the table.
  FormTable(const Plan& plan, const Places& places, ValueTable& values, StateTable& states);

  const Form& at(FormId id) const { return forms_[id.index()].form; }
  FormId add(Form form);
  PatternTable& patterns() { return patterns_; }
  RowLemmas& rows() { return rows_; }

  // The operations. Each is exact, or says that it cannot tell by nullopt.
  std::optional<FormId> produced(const RankSet& holders, LayoutId rows, GroupId columns_over,
                                 std::int64_t columns, const std::vector<Production>& produces);
  // What `spec` says; of a partial spec: all of it on the first member of each part, zero
  // elsewhere. That is no part of a maximum or of a logarithm: nullopt.
  std::optional<FormId> reference(const StateSpec& spec, std::int64_t columns);
  std::optional<FormId> sum(FormId a, FormId b);
  std::optional<FormId> scaled(FormId id, Rational factor);
  std::optional<FormId> copied(FormId id, MovesId moves, Fill fill, LayoutId declared);
  std::optional<FormId> sliced(FormId id, GroupId columns_over);
  // Each member of a part gets the sum over the part; `declared`: the rows it may have.
  std::optional<FormId> sum_over(FormId id, GroupId group, LayoutId declared);
  // `inside` on its holders, `outside` on its other holders.
  std::optional<FormId> merged(FormId inside, FormId outside);

  // Of every rank, where all hold the same; none: they differ.
  ValueId common_value(FormId id);
  // REQUIRES: a plain form, and `rank` holds it.
  ValueId value(FormId id, int rank);
  // none where the rank does not hold the tensor.
  StateId state(FormId id, int rank);
  std::int64_t row_count(FormId id, int rank);  // of a holder

 private:
  struct Entry {
    Form form;
    ValueId common;               // none: not asked for yet, or ranks differ
    std::vector<StateId> states;  // of a plain form with a common value, by row map
  };
  enum class Closes : std::uint8_t { never, always, sometimes };

  bool uniform(const Form& form) const;
  bool adds_up(TermId term) const { return plan_.term(term).combine == Reduction::sum; }
  bool only_adds_up(const Form& form) const;
  std::optional<FormId> add_closed(Form form);
  bool close(std::vector<Addend>& sum);
  Closes closes(int closing, const std::vector<Addend>& sum);
  void add_term(std::vector<Addend>& sum, TermId term, PatternId pattern);
  ColumnRange columns_of(const Form& form, int rank) const;
  StateId plain_state(FormId id, int rank);

  const Plan& plan_;
  const Places& places_;
  ValueTable& values_;
  StateTable& states_;
  PatternTable patterns_;
  RowLemmas rows_;
  std::deque<Entry> forms_;
  std::map<std::pair<int, std::vector<PatternId>>, Closes> closes_;
  std::vector<Element> elements_;  // scratch
  std::vector<Run> runs_;          // scratch
};

}  // namespace lockstep::contract

// Compares a formal sum with what is owed, term by term and share by share.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/contract/check.h"
#include "sim/contract/judge.h"
#include "sim/contract/value.h"
#include "sim/plan/plan.h"

namespace lockstep::contract {

// The shares [first, last) of `term` are present `value` times; owed is 1 time, or never.
struct Entry {
  TermId term;
  std::int32_t first = 0;
  std::int32_t last = 0;
  Rational value;
  bool owed = true;

  bool wrong() const { return !(owed && value.is_one()); }
  bool absent() const { return owed && value.is_zero(); }
};

// Every share of every owed term, and every share present that is not owed, in term order. Residual
// handles are opened as far as `actual` shows their parts. Variants count as their base.
std::vector<Entry> compare(ValueTable& values, ValueId actual, std::span<const TermId> owed);

// Collects entries over rows and ranks into the canonical list that a violation shows.
class Ledger {
 public:
  explicit Ledger(const Plan& plan) : plan_(plan) {}

  // On `rows` of each of `ranks`. The lists of two calls are equal or disjoint, and must outlive
  // the ledger.
  void add(const Entry& entry, const std::vector<int>& ranks, const RowRun& rows);
  std::vector<Coefficient> coefficients() const;
  std::vector<TermId> wrong_terms() const;  // with a wrong entry
  std::vector<std::string> terms() const;   // their names
  // The one value other than 1; present over owed where shares are only present or absent.
  std::optional<Rational> factor() const;
  bool has_absent() const;
  bool empty() const { return rows_.empty(); }

 private:
  struct Key {
    TermId term;
    std::int32_t first;
    std::int32_t last;
    std::int64_t numerator;
    std::int64_t denominator;
    bool owed;
    auto operator<=>(const Key&) const = default;
  };
  // Rows of one list of ranks.
  struct Line {
    const std::vector<int>* ranks = nullptr;
    std::vector<RowRun> rows;
  };

  static std::vector<const Line*> by_lowest_rank(const std::vector<Line>& lines);

  std::optional<Rational> present_over_owed() const;

  const Plan& plan_;
  std::map<Key, std::vector<Line>> rows_;
};

// "0-1023,1061": token intervals, neighbours joined.
std::string rows_text(std::vector<RowRun> rows);

}  // namespace lockstep::contract

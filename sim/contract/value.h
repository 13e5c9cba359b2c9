// The value of a row: a formal sum of terms with exact coefficients.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <tuple>
#include <vector>

#include "sim/base/ids.h"
#include "sim/base/rational.h"
#include "sim/contract/intern.h"
#include "sim/plan/plan.h"
#include "sim/plan/shares.h"

namespace lockstep::contract {

// How values meet in one. `shares`: the shares of each term make the whole as Term::combine says;
// so is a partial value judged. The others are what is computed: a sum, a maximum, a log of a sum
// of exponentials, whatever the terms are.
enum class Joining : std::uint8_t { sum, max, logsumexp, shares };

// `coefficient` times the shares [first, last) of `term`, at the row's token plus `shift`. A shift
// other than 0 means that rows of different tokens were summed. Terms beyond the plan's own are
// variants (ValueTable::variant).
struct Element {
  std::int64_t shift = 0;
  TermId term;
  std::int32_t first = 0;
  std::int32_t last = 0;
  Rational coefficient = 1;

  bool operator==(const Element&) const = default;
};
std::uint64_t fold(std::uint64_t hash, const Element& element);

// Sorts by (shift, term, shares), adds up coefficients where shares overlap, joins neighbours that
// are equal, and drops zeros. `scratch` lends its memory.
void merge(std::vector<Element>& elements, std::vector<Element>& scratch);

// An interned formal sum; equal sums have equal ids.
using ValueId = Id<struct ValueTag>;
inline constexpr ValueId kZero{0};
// Padding, stale or uninitialised memory, and whatever was computed from it by a linear operation.
inline constexpr ValueId kUndefined{1};

// All formal sums of one check, in canonical form: sorted by (shift, term, shares), adjacent equal
// shares merged, no zero coefficient, smallest shift 0, closed residual streams folded into their
// handle (Plan::closings).
class ValueTable {
 public:
  // `plan` must outlive the table. `expected`: about how many values will come.
  explicit ValueTable(const Plan& plan, std::size_t expected = 0);

  std::span<const Element> elements(ValueId id) const { return values_.at(id.value); }

  // Every share of every term once.
  ValueId complete(std::span<const TermId> terms);
  ValueId single(TermId term, ShareRange shares, Rational coefficient);

  // A value at a row of token `token`. For kZero and kUndefined the token is kPadding.
  struct At {
    ValueId value = kZero;
    std::int64_t token = kPadding;
    bool operator==(const At&) const = default;
  };
  // The sum, at the smallest token that occurs. kUndefined if any addend is. What is no formal sum,
  // such as the maximum of the parts of a sum, is lost (below).
  At sum(std::span<const At> addends, Joining joining = Joining::sum);
  // The shares that one operation makes of `term`, or of its variant.
  ValueId made(TermId term, std::span<const CountedShares> shares, Rational coefficient);
  ValueId scale(ValueId value, Rational factor);
  // The value with these elements, at their token. REQUIRES: no shift but 0. Takes the elements.
  ValueId sum_of(std::vector<Element>& elements) { return canonical(elements, 0).value; }

  // The result of a nonlinear operation on a wrong input: `base` at another argument. Equal bases
  // and inputs give equal variants, whatever the rank.
  TermId variant(TermId base, ValueId input);
  bool is_variant(TermId term) const { return term.index() >= plan_.terms.size(); }
  TermId base_of(TermId term) const;
  // `value` with every variant replaced by its base. `lost`: shares of which nobody can say what is
  // there; their coefficients in the result say nothing.
  ValueId without_variants(ValueId value, std::vector<Element>& lost);

  int shares_of(TermId term) const { return plan_.term(base_of(term)).shares; }
  // The parts of a residual handle; empty if `term` is none.
  std::span<const TermId> parts_of(TermId term) const;
  // The closing (an index into Plan::closings) whose first part is `term`; -1: none.
  int closing_that_begins_with(TermId term) const {
    return is_variant(term) ? -1 : closing_by_first_part_[term.index()];
  }
  // True once any coefficient has overflowed: no verdict of this check can be trusted.
  bool overflowed() const { return overflowed_; }

 private:
  // Beyond the plan's terms, each linear: never equal to anything but itself.
  enum class VariantKind : std::uint8_t {
    argument,  // the function of the term at another argument
    multiple,  // a logsumexp in which some shares are not there once: `input` counts them
    lost,      // what a joining made of shares that it does not fit; `input` says of what
  };
  struct Variant {
    TermId base;
    ValueId input;
    VariantKind kind = VariantKind::argument;
    Joining by = Joining::sum;  // of lost
  };
  // The elements of one term at one token, member by member.
  struct Meeting {
    std::int64_t shift = 0;
    TermId term;
    std::vector<std::vector<Element>> of_member;
  };

  At canonical(std::vector<Element>& elements, std::int64_t token);

  // value_joining.cc
  TermId variant_of(const Variant& variant);
  const Variant* variant_at(TermId term) const {
    return is_variant(term) ? &variants_[term.index() - plan_.terms.size()] : nullptr;
  }
  bool is_opaque(TermId term) const;
  Reduction combine_of(TermId term) const;
  At join(std::span<const At> addends, Joining joining);
  std::vector<Meeting> meetings(std::span<const At> addends, std::int64_t base) const;
  void join_sum(const Meeting& meeting);
  void join_shares(const Meeting& meeting);
  void join_max(const std::vector<Meeting>& all);
  void join_logsumexp(const std::vector<Meeting>& all);
  bool append_max(const Meeting& meeting);
  bool append_logsumexp(const Meeting& meeting);
  void append_counted(std::int64_t shift, TermId term, std::vector<Element>& counts);
  void lose(const Meeting& meeting);
  bool close_streams(std::vector<Element>& elements) const;
  std::optional<Rational> complete_coefficient(const std::vector<Element>& elements,
                                               TermId term) const;

  const Plan& plan_;
  SequenceInterner<Element> values_;
  std::vector<Variant> variants_;
  std::map<std::tuple<TermId, ValueId, VariantKind, Joining>, TermId> variant_ids_;
  bool only_sums_ = true;                   // every term is the sum of its shares
  std::vector<int> closing_by_first_part_;  // by TermId; -1: none
  std::vector<int> closing_by_handle_;      // by TermId; -1: none
  std::vector<Element> scratch_;
  std::vector<Element> merged_;
  std::vector<Element> joined_;  // of the joining in hand
  Joining joining_ = Joining::sum;
  ValueId joined_of_;             // the members' values, as one; none: not asked for yet
  std::vector<At> to_join_;       // those values
  std::vector<At> last_addends_;  // of the last sum, relative to the smallest token
  At last_sum_;
  bool overflowed_ = false;
};

}  // namespace lockstep::contract

#include "sim/contract/value.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "sim/base/require.h"

namespace lockstep::contract {
namespace {

std::uint64_t packed(std::int32_t high, std::int32_t low) {
  return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(high)) << 32) |
         static_cast<std::uint32_t>(low);
}

auto place(const Element& e) { return std::tuple(e.shift, e.term, e.first, e.last); }

bool continues(const Element& left, const Element& right) {
  return left.shift == right.shift && left.term == right.term && left.last == right.first &&
         left.coefficient == right.coefficient;
}

// Sums the elements of one (shift, term), sorted by their first share: cuts the shares at every end
// and adds the coefficients of those that lie over each piece.
void merge_overlaps(std::span<const Element> group, std::vector<Element>& out) {
  std::vector<std::int32_t> cuts;
  for (const Element& e : group) cuts.insert(cuts.end(), {e.first, e.last});
  std::sort(cuts.begin(), cuts.end());
  cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
  std::vector<const Element*> over;  // the piece in hand
  std::size_t next = 0;
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
    std::erase_if(over, [&](const Element* e) { return e->last <= cuts[i]; });
    for (; next < group.size() && group[next].first <= cuts[i]; ++next) {
      if (group[next].last > cuts[i]) over.push_back(&group[next]);
    }
    Rational total = 0;
    for (const Element* e : over) total = total + e->coefficient;
    if (total.is_zero()) continue;
    const Element piece{group[0].shift, group[0].term, cuts[i], cuts[i + 1], total};
    if (!out.empty() && continues(out.back(), piece)) {
      out.back().last = piece.last;
    } else {
      out.push_back(piece);
    }
  }
}

bool disjoint(std::span<const Element> group) {
  for (std::size_t i = 0; i + 1 < group.size(); ++i) {
    if (group[i].last > group[i + 1].first) return false;
  }
  return true;
}

void append_disjoint(std::span<const Element> group, std::vector<Element>& out) {
  for (const Element& e : group) {
    if (e.coefficient.is_zero() || e.first == e.last) continue;
    if (!out.empty() && continues(out.back(), e)) {
      out.back().last = e.last;
    } else {
      out.push_back(e);
    }
  }
}

bool same_term(const Element& a, const Element& b) {
  return a.shift == b.shift && a.term == b.term;
}

}  // namespace

std::uint64_t fold(std::uint64_t hash, const Element& e) {
  const auto shift = static_cast<std::uint64_t>(e.shift);
  const auto numerator = static_cast<std::uint64_t>(e.coefficient.numerator());
  const auto denominator = static_cast<std::uint64_t>(e.coefficient.denominator());
  hash = mix64(hash ^ packed(e.term.value, e.first) ^ (shift << 20));
  return mix64(hash ^ packed(e.last, 0) ^ (numerator * 31 + denominator));
}

void merge(std::vector<Element>& elements, std::vector<Element>& scratch) {
  if (elements.size() == 1 && !elements[0].coefficient.is_zero()) return;
  const auto earlier = [](const Element& a, const Element& b) { return place(a) < place(b); };
  if (!std::is_sorted(elements.begin(), elements.end(), earlier)) {
    std::sort(elements.begin(), elements.end(), earlier);
  }
  scratch.clear();
  for (std::size_t begin = 0; begin < elements.size();) {
    std::size_t end = begin + 1;
    while (end < elements.size() && same_term(elements[begin], elements[end])) ++end;
    const std::span<const Element> group(elements.data() + begin, end - begin);
    if (disjoint(group)) {
      append_disjoint(group, scratch);
    } else {
      merge_overlaps(group, scratch);
    }
    begin = end;
  }
  elements.swap(scratch);
}

ValueTable::ValueTable(const Plan& plan, std::size_t expected)
    : plan_(plan),
      values_(expected),
      closing_by_first_part_(plan.terms.size(), -1),
      closing_by_handle_(plan.terms.size(), -1) {
  only_sums_ = std::ranges::all_of(plan.terms,
                                   [](const Term& term) { return term.combine == Reduction::sum; });
  for (std::size_t i = 0; i < plan.closings.size(); ++i) {
    const Closing& closing = plan.closings[i];
    closing_by_handle_[closing.handle.index()] = static_cast<int>(i);
    closing_by_first_part_[closing.parts.front().index()] = static_cast<int>(i);
  }
  LOCKSTEP_ASSERT(values_.intern({}) == kZero.value);
  constexpr std::uint64_t kUndefinedTag = 1;
  LOCKSTEP_ASSERT(values_.intern({}, kUndefinedTag) == kUndefined.value);
}

std::optional<Rational> ValueTable::complete_coefficient(const std::vector<Element>& elements,
                                                         TermId term) const {
  for (const Element& e : elements) {
    if (e.term != term || e.shift != 0) continue;
    if (e.first != 0 || e.last != shares_of(term)) return std::nullopt;
    return e.coefficient;
  }
  return std::nullopt;
}

// Replaces one closed stream by its handle; true if there was one.
bool ValueTable::close_streams(std::vector<Element>& elements) const {
  for (const Element& e : elements) {
    if (is_variant(e.term) || e.shift != 0) continue;
    const int index = closing_by_first_part_[e.term.index()];
    if (index < 0) continue;
    const Closing& closing = plan_.closings[static_cast<std::size_t>(index)];
    const auto coefficient = complete_coefficient(elements, e.term);
    const bool closed = coefficient && std::ranges::all_of(closing.parts, [&](TermId part) {
                          return complete_coefficient(elements, part) == coefficient;
                        });
    if (!closed) continue;
    std::erase_if(elements, [&](const Element& old) {
      return old.shift == 0 && std::ranges::find(closing.parts, old.term) != closing.parts.end();
    });
    elements.push_back({0, closing.handle, 0, shares_of(closing.handle), *coefficient});
    return true;
  }
  return false;
}

ValueTable::At ValueTable::canonical(std::vector<Element>& elements, std::int64_t token) {
  merge(elements, merged_);
  for (const Element& e : elements) overflowed_ = overflowed_ || e.coefficient.overflowed();
  if (elements.empty()) return {};
  const std::int64_t base = elements.front().shift;
  if (base != 0) {
    for (Element& e : elements) e.shift -= base;
  }
  while (close_streams(elements)) merge(elements, merged_);
  return {ValueId{values_.intern(elements)}, token + base};
}

ValueId ValueTable::complete(std::span<const TermId> terms) {
  scratch_.clear();
  for (const TermId term : terms) scratch_.push_back({0, term, 0, shares_of(term), 1});
  return canonical(scratch_, 0).value;
}

ValueId ValueTable::single(TermId term, ShareRange shares, Rational coefficient) {
  if (shares.first == shares.last) return kZero;
  scratch_.assign(1, Element{0, term, shares.first, shares.last, coefficient});
  return canonical(scratch_, 0).value;
}

ValueTable::At ValueTable::sum(std::span<const At> addends, Joining joining) {
  const bool adds = joining == Joining::sum || joining == Joining::shares;
  if (addends.size() > 1 && !(adds && only_sums_)) return join(addends, joining);
  const At* only = nullptr;
  int nonzero = 0;
  std::int64_t base = 0;
  for (const At& a : addends) {
    if (a.value == kUndefined) return {kUndefined, kPadding};
    if (a.value == kZero) continue;
    base = nonzero == 0 ? a.token : std::min(base, a.token);
    only = &a;
    ++nonzero;
  }
  if (nonzero == 0) return {};
  if (nonzero == 1) return *only;
  // Runs of one tensor mostly repeat the sum of the run before at other tokens.
  const auto same = [base](const At& a, const At& relative) {
    return a.value == relative.value && (a.value == kZero || a.token - base == relative.token);
  };
  if (!std::ranges::equal(addends, last_addends_, same)) {
    scratch_.clear();
    last_addends_.clear();
    for (const At& a : addends) {
      last_addends_.push_back({a.value, a.value == kZero ? kPadding : a.token - base});
      if (a.value == kZero) continue;
      for (Element e : elements(a.value)) {
        e.shift += a.token - base;
        scratch_.push_back(e);
      }
    }
    last_sum_ = canonical(scratch_, 0);
  }
  if (last_sum_.value == kZero) return {};
  return {last_sum_.value, last_sum_.token + base};
}

ValueId ValueTable::scale(ValueId value, Rational factor) {
  if (value == kUndefined || factor.is_one()) return value;
  scratch_.assign(elements(value).begin(), elements(value).end());
  for (Element& e : scratch_) e.coefficient = e.coefficient * factor;
  return canonical(scratch_, 0).value;
}

std::span<const TermId> ValueTable::parts_of(TermId term) const {
  if (is_variant(term) || closing_by_handle_[term.index()] < 0) return {};
  return plan_.closings[static_cast<std::size_t>(closing_by_handle_[term.index()])].parts;
}

}  // namespace lockstep::contract

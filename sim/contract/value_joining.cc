// What becomes of terms that are no sums of their shares, and of sums in reductions that are none.
#include <algorithm>
#include <utility>

#include "sim/contract/value.h"

namespace lockstep::contract {
namespace {

using Shares = std::vector<std::pair<std::int32_t, std::int32_t>>;

Shares shares_in(const std::vector<Element>& elements) {
  Shares shares;
  for (const Element& e : elements) shares.emplace_back(e.first, e.last);
  return shares;
}

// The one coefficient of all; nullopt if there is none.
std::optional<Rational> only_coefficient(const std::vector<Element>& elements) {
  if (elements.empty()) return std::nullopt;
  const bool alike = std::ranges::all_of(
      elements, [&](const Element& e) { return e.coefficient == elements.front().coefficient; });
  return alike ? std::optional(elements.front().coefficient) : std::nullopt;
}

bool is_once(const Element& e) { return e.coefficient.is_one(); }

}  // namespace

// ---- variants ---------------------------------------------------------------------------------

TermId ValueTable::variant_of(const Variant& variant) {
  const auto next = static_cast<std::int32_t>(plan_.terms.size() + variants_.size());
  const auto [known, is_new] =
      variant_ids_.try_emplace({variant.base, variant.input, variant.kind, variant.by}, next);
  if (is_new) variants_.push_back(variant);
  return known->second;
}

TermId ValueTable::variant(TermId base, ValueId input) {
  return variant_of({base_of(base), input, VariantKind::argument, Joining::sum});
}

TermId ValueTable::base_of(TermId term) const {
  return is_variant(term) ? variant_at(term)->base : term;
}

bool ValueTable::is_opaque(TermId term) const {
  return is_variant(term) && variant_at(term)->kind != VariantKind::argument;
}

// Of what is opaque, no shares make a whole: it can only be added up.
Reduction ValueTable::combine_of(TermId term) const {
  return is_opaque(term) ? Reduction::sum : plan_.term(base_of(term)).combine;
}

ValueId ValueTable::without_variants(ValueId value, std::vector<Element>& lost) {
  if (value == kUndefined) return value;
  const auto view = elements(value);
  const std::vector<Element> all(view.begin(), view.end());
  scratch_.clear();
  for (Element e : all) {
    const Variant* variant = variant_at(e.term);
    e.term = base_of(e.term);
    const bool shown = std::ranges::any_of(
        scratch_, [&](const Element& s) { return s.shift == e.shift && s.term == e.term; });
    const bool counted =
        variant != nullptr && variant->kind == VariantKind::multiple && is_once(e) && !shown;
    if (counted) {
      for (Element count : elements(variant->input)) {
        count.shift = e.shift;
        count.term = e.term;
        scratch_.push_back(count);
      }
    } else if (variant == nullptr || variant->kind == VariantKind::argument) {
      scratch_.push_back(e);
    } else {
      lost.push_back(e);  // of the base
    }
  }
  return canonical(scratch_, 0).value;
}

// ---- joining ----------------------------------------------------------------------------------

ValueId ValueTable::made(TermId term, std::span<const CountedShares> shares, Rational coefficient) {
  std::vector<Element> counts;
  for (const CountedShares& s : shares) {
    counts.push_back({0, term, s.first, s.last, Rational(s.count)});
  }
  joined_.clear();
  const Reduction combine = combine_of(term);
  if (combine == Reduction::logsumexp) {
    append_counted(0, term, counts);
  } else {
    joined_ = std::move(counts);
    if (combine == Reduction::max) {
      for (Element& e : joined_) e.coefficient = 1;
    }
  }
  for (Element& e : joined_) e.coefficient = e.coefficient * coefficient;
  return canonical(joined_, 0).value;
}

ValueTable::At ValueTable::join(std::span<const At> addends, Joining joining) {
  std::int64_t base = kPadding;
  for (const At& a : addends) {
    if (a.value == kUndefined) return {kUndefined, kPadding};
    if (a.value == kZero) continue;
    base = base == kPadding ? a.token : std::min(base, a.token);
  }
  // The log of a sum of ones is a number that no term stands for.
  if (base == kPadding) return {joining == Joining::logsumexp ? kUndefined : kZero, kPadding};
  joined_.clear();
  joining_ = joining;
  joined_of_ = ValueId::none();
  to_join_.assign(addends.begin(), addends.end());
  const std::vector<Meeting> all = meetings(addends, base);
  if (joining == Joining::max) join_max(all);
  if (joining == Joining::logsumexp) join_logsumexp(all);
  for (const Meeting& meeting : all) {
    if (joining == Joining::sum) join_sum(meeting);
    if (joining == Joining::shares) join_shares(meeting);
  }
  std::vector<Element> elements;
  elements.swap(joined_);
  const At joined = canonical(elements, base);
  return joined.value == kZero ? At{} : joined;
}

// In the order of terms and tokens. A log of a sum of exponentials stands where its term does,
// counted or not.
std::vector<ValueTable::Meeting> ValueTable::meetings(std::span<const At> addends,
                                                      std::int64_t base) const {
  std::map<std::pair<std::int64_t, TermId>, Meeting> found;
  for (std::size_t i = 0; i < addends.size(); ++i) {
    if (addends[i].value == kZero) continue;
    for (Element e : elements(addends[i].value)) {
      e.shift += addends[i].token - base;
      const Variant* variant = variant_at(e.term);
      const bool counted =
          joining_ != Joining::sum && variant != nullptr && variant->kind == VariantKind::multiple;
      Meeting& meeting = found[{e.shift, counted ? variant->base : e.term}];
      meeting.shift = e.shift;
      meeting.term = counted ? variant->base : e.term;
      meeting.of_member.resize(addends.size());
      meeting.of_member[i].push_back(e);
    }
  }
  std::vector<Meeting> all;
  for (auto& [key, meeting] : found) all.push_back(std::move(meeting));
  return all;
}

void ValueTable::join_sum(const Meeting& meeting) {
  const bool fits = combine_of(meeting.term) == Reduction::sum;
  const std::vector<Element>* first = nullptr;
  for (const std::vector<Element>& held : meeting.of_member) {
    if (held.empty()) continue;
    if (first == nullptr) first = &held;
    // Twice a maximum is twice a maximum; one of these keys and one of those are nothing.
    if (!fits && shares_in(held) != shares_in(*first)) return lose(meeting);
  }
  for (const std::vector<Element>& held : meeting.of_member) {
    joined_.insert(joined_.end(), held.begin(), held.end());
  }
}

void ValueTable::join_shares(const Meeting& meeting) {
  const Reduction combine = combine_of(meeting.term);
  const auto holders = std::ranges::count_if(
      meeting.of_member, [](const std::vector<Element>& held) { return !held.empty(); });
  if (combine == Reduction::sum || holders == 1) {
    for (const std::vector<Element>& held : meeting.of_member) {
      joined_.insert(joined_.end(), held.begin(), held.end());
    }
    return;
  }
  const bool joins = combine == Reduction::max ? append_max(meeting) : append_logsumexp(meeting);
  if (!joins) lose(meeting);
}

// max(a + x, a + y) is a + max(x, y): what all hold alike stays; of the rest there may be one term.
void ValueTable::join_max(const std::vector<Meeting>& all) {
  std::vector<const Meeting*> rest;
  for (const Meeting& meeting : all) {
    const bool alike = std::ranges::all_of(
        meeting.of_member, [&](const auto& held) { return held == meeting.of_member.front(); });
    if (alike) {
      joined_.insert(joined_.end(), meeting.of_member.front().begin(),
                     meeting.of_member.front().end());
    } else {
      rest.push_back(&meeting);
    }
  }
  const auto holds = [](const std::vector<Element>& held) { return !held.empty(); };
  const bool joins = rest.size() == 1 && combine_of(rest.front()->term) == Reduction::max &&
                     std::ranges::all_of(rest.front()->of_member, holds) &&
                     append_max(*rest.front());
  if (joins) return;
  for (const Meeting* meeting : rest) lose(*meeting);
}

// As for a maximum, but there must be such a term: the log of twice an exponential is not the same.
void ValueTable::join_logsumexp(const std::vector<Meeting>& all) {
  std::vector<const Meeting*> rest;
  std::vector<const Meeting*> same;
  for (const Meeting& meeting : all) {
    const bool fits = combine_of(meeting.term) == Reduction::logsumexp;
    const bool alike = std::ranges::all_of(
        meeting.of_member, [&](const auto& held) { return held == meeting.of_member.front(); });
    (alike && !fits ? same : rest).push_back(&meeting);
  }
  const auto holds = [](const std::vector<Element>& held) { return !held.empty(); };
  const bool joins = rest.size() == 1 && combine_of(rest.front()->term) == Reduction::logsumexp &&
                     std::ranges::all_of(rest.front()->of_member, holds) &&
                     append_logsumexp(*rest.front());
  for (const Meeting* meeting : rest) {
    if (!joins) lose(*meeting);
  }
  for (const Meeting* meeting : same) {
    if (rest.empty()) {
      lose(*meeting);
    } else {
      const std::vector<Element>& held = meeting->of_member.front();
      joined_.insert(joined_.end(), held.begin(), held.end());
    }
  }
}

// A share that is there twice does no harm. False if the members hold it in different measures.
bool ValueTable::append_max(const Meeting& meeting) {
  std::optional<Rational> common;
  std::vector<Element> all;
  for (const std::vector<Element>& held : meeting.of_member) {
    if (held.empty()) continue;
    const std::optional<Rational> here = only_coefficient(held);
    if (!here || here->numerator() <= 0 || (common && *common != *here)) return false;
    common = here;
    all.insert(all.end(), held.begin(), held.end());
  }
  for (Element& e : all) e.coefficient = 1;
  merge(all, merged_);
  for (Element& e : all) e.coefficient = *common;
  joined_.insert(joined_.end(), all.begin(), all.end());
  return true;
}

// Counts the shares. False if a member holds anything but one such logarithm.
bool ValueTable::append_logsumexp(const Meeting& meeting) {
  std::vector<Element> counts;
  for (const std::vector<Element>& held : meeting.of_member) {
    if (!std::ranges::all_of(held, is_once)) return false;
    const bool counted =
        std::ranges::any_of(held, [&](const Element& e) { return e.term != meeting.term; });
    if (counted && held.size() > 1) return false;
    if (!counted) {
      counts.insert(counts.end(), held.begin(), held.end());
    } else {
      const auto inside = elements(variant_at(held.front().term)->input);
      counts.insert(counts.end(), inside.begin(), inside.end());
    }
  }
  append_counted(meeting.shift, meeting.term, counts);
  return true;
}

void ValueTable::append_counted(std::int64_t shift, TermId term, std::vector<Element>& counts) {
  for (Element& e : counts) {
    e.shift = 0;
    e.term = term;
  }
  merge(counts, merged_);
  if (std::ranges::all_of(counts, is_once)) {
    for (Element& e : counts) e.shift = shift;
    joined_.insert(joined_.end(), counts.begin(), counts.end());
    return;
  }
  // The base of a variant is a term of the plan; what variant it was is in the counts.
  const ValueId input = canonical(counts, 0).value;
  const TermId whole = variant_of({base_of(term), input, VariantKind::multiple, Joining::sum});
  joined_.push_back({shift, whole, 0, shares_of(term), 1});
}

// Whatever the members hold, taken together, decides what is there now: equal work on replicas
// loses equal values, and nothing else cancels against them.
void ValueTable::lose(const Meeting& meeting) {
  constexpr int kTokenBits = 33;
  if (!joined_of_.exists()) {
    std::vector<Element> together;
    for (std::size_t i = 0; i < to_join_.size(); ++i) {
      if (to_join_[i].value == kZero) continue;
      for (Element e : elements(to_join_[i].value)) {
        e.shift += to_join_[i].token + (static_cast<std::int64_t>(i) << kTokenBits);
        together.push_back(e);
      }
    }
    joined_of_ = canonical(together, 0).value;
  }
  const Variant variant{base_of(meeting.term), joined_of_, VariantKind::lost, joining_};
  const TermId term = variant_of(variant);
  std::vector<Element> gone;
  for (const std::vector<Element>& held : meeting.of_member) {
    for (const Element& e : held) gone.push_back({meeting.shift, term, e.first, e.last, 1});
  }
  merge(gone, merged_);
  for (Element& e : gone) e.coefficient = 1;
  joined_.insert(joined_.end(), gone.begin(), gone.end());
}

}  // namespace lockstep::contract

#include "sim/contract/units.h"

#include <algorithm>
#include <set>
#include <tuple>

namespace lockstep::contract {
namespace {

// Of all units of a quantity, the one that the others refer to.
TermId first_unit(const Plan& plan, TermId term) {
  while (plan.term(term).same_as.exists()) term = plan.term(term).same_as;
  return term;
}

// The terms of which all that is owed is absent, or of which none is owed.
std::set<TermId> terms_of(const std::vector<Entry>& entries, bool owed) {
  std::set<TermId> some;
  std::set<TermId> others;
  for (const Entry& e : entries)
    (e.owed == owed && (!owed || e.absent()) ? some : others).insert(e.term);
  for (const TermId term : others) some.erase(term);
  return some;
}

// What is there of `held`, said of `owed`; empty if that cannot be said share by share.
std::vector<Entry> said_of(const Plan& plan, const std::vector<Entry>& entries, TermId held,
                           TermId owed) {
  const std::int32_t shares = plan.term(owed).shares;
  std::vector<Entry> said;
  std::int32_t next = 0;
  for (const Entry& e : entries) {
    if (e.term != held || e.first < next) continue;
    if (next < e.first) said.push_back({owed, next, e.first, 0, true});
    said.push_back({owed, e.first, e.last, e.value, true});
    next = e.last;
  }
  if (plan.term(held).shares != shares) {
    const bool whole = said.size() == 1 && said[0].first == 0 && next == plan.term(held).shares;
    if (!whole) return {};
    said[0].last = shares;
    return said;
  }
  if (next < shares) said.push_back({owed, next, shares, 0, true});
  return said;
}

}  // namespace

Compared in_owed_units(const Plan& plan, std::vector<Entry> entries) {
  Compared result;
  const std::set<TermId> extra = terms_of(entries, false);
  for (const TermId owed : terms_of(entries, true)) {
    const auto held = std::ranges::find_if(
        extra, [&](TermId t) { return first_unit(plan, t) == first_unit(plan, owed); });
    if (held == extra.end()) continue;
    result.mistakes.push_back({owed, *held});
    const std::vector<Entry> said = said_of(plan, entries, *held, owed);
    std::erase_if(entries, [&](const Entry& e) {
      return e.term == *held || (!said.empty() && e.term == owed);
    });
    entries.insert(entries.end(), said.begin(), said.end());
  }
  std::ranges::sort(entries, {},
                    [](const Entry& e) { return std::tuple(e.term, e.first, e.owed); });
  result.entries = std::move(entries);
  return result;
}

}  // namespace lockstep::contract

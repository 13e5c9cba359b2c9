#include "sim/contract/ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "sim/base/text.h"

namespace lockstep::contract {
namespace {

bool contains_term(std::span<const Element> elements, TermId term) {
  return std::ranges::any_of(elements, [term](const Element& e) { return e.term == term; });
}

// True if a part of `handle` occurs in `elements`, at any depth along the residual stream.
bool shows_parts(const ValueTable& values, std::span<const Element> elements, TermId handle) {
  for (auto parts = values.parts_of(handle); !parts.empty();
       parts = values.parts_of(parts.front())) {
    for (const TermId part : parts) {
      if (contains_term(elements, part)) return true;
    }
  }
  return false;
}

// Appends `term`, or its parts where `elements` holds them instead of the handle.
void open_handle(const ValueTable& values, std::span<const Element> elements, TermId term,
                 std::vector<TermId>& out) {
  const bool opens = !contains_term(elements, term) && shows_parts(values, elements, term);
  if (!opens) {
    out.push_back(term);
    return;
  }
  for (const TermId part : values.parts_of(term)) open_handle(values, elements, part, out);
}

// Opens handles in `elements` that are not owed while one of their parts is: two times the stream
// after the embedding is two times the embedding.
void open_elements(const ValueTable& values, std::vector<Element>& elements,
                   std::span<const TermId> owed) {
  const auto is_owed = [owed](TermId term) { return std::ranges::find(owed, term) != owed.end(); };
  for (std::size_t i = 0; i < elements.size();) {
    const Element handle = elements[i];
    const auto parts = values.parts_of(handle.term);
    if (is_owed(handle.term) || std::ranges::none_of(parts, is_owed)) {
      ++i;
      continue;
    }
    elements.erase(elements.begin() + static_cast<std::ptrdiff_t>(i));
    for (const TermId part : parts) {
      elements.push_back({handle.shift, part, 0, values.shares_of(part), handle.coefficient});
    }
  }
  std::vector<Element> scratch;
  merge(elements, scratch);
}

void append_owed(const ValueTable& values, std::span<const Element> elements, TermId term,
                 std::vector<Entry>& out) {
  std::int32_t next = 0;
  for (const Element& e : elements) {
    if (e.term != term) continue;
    if (next < e.first) out.push_back({term, next, e.first, 0, true});
    out.push_back({term, e.first, e.last, e.coefficient, true});
    next = e.last;
  }
  const int shares = values.shares_of(term);
  if (next < shares) out.push_back({term, next, shares, 0, true});
}

// What is owed of the shares of `gone` is not there, whatever the coefficients say.
void lose(const Element& gone, std::vector<Entry>& entries) {
  std::vector<Entry> cut;
  for (const Entry& e : entries) {
    const std::int32_t from = std::clamp(gone.first, e.first, e.last);
    const std::int32_t until = std::clamp(gone.last, from, e.last);
    if (e.term != gone.term || from == until) {
      cut.push_back(e);
      continue;
    }
    if (e.first < from) cut.push_back({e.term, e.first, from, e.value, e.owed});
    cut.push_back({e.term, from, until, 0, e.owed});
    if (until < e.last) cut.push_back({e.term, until, e.last, e.value, e.owed});
  }
  entries.swap(cut);
}

}  // namespace

std::vector<Entry> compare(ValueTable& values, ValueId actual, std::span<const TermId> owed) {
  std::vector<Element> lost;
  const ValueId plain = values.without_variants(actual, lost);
  const auto view = values.elements(plain);
  std::vector<Element> elements(view.begin(), view.end());
  open_elements(values, elements, owed);
  std::vector<Element> shown = elements;
  shown.insert(shown.end(), lost.begin(), lost.end());
  std::vector<TermId> terms;
  for (const TermId term : owed) open_handle(values, shown, term, terms);
  std::vector<Entry> entries;
  for (const TermId term : terms) append_owed(values, elements, term, entries);
  for (const Element& e : lost) lose(e, entries);
  const auto is_extra = [&](const Element& e) {
    return std::ranges::find(terms, e.term) == terms.end();
  };
  for (const Element& e : elements) {
    if (is_extra(e)) entries.push_back({e.term, e.first, e.last, e.coefficient, false});
  }
  for (const Element& e : lost) {
    if (is_extra(e)) entries.push_back({e.term, e.first, e.last, 1, false});
  }
  std::ranges::sort(entries, {},
                    [](const Entry& e) { return std::tuple(e.term, e.first, e.owed); });
  return entries;
}

void Ledger::add(const Entry& e, const std::vector<int>& ranks, const RowRun& rows) {
  std::vector<Line>& lines =
      rows_[{e.term, e.first, e.last, e.value.numerator(), e.value.denominator(), e.owed}];
  // The rows of a list of ranks come one after the other.
  if (lines.empty() || lines.back().ranks != &ranks) lines.push_back({&ranks, {}});
  lines.back().rows.push_back(rows);
}

std::string rows_text(std::vector<RowRun> rows) {
  std::ranges::sort(rows);
  std::vector<RowRun> joined;
  for (const RowRun& run : rows) {
    if (!joined.empty() && run.token <= joined.back().token + joined.back().count) {
      const std::int64_t end =
          std::max(joined.back().token + joined.back().count, run.token + run.count);
      joined.back().count = end - joined.back().token;
    } else {
      joined.push_back(run);
    }
  }
  std::vector<std::string> parts;
  for (const RowRun& run : joined) {
    parts.push_back(run.count == 1 ? fmt::format("{}", run.token)
                                   : fmt::format("{}-{}", run.token, run.token + run.count - 1));
  }
  return join(parts, ",");
}

std::vector<const Ledger::Line*> Ledger::by_lowest_rank(const std::vector<Line>& lines) {
  std::vector<std::pair<int, const Line*>> order;
  for (const Line& line : lines) order.emplace_back(std::ranges::min(*line.ranks), &line);
  std::ranges::stable_sort(order, {}, &std::pair<int, const Line*>::first);
  std::vector<const Line*> sorted;
  for (const auto& [rank, line] : order) sorted.push_back(line);
  return sorted;
}

std::vector<Coefficient> Ledger::coefficients() const {
  // Ranks with the same rows share a line; the order of first appearance is canonical.
  std::vector<Coefficient> lines;
  std::vector<std::vector<int>> ranks_of_line;
  std::map<std::tuple<TermId, std::int32_t, std::int32_t, std::int64_t, std::int64_t>,
           std::unordered_map<std::string, std::size_t>>
      known;
  for (const auto& [key, on_ranks] : rows_) {
    const Rational value(key.numerator, key.denominator);
    const std::string shares = key.last - key.first == 1
                                   ? fmt::format("{}", key.first)
                                   : fmt::format("{}-{}", key.first, key.last - 1);
    auto& by_text = known[{key.term, key.first, key.last, key.numerator, key.denominator}];
    for (const Line* line : by_lowest_rank(on_ranks)) {
      std::string text = rows_text(line->rows);
      const auto [same, is_new] = by_text.try_emplace(text, lines.size());
      if (is_new) {
        lines.push_back({plan_.term(key.term).name, shares, std::move(text), {}, value});
        ranks_of_line.emplace_back();
      }
      std::vector<int>& ranks = ranks_of_line[same->second];
      ranks.insert(ranks.end(), line->ranks->begin(), line->ranks->end());
    }
  }
  for (std::size_t i = 0; i < lines.size(); ++i) lines[i].ranks = RankSet::of(ranks_of_line[i]);
  return lines;
}

std::vector<TermId> Ledger::wrong_terms() const {
  std::set<TermId> wrong;
  for (const auto& [key, rows] : rows_) {
    const Rational value(key.numerator, key.denominator);
    if (!key.owed || !value.is_one()) wrong.insert(key.term);
  }
  return {wrong.begin(), wrong.end()};
}

std::vector<std::string> Ledger::terms() const {
  std::vector<std::string> names;
  for (const TermId term : wrong_terms()) names.push_back(plan_.term(term).name);
  return names;
}

bool Ledger::has_absent() const {
  return std::ranges::any_of(
      rows_, [](const auto& line) { return line.first.owed && line.first.numerator == 0; });
}

// Shares present over shares owed, if it is the same for every rank and term that lacks some.
std::optional<Rational> Ledger::present_over_owed() const {
  struct Count {
    std::int64_t present = 0;
    std::int64_t owed = 0;
  };
  std::map<std::pair<TermId, const std::vector<int>*>, Count> counts;
  for (const auto& [key, lines] : rows_) {
    if (!key.owed) return std::nullopt;
    const Rational value(key.numerator, key.denominator);
    if (!value.is_zero() && !value.is_one()) return std::nullopt;
    for (const Line& line : lines) {
      std::int64_t tokens = 0;
      for (const RowRun& run : line.rows) tokens += run.count;
      Count& count = counts[{key.term, line.ranks}];
      count.owed += tokens * (key.last - key.first);
      if (value.is_one()) count.present += tokens * (key.last - key.first);
    }
  }
  std::optional<Rational> ratio;
  for (const auto& [where, count] : counts) {
    const Rational here(count.present, count.owed);
    if (here.is_one()) continue;
    if (ratio && *ratio != here) return std::nullopt;
    ratio = here;
  }
  return ratio;
}

std::optional<Rational> Ledger::factor() const {
  if (has_absent()) return present_over_owed();
  std::optional<Rational> factor;
  for (const auto& [key, rows] : rows_) {
    const Rational value(key.numerator, key.denominator);
    if (!key.owed) return std::nullopt;
    if (value.is_one()) continue;
    if (factor && *factor != value) return std::nullopt;
    factor = value;
  }
  return factor;
}

}  // namespace lockstep::contract

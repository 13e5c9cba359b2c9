#include "sim/serving/sglang/timeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "sim/base/require.h"
#include "sim/base/text.h"

namespace lockstep::sglang {
namespace {

constexpr const char* kHowToWrite =
    "write a merged pull request (\"24785\"), `^` for just before it (\"24785^\"), an ISO date "
    "(\"2026-05-01\") or \"latest\"";

Diagnostic fault(std::string message, std::string hint) {
  return path_fault("serving.revision", std::move(message), std::move(hint));
}

std::string describe(const TimelineEntry& entry) {
  return fmt::format("#{} ({}, merged {})", entry.pull_request, entry.change, entry.merged());
}

const TimelineEntry& nearest_entry(long long pull_request) {
  return *std::ranges::min_element(timeline(), {}, [&](const TimelineEntry& e) {
    return std::llabs(pull_request - e.pull_request);
  });
}

Diagnostic not_a_position(long long number) {
  const std::string near =
      fmt::format("the nearest of the timeline is {}", describe(nearest_entry(number)));
  const auto off = std::ranges::find(off_timeline(), number, &OffTimeline::pull_request);
  if (off == off_timeline().end()) {
    return fault(fmt::format("#{} is not in the rule timeline", number), near);
  }
  const auto instead = timeline_index(off->instead);
  return fault(fmt::format("#{} {}", number, off->why),
               instead
                   ? fmt::format("{} {}; {}", off->relation, describe(timeline()[*instead]), near)
                   : near);
}

std::size_t first_modelled() { return *timeline_index(kFirstModelled); }
std::size_t last_modelled() { return *timeline_index(kLastModelled); }

std::string what_is_modelled() {
  return fmt::format("modelled are the revisions from {} to {}, such as \"24785\"",
                     describe(timeline()[first_modelled()]), describe(timeline()[last_modelled()]));
}

Diagnostic not_modelled(const std::string& asked, std::size_t entry) {
  return fault(fmt::format("revision `{}` is the state after {}, which is not modelled", asked,
                           describe(timeline()[entry])),
               what_is_modelled());
}

// Longer texts than any revision are not repeated in full.
std::string shortened(const std::string& asked) {
  constexpr std::size_t kMost = 40;
  return asked.size() <= kMost ? asked : asked.substr(0, kMost) + "...";
}

Diagnostic not_a_revision(const std::string& asked) {
  return fault(fmt::format("`{}` is not a revision", shortened(asked)), kHowToWrite);
}

// Four, two and two digits, whatever they say.
bool looks_like_a_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  return std::ranges::all_of(std::array{0, 1, 2, 3, 5, 6, 8, 9}, [text](int i) {
    return std::isdigit(static_cast<unsigned char>(text[static_cast<std::size_t>(i)])) != 0;
  });
}

bool is_a_day(std::string_view date) {
  const auto year = static_cast<int>(*parse_integer(date.substr(0, 4)));
  const auto month = static_cast<unsigned>(*parse_integer(date.substr(5, 2)));
  const auto day = static_cast<unsigned>(*parse_integer(date.substr(8, 2)));
  return std::chrono::year_month_day(std::chrono::year(year), std::chrono::month(month),
                                     std::chrono::day(day))
      .ok();
}

// The last entry that was certainly merged by the end of the day; what precedes it is in too.
std::optional<std::size_t> entry_at_date(std::string_view date) {
  std::optional<std::size_t> last;
  for (std::size_t i = 0; i < timeline().size(); ++i) {
    if (timeline()[i].merged_until <= date) last = i;
  }
  return last;
}

// What the sheet leaves open about the state at the end of `date`, which `entry` stands for.
std::vector<std::string> notes_on_date(std::string_view date, std::size_t entry) {
  std::vector<std::string> notes;
  for (std::size_t i = 0; i < timeline().size(); ++i) {
    const TimelineEntry& e = timeline()[i];
    if (date < e.merged_from || date >= e.merged_until) continue;
    notes.push_back(
        fmt::format("revision {}: #{} ({}) was merged {}; it is taken as {} on that day", date,
                    e.pull_request, e.change, e.merged(), i <= entry ? "in" : "not in"));
  }
  if (date > timeline().back().merged_until) {
    notes.push_back(fmt::format("revision {}: the timeline ends with {}; later changes are unknown",
                                date, describe(timeline().back())));
  }
  return notes;
}

Result<Revision> checked(const std::string& asked, std::size_t entry,
                         std::vector<std::string> notes = {}) {
  if (entry < first_modelled() || entry > last_modelled()) return not_modelled(asked, entry);
  Revision revision;
  revision.entry = entry;
  revision.notes = std::move(notes);
  return revision;
}

Result<Revision> resolve_date(const std::string& date) {
  if (!is_a_day(date)) {
    return fault(fmt::format("`{}` is not a day of the calendar", date), kHowToWrite);
  }
  const auto entry = entry_at_date(date);
  if (entry) return checked(date, *entry, notes_on_date(date, *entry));
  return fault(fmt::format("`{}` is before the first entry of the rule timeline, {}", date,
                           describe(timeline().front())),
               what_is_modelled());
}

// "24785^^": counting back is left to the reader, who sees each step's number.
Diagnostic several_steps_back(const std::string& asked, long long number) {
  const auto entry = timeline_index(number);
  if (!entry || *entry == 0) return not_a_revision(asked);
  const int before = timeline()[*entry - 1].pull_request;
  return fault(fmt::format("`{}` is not a revision: `^` may stand there once", shortened(asked)),
               fmt::format("\"{}^\" is the state after #{}; \"{}^\" is one step further back",
                           number, before, before));
}

std::string path_of(const char* list, std::size_t index) {
  return fmt::format("serving.{}.{}", list, index);
}

// The faults of one list of toggles; `add`: of serving.with.
Diagnostics faults_of_toggles(const std::vector<int>& list, bool add, const Revision& base,
                              const std::string& asked) {
  const char* name = add ? "with" : "without";
  Diagnostics faults;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const int number = list[i];
    const auto entry = timeline_index(number);
    std::optional<Diagnostic> found;
    if (!entry) {
      found = not_a_position(number);
    } else if (std::find(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(i), number) !=
               list.begin() + static_cast<std::ptrdiff_t>(i)) {
      found = fault(fmt::format("#{} is in serving.{} twice", number, name), "name it once");
    } else if (add && base.merged_by_then(number)) {
      found = fault(fmt::format("#{} is in revision `{}` already", number, asked),
                    fmt::format("\"{}^\" is the revision just before it", number));
    } else if (!add && !base.merged_by_then(number)) {
      found = fault(
          fmt::format("#{} is not in revision `{}`, so it cannot be taken out", number, asked),
          fmt::format("it came with {}", describe(timeline()[*entry])));
    } else if (!add && *entry <= first_modelled()) {
      found =
          fault(fmt::format("#{} cannot be taken out: what was before it is not modelled", number),
                what_is_modelled());
    }
    if (!found) continue;
    found->path = path_of(name, i);
    faults.push_back(std::move(*found));
  }
  return faults;
}

std::string numbers(const char* word, const std::vector<int>& list) {
  std::string text;
  for (const int number : list) text += fmt::format(" #{}", number);
  return text.empty() ? text : fmt::format(" {}{}", word, text);
}

}  // namespace

std::string TimelineEntry::merged() const {
  return day_known() ? std::string(merged_from)
                     : fmt::format("between {} and {}", merged_from, merged_until);
}

std::optional<std::size_t> timeline_index(long long pull_request) {
  const auto found = std::ranges::find(timeline(), pull_request, &TimelineEntry::pull_request);
  if (found == timeline().end()) return std::nullopt;
  return static_cast<std::size_t>(found - timeline().begin());
}

std::string_view Revision::epoch() const {
  std::string_view last;
  for (const TimelineEntry& e : timeline().first(entry + 1)) {
    if (!e.epoch.empty()) last = e.epoch;
  }
  return last;
}

bool Revision::merged_by_then(int pull_request) const {
  const auto found = timeline_index(pull_request);
  LOCKSTEP_ASSERT(found.has_value());
  return *found <= entry;
}

bool Revision::includes(int pull_request) const {
  if (asked != nullptr) asked->insert(pull_request);
  if (std::ranges::find(with, pull_request) != with.end()) return true;
  if (std::ranges::find(without, pull_request) != without.end()) return false;
  return merged_by_then(pull_request);
}

Result<Revision> resolve_revision(const std::string& asked) {
  if (asked == "latest") return checked(asked, timeline().size() - 1);
  if (looks_like_a_date(asked)) return resolve_date(asked);
  std::string_view number = asked;
  if (number.starts_with('#')) number.remove_prefix(1);
  std::size_t steps_back = 0;
  for (; number.ends_with('^'); ++steps_back) number.remove_suffix(1);
  const auto parsed = parse_integer(number);
  if (!parsed || *parsed <= 0 || *parsed > 1'000'000'000) return not_a_revision(asked);
  if (steps_back > 1) return several_steps_back(asked, *parsed);
  const auto entry = timeline_index(*parsed);
  if (!entry) return not_a_position(*parsed);
  if (steps_back == 0) return checked(asked, *entry);
  if (*entry > 0) return checked(asked, *entry - 1);
  return fault(fmt::format("`{}` is before the first entry of the rule timeline", asked),
               what_is_modelled());
}

Result<Revision> revision_of(const ServingSpec& serving) {
  Result<Revision> revision = resolve_revision(serving.revision);
  if (!revision) return revision;
  Diagnostics faults = faults_of_toggles(serving.with, true, *revision, serving.revision);
  for (Diagnostic& more : faults_of_toggles(serving.without, false, *revision, serving.revision)) {
    faults.push_back(std::move(more));
  }
  if (!faults.empty()) return faults;
  revision->with = serving.with;
  revision->without = serving.without;
  return revision;
}

std::string asked_text(const ServingSpec& serving) {
  return serving.revision + numbers("with", serving.with) + numbers("without", serving.without);
}

}  // namespace lockstep::sglang

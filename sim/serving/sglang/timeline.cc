#include "sim/serving/sglang/timeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <optional>
#include <utility>

#include "sim/base/require.h"
#include "sim/base/text.h"

namespace lockstep::sglang {
namespace {

Diagnostic fault(std::string message, std::string hint) {
  Diagnostic d;
  d.path = "serving.revision";
  d.message = std::move(message);
  d.hint = std::move(hint);
  return d;
}

std::optional<std::size_t> find_entry(long long pull_request) {
  const auto found = std::ranges::find_if(
      timeline(), [&](const TimelineEntry& e) { return e.pull_request == pull_request; });
  if (found == timeline().end()) return std::nullopt;
  return static_cast<std::size_t>(found - timeline().begin());
}

std::string describe(const TimelineEntry& entry) {
  if (entry.merged.empty()) return fmt::format("#{} ({})", entry.pull_request, entry.change);
  return fmt::format("#{} ({}, merged {})", entry.pull_request, entry.change, entry.merged);
}

const TimelineEntry& nearest_entry(long long pull_request) {
  return *std::ranges::min_element(timeline(), {}, [&](const TimelineEntry& e) {
    return std::llabs(pull_request - e.pull_request);
  });
}

Diagnostic not_a_position(long long number) {
  const std::string near =
      fmt::format("the nearest of the timeline is {}", describe(nearest_entry(number)));
  const auto off = std::ranges::find_if(
      off_timeline(), [&](const OffTimeline& o) { return o.pull_request == number; });
  if (off == off_timeline().end()) {
    return fault(fmt::format("#{} is not in the rule timeline", number), near);
  }
  const auto replacement = find_entry(off->replaced_by);
  return fault(fmt::format("#{} {}", number, off->why),
               replacement ? fmt::format("what took its place is {}; {}",
                                         describe(timeline()[*replacement]), near)
                           : near);
}

Diagnostic not_modelled(const std::string& asked, std::size_t entry) {
  return fault(fmt::format("revision `{}` is the state after {}, which is not modelled yet", asked,
                           describe(timeline()[entry])),
               fmt::format("modelled are the revisions from {} to {}, such as \"24785\"",
                           describe(timeline()[*find_entry(kFirstModelled)]),
                           describe(timeline()[*find_entry(kLastModelled)])));
}

bool is_iso_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  for (const std::size_t i : {0, 1, 2, 3, 5, 6, 8, 9}) {
    if (std::isdigit(static_cast<unsigned char>(text[i])) == 0) return false;
  }
  const std::string_view month = text.substr(5, 2);
  const std::string_view day = text.substr(8, 2);
  return month >= "01" && month <= "12" && day >= "01" && day <= "31";
}

// The last entry that was merged on or before the day; entries without a day count where a later
// one of the order is known to be in.
std::optional<std::size_t> entry_at_date(std::string_view date) {
  std::optional<std::size_t> last;
  for (std::size_t i = 0; i < timeline().size(); ++i) {
    const std::string_view merged = timeline()[i].merged;
    if (!merged.empty() && merged <= date) last = i;
  }
  return last;
}

Result<Revision> checked(const std::string& asked, std::size_t entry) {
  if (entry < *find_entry(kFirstModelled) || entry > *find_entry(kLastModelled)) {
    return not_modelled(asked, entry);
  }
  return Revision{entry};
}

}  // namespace

std::string_view Revision::epoch() const {
  std::string_view last;
  for (const TimelineEntry& e : timeline().first(entry + 1)) {
    if (!e.epoch.empty()) last = e.epoch;
  }
  return last;
}

bool Revision::includes(int asked) const {
  const auto found = find_entry(asked);
  LOCKSTEP_ASSERT(found.has_value());
  return *found <= entry;
}

Result<Revision> resolve_revision(const std::string& asked) {
  if (asked == "latest") return not_modelled(asked, timeline().size() - 1);
  if (is_iso_date(asked)) {
    const auto entry = entry_at_date(asked);
    if (entry) return checked(asked, *entry);
    return fault(fmt::format("`{}` is before the first entry of the rule timeline", asked),
                 describe(timeline().front()));
  }
  std::string_view number = asked;
  if (number.starts_with('#')) number.remove_prefix(1);
  const bool before = number.ends_with('^');
  if (before) number.remove_suffix(1);
  const auto parsed = parse_integer(number);
  if (!parsed || *parsed <= 0 || *parsed > 1'000'000'000) {
    return fault(fmt::format("`{}` is not a revision", asked),
                 "write a merged pull request (\"24785\"), `^` for just before it (\"24785^\"), an "
                 "ISO date (\"2026-05-01\") or \"latest\"");
  }
  const auto entry = find_entry(*parsed);
  if (!entry) return not_a_position(*parsed);
  if (before && *entry == 0) return not_modelled(asked, 0);
  return checked(asked, before ? *entry - 1 : *entry);
}

}  // namespace lockstep::sglang

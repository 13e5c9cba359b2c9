// When SGLang's rules changed: the reference sheet's timeline (section 5.6), in merge order, which
// is not number order.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/error.h"
#include "sim/serving/input.h"

namespace lockstep::sglang {

// One merged pull request. Several that the sheet has in one row share its position.
struct TimelineEntry {
  int position = 0;  // row of the sheet's table
  int pull_request = 0;
  // The first and the last ISO day on which it may have been merged; equal where the day is known.
  std::string_view merged_from;
  std::string_view merged_until;
  // How the day is known: C a commit log, N notes of the merged diff, T named in or bounded by a
  // thread, I inferred, F the sheet's first pass, not read again.
  std::string_view confidence;
  std::string_view change;
  std::string_view families;  // touched
  std::string_view epoch;     // opened by this pull request; empty for none

  bool day_known() const { return merged_from == merged_until; }
  // "2026-05-10", "between 2025-08-01 and 2025-08-07".
  std::string merged() const;
};
std::span<const TimelineEntry> timeline();

// The index in timeline() of a pull request; nullopt if it is not in there.
std::optional<std::size_t> timeline_index(long long pull_request);

// A number that is not a position of the timeline, and what to say about it.
struct OffTimeline {
  int pull_request = 0;
  std::string_view why;       // "was never merged"
  int instead = 0;            // a pull request of the timeline to take instead; 0: none
  std::string_view relation;  // "what took its place is"
};
std::span<const OffTimeline> off_timeline();

// The first and the last entry whose behaviour this lowering has.
inline constexpr int kFirstModelled = 8280;
inline constexpr int kLastModelled = 42481;

// The rules after one timeline entry, with single changes added or taken out (what-if).
struct Revision {
  std::size_t entry = 0;                // index into timeline()
  std::vector<int> with = {};           // pull requests of later entries that are in all the same
  std::vector<int> without = {};        // pull requests of this or earlier entries that are not
  std::vector<std::string> notes = {};  // what a date leaves open
  std::set<int>* asked = nullptr;       // if set: includes() adds what it is asked about

  int pull_request() const { return timeline()[entry].pull_request; }
  std::string_view epoch() const;  // the last one opened by `entry`
  // True if the pull request is part of it. REQUIRES: it is in the timeline.
  bool includes(int pull_request) const;
  // The same without regard to `with` and `without`.
  bool merged_by_then(int pull_request) const;
};

// "24785" and "#24785": after it; "24785^": just before it; "2026-05-01": everything that was
// certainly merged by the end of that day, and what precedes it in merge order, with a note where
// the sheet leaves the day of a change open; "latest": the last entry. An error, with the nearest
// number of the timeline, for what was never merged, a report, or an unknown number; an error that
// says what is modelled for a revision outside kFirstModelled..kLastModelled. The path of faults is
// serving.revision.
Result<Revision> resolve_revision(const std::string& asked);

// serving.revision with serving.with and serving.without. A change that is in already cannot be
// added, one that is not in cannot be taken out. The path of such a fault is serving.with.INDEX.
Result<Revision> revision_of(const ServingSpec& serving);

// "24785^", with toggles "24785^ with #24785 without #22642 #23732".
std::string asked_text(const ServingSpec& serving);

}  // namespace lockstep::sglang

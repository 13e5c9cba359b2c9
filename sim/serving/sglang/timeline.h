// When SGLang's rules changed: the reference sheet's timeline (section 5.6), in merge order, which
// is not number order.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "sim/base/error.h"

namespace lockstep::sglang {

// One merged pull request. Several that the sheet has in one row share its position.
struct TimelineEntry {
  int position = 0;  // row of the sheet's table
  int pull_request = 0;
  std::string_view merged;  // ISO date; empty where the day is not known
  std::string_view change;
  std::string_view epoch;  // opened by this pull request; empty for none
};
std::span<const TimelineEntry> timeline();

// A number that is not a position of the timeline, and what to say about it.
struct OffTimeline {
  int pull_request = 0;
  int replaced_by = 0;  // 0: by nothing
  std::string_view why;
};
std::span<const OffTimeline> off_timeline();

// The first and the last entry whose behaviour this lowering has.
inline constexpr int kFirstModelled = 8280;
inline constexpr int kLastModelled = 42481;

// The rules after one timeline entry.
struct Revision {
  std::size_t entry = 0;  // index into timeline()

  int pull_request() const { return timeline()[entry].pull_request; }
  std::string_view epoch() const;  // the last one opened
  // True if the pull request `asked` is part of it. REQUIRES: it is in the timeline.
  bool includes(int asked) const;
};

// "24785" and "#24785": after it; "24785^": just before it; "2026-05-01": everything merged up to
// the end of that day; "latest". An error, with the nearest number of the timeline, for what was
// never merged, a report, or an unknown number; an error that says what is modelled for a revision
// outside kFirstModelled..kLastModelled. The path of faults is serving.revision.
Result<Revision> resolve_revision(const std::string& asked);

}  // namespace lockstep::sglang

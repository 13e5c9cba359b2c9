#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sim/serving/sglang/timeline.h"

namespace lockstep::sglang {
namespace {

int resolved(const std::string& asked) {
  const auto revision = resolve_revision(asked);
  INFO(asked);
  REQUIRE(static_cast<bool>(revision));
  return revision->pull_request();
}

Diagnostic refused(const std::string& asked) {
  const auto revision = resolve_revision(asked);
  INFO(asked);
  REQUIRE_FALSE(static_cast<bool>(revision));
  CHECK(revision.faults().front().path == "serving.revision");
  return revision.faults().front();
}

bool mentions(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

TEST_CASE("a revision is the state after its pull request, with ^ the state just before") {
  CHECK(resolved("24785") == 24785);
  CHECK(resolved("#24785") == 24785);
  CHECK(resolved("24785^") == 23748);
  CHECK(resolved("22642^") == 20067);
}

TEST_CASE("merge order counts, not number order") {
  // #19918 was merged on 2026-05-23, after #24785 of 2026-05-10.
  CHECK_FALSE(resolve_revision("24785")->includes(19918));
  CHECK(resolve_revision("19918")->includes(24785));
  // #23269 was merged on 2026-05-27, after #24785 too.
  CHECK(resolve_revision("23269")->includes(24785));
  CHECK_FALSE(resolve_revision("24785")->includes(23269));
  // #32963 was merged on 2026-09-18, after #37199 of 2026-09-07.
  CHECK(resolve_revision("32963")->includes(37199));
  CHECK_FALSE(resolve_revision("37199")->includes(32963));
  // #23732 and #23734 were merged on one day, the higher number first in the timeline.
  CHECK(resolve_revision("23732")->includes(23734));
  CHECK_FALSE(resolve_revision("23734")->includes(23732));
}

TEST_CASE("epochs open where section 5.6 says") {
  CHECK(resolve_revision("10414")->epoch() == "E0");
  CHECK(resolve_revision("22642^")->epoch() == "E0");
  CHECK(resolve_revision("22642")->epoch() == "E1");
  CHECK(resolve_revision("23731")->epoch() == "E2");
  CHECK(resolve_revision("24785^")->epoch() == "E2");
  CHECK(resolve_revision("24785")->epoch() == "E3");
  CHECK(resolve_revision("32663^")->epoch() == "E3");
  CHECK(resolve_revision("32663")->epoch() == "E4");
  CHECK(resolve_revision("41196^")->epoch() == "E4");
  CHECK(resolve_revision("latest")->epoch() == "E5");
  CHECK(resolve_revision("8280")->epoch().empty());
}

TEST_CASE("a date is what was merged up to the end of that day") {
  CHECK(resolved("2026-05-09") == 23748);
  CHECK(resolved("2026-05-10") == 24785);
  CHECK(resolved("2026-04-26") == 23732);
  CHECK(resolved("2026-08-15") == 32663);
  // Rows of one day are all in: the last of them in merge order is the revision.
  CHECK(resolved("2026-09-24") == 41097);
  CHECK(resolved("2026-09-25") == 41200);
  CHECK(resolved("2026-10-03") == 42312);
  CHECK(resolved("2028-02-29") == 42481);
  CHECK(resolve_revision("2026-05-10")->notes.empty());
}

TEST_CASE("a date on which a change may have been merged says so") {
  const auto notes = [](const char* date) {
    const auto revision = resolve_revision(date);
    REQUIRE(static_cast<bool>(revision));
    std::string all;
    for (const std::string& note : revision->notes) all += note + "\n";
    return all;
  };
  // Between 2025-08-01 and 2025-08-07: in from the end of the last day on.
  CHECK(resolved("2025-08-03") == 8280);
  CHECK(mentions(notes("2025-08-03"),
                 "#8539 (reduce-scatter return, use_reduce_scatter, rs_ok) was merged between "
                 "2025-08-01 and 2025-08-07; it is taken as not in on that day"));
  CHECK_FALSE(mentions(notes("2025-07-31"), "#8539"));
  CHECK_FALSE(mentions(notes("2025-08-07"), "#8539"));
  CHECK(resolve_revision("2025-08-07")->includes(8539));
  // September 2025, and after #9973 of 2025-09-04.
  CHECK(resolved("2025-09-15") == 9973);
  CHECK(mentions(notes("2025-09-15"), "#10414"));
  CHECK(resolved("2025-09-30") == 10414);
  CHECK(notes("2025-09-30").empty());
  CHECK(notes("2025-09-03").empty());
  // Its order against #11665 of 2025-10-18 is unread, so it stays uncertain where that is in.
  CHECK_FALSE(resolve_revision("2025-10-15")->includes(11632));
  CHECK(mentions(notes("2025-10-15"), "#11632"));
  CHECK(resolve_revision("2025-11-01")->includes(11632));
  CHECK(mentions(notes("2025-11-01"), "it is taken as in on that day"));
  CHECK(notes("2026-03-16").empty());
}

TEST_CASE("a date after the last entry says where the timeline ends") {
  for (const char* date : {"2026-10-05", "9999-12-31"}) {
    const auto revision = resolve_revision(date);
    REQUIRE(static_cast<bool>(revision));
    REQUIRE(revision->notes.size() == 1);
    CHECK(mentions(revision->notes.front(), "the timeline ends with #42481"));
  }
}

TEST_CASE("numbers that were never merged are errors that name their replacement") {
  CHECK(mentions(refused("23431").message, "never merged"));
  CHECK(mentions(refused("23431").hint, "#23732"));
  CHECK(mentions(refused("23554").message, "report"));
  CHECK(mentions(refused("23554").hint, "what changed it is #24785"));
  CHECK(mentions(refused("31475").message, "open"));
  CHECK(mentions(refused("31475").hint, "#41195"));
  CHECK(mentions(refused("36884").hint, "it came to main with #36507"));
  CHECK(mentions(refused("41419").hint, "it belongs with #41443"));
  CHECK(mentions(refused("15268").message, "no known place"));
  for (const OffTimeline& off : off_timeline()) {
    const Diagnostic fault = refused(std::to_string(off.pull_request));
    CHECK(mentions(fault.message, std::string(off.why)));
    CHECK(mentions(fault.hint, "the nearest of the timeline is #"));
    const std::string instead = "#" + std::to_string(off.instead) + " (";
    if (off.instead != 0) CHECK(mentions(fault.hint, instead));
  }
}

TEST_CASE("an unknown number is an error that names the nearest of the timeline") {
  CHECK(mentions(refused("24784").hint, "#24785"));
  CHECK(mentions(refused("1").hint, "#1970"));
}

TEST_CASE("what is not modelled is refused with what is") {
  for (const char* asked : {"1970", "7775", "8280^", "2025-07-24", "2024-11-16"}) {
    const Diagnostic fault = refused(asked);
    CHECK(mentions(fault.message, "not modelled"));
    CHECK(mentions(fault.hint, "#8280"));
    CHECK(mentions(fault.hint, "#42481"));
  }
  CHECK(mentions(refused("1970^").message, "before the first entry"));
  CHECK(mentions(refused("2024-11-15").message, "before the first entry"));
  CHECK(mentions(refused("0001-01-01").message, "before the first entry"));
  CHECK(resolved("36507^") == 32663);
  CHECK(resolved("8280") == 8280);
  CHECK(resolved("latest") == 42481);
}

TEST_CASE("text that is no revision is refused with how to write one") {
  for (const char* asked : {"", "^", "#", "##24785", "abc", "24785^^", "-3", "0",
                            "99999999999999999999", "24785 ", "2026-5-1", "Latest", "24785^#"}) {
    CHECK(mentions(refused(asked).message, "not a revision"));
  }
  CHECK(mentions(refused("24785^^").hint,
                 "\"24785^\" is the state after #23748; \"23748^\" is one step further back"));
  for (const char* asked : {"2026-13-45", "2026-13-01", "2026-02-30", "2025-02-29", "2026-00-01"}) {
    CHECK(mentions(refused(asked).message, "not a day of the calendar"));
  }
  CHECK(refused(std::string(100'000, '^')).message.size() < 100);
  CHECK(refused(std::string(100'000, '1')).message.size() < 100);
}

TEST_CASE("the timeline is in order, and each number is in it once") {
  std::set<int> numbers;
  int position = 0;
  std::string_view last_day;
  for (const TimelineEntry& e : timeline()) {
    CAPTURE(e.pull_request);
    CHECK(numbers.insert(e.pull_request).second);
    CHECK(e.position >= position);
    CHECK(e.position <= position + 1);
    position = e.position;
    CHECK(e.merged_from <= e.merged_until);
    CHECK_FALSE(e.change.empty());
    CHECK_FALSE(e.families.empty());
    CHECK_FALSE(e.confidence.empty());
    CHECK(e.confidence.find_first_not_of("CNTIF, ") == std::string_view::npos);
    if (!e.day_known()) continue;
    CHECK(e.merged_from >= last_day);
    last_day = e.merged_from;
  }
  CHECK(position == 54);
  for (const OffTimeline& off : off_timeline()) CHECK(numbers.insert(off.pull_request).second);
}

// The pull requests of each row of the table in section 5.6, as the sheet has them.
TEST_CASE("every row of the sheet is present") {
  const std::vector<std::vector<int>> rows{{1970},
                                           {6121},
                                           {7681},
                                           {7621, 7775},
                                           {8280},
                                           {8539},
                                           {8883},
                                           {9101},
                                           {9169},
                                           {9359},
                                           {9973},
                                           {10414},
                                           {11632},
                                           {11665},
                                           {11800},
                                           {20406},
                                           {18233},
                                           {21195},
                                           {20919},
                                           {20067},
                                           {22642},
                                           {22664},
                                           {22003},
                                           {23731},
                                           {23734, 23732},
                                           {23748},
                                           {24785},
                                           {24949},
                                           {25390},
                                           {25974},
                                           {19918},
                                           {23269},
                                           {26911},
                                           {27191},
                                           {23906},
                                           {28216},
                                           {29103},
                                           {30802},
                                           {30898},
                                           {31682},
                                           {32663},
                                           {36507},
                                           {37199},
                                           {39899},
                                           {32963},
                                           {41079, 41080, 41097},
                                           {41193},
                                           {41194},
                                           {41195},
                                           {41196},
                                           {41197, 41198, 41199, 41200},
                                           {41252, 41253, 41254, 41257},
                                           {41417, 41418, 41426, 41427, 41429, 41431, 41432, 41435,
                                            41438, 41439, 41440, 41441, 41442, 41443},
                                           {42301, 42312, 42478, 42479, 42481}};
  REQUIRE(rows.size() == 54);
  std::vector<std::vector<int>> found(rows.size());
  for (const TimelineEntry& e : timeline()) {
    found[static_cast<std::size_t>(e.position - 1)].push_back(e.pull_request);
  }
  CHECK(found == rows);
}

ServingSpec serving(const std::string& revision, std::vector<int> with, std::vector<int> without) {
  ServingSpec spec;
  spec.revision = revision;
  spec.with = std::move(with);
  spec.without = std::move(without);
  return spec;
}

TEST_CASE("single changes are added to a revision or taken out of it") {
  const auto revision = revision_of(serving("24785^", {24785, 36507}, {22642}));
  REQUIRE(static_cast<bool>(revision));
  CHECK(revision->pull_request() == 23748);
  CHECK(revision->epoch() == "E2");
  CHECK(revision->includes(24785));
  CHECK(revision->includes(36507));
  CHECK_FALSE(revision->includes(22642));
  CHECK(revision->includes(23732));
  CHECK_FALSE(revision->includes(25390));  // between the two that were added
  CHECK(revision->merged_by_then(22642));
  CHECK_FALSE(revision->merged_by_then(24785));
  CHECK(asked_text(serving("24785^", {24785, 36507}, {22642})) ==
        "24785^ with #24785 #36507 without #22642");
  CHECK(asked_text(serving("24785", {}, {})) == "24785");
}

TEST_CASE("a change that is in already, or not in, cannot be toggled") {
  const auto fault = [](const ServingSpec& spec) {
    const auto revision = revision_of(spec);
    REQUIRE_FALSE(static_cast<bool>(revision));
    return revision.faults().front();
  };
  const Diagnostic in = fault(serving("24785", {36507, 24785}, {}));
  CHECK(in.path == "serving.with.1");
  CHECK(in.message == "#24785 is in revision `24785` already");
  CHECK(mentions(in.hint, "24785^"));
  const Diagnostic out = fault(serving("24785^", {}, {24785}));
  CHECK(out.path == "serving.without.0");
  CHECK(mentions(out.message, "#24785 is not in revision `24785^`"));
  CHECK(mentions(fault(serving("24785^", {24785, 24785}, {})).message, "twice"));
  CHECK(mentions(fault(serving("24785^", {23431}, {})).message, "was never merged"));
  CHECK(mentions(fault(serving("24785^", {24784}, {})).hint, "#24785"));
  CHECK(mentions(fault(serving("24785^", {}, {8280})).message, "what was before it"));
  CHECK(fault(serving("abc", {24785}, {})).path == "serving.revision");
  const auto both = revision_of(serving("24785^", {22642}, {24785}));
  REQUIRE_FALSE(static_cast<bool>(both));
  CHECK(both.faults().size() == 2);
}

}  // namespace
}  // namespace lockstep::sglang

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

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
  // #23732 and #23734 were merged on one day, in this order of the timeline.
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
}

TEST_CASE("a date is what was merged up to the end of that day") {
  CHECK(resolved("2026-05-09") == 23748);
  CHECK(resolved("2026-05-10") == 24785);
  CHECK(resolved("2026-04-26") == 23732);
  CHECK(resolved("2026-08-15") == 32663);
}

TEST_CASE("numbers that were never merged are errors that name their replacement") {
  CHECK(mentions(refused("23431").message, "never merged"));
  CHECK(mentions(refused("23431").hint, "#23732"));
  CHECK(mentions(refused("23554").message, "report"));
  CHECK(mentions(refused("31475").message, "open"));
  CHECK(mentions(refused("15268").message, "no known place"));
}

TEST_CASE("an unknown number is an error that names the nearest of the timeline") {
  CHECK(mentions(refused("24784").hint, "#24785"));
  CHECK(mentions(refused("1").hint, "#1970"));
}

TEST_CASE("what is not modelled is refused with what is") {
  for (const char* asked : {"latest", "41196", "36507", "2026-10-01", "8539", "2025-08-20"}) {
    const Diagnostic fault = refused(asked);
    CHECK(mentions(fault.message, "not modelled"));
    CHECK(mentions(fault.hint, "#10414"));
    CHECK(mentions(fault.hint, "#32663"));
  }
  CHECK(resolved("36507^") == 32663);
}

TEST_CASE("text that is no revision is refused with how to write one") {
  for (const char* asked : {"", "^", "abc", "24785^^", "-3", "2026-13-01", "99999999999999999999",
                            "24785 ", "2026-5-1"}) {
    CHECK(mentions(refused(asked).message, "not a revision"));
  }
}

TEST_CASE("the timeline is in order, and each number is in it once") {
  std::set<int> numbers;
  int position = 0;
  std::string_view last_day;
  for (const TimelineEntry& e : timeline()) {
    CHECK(numbers.insert(e.pull_request).second);
    CHECK(e.position >= position);
    CHECK(e.position <= position + 1);
    position = e.position;
    if (e.merged.empty()) continue;
    CHECK(e.merged >= last_day);
    last_day = e.merged;
  }
  CHECK(position == 54);
  for (const OffTimeline& off : off_timeline()) CHECK(numbers.insert(off.pull_request).second);
}

}  // namespace
}  // namespace lockstep::sglang

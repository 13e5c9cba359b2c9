// Single changes added to a revision or taken out of it.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "sim/contract/check.h"
#include "sim/serving/input.h"
#include "sim/serving/sglang/timeline.h"
#include "tests/serving/inputs.h"

namespace lockstep {
namespace {

using test::batch;
using test::layout;

LoweringInput dep8(const std::string& revision, std::vector<int> with = {},
                   std::vector<int> without = {}) {
  LoweringInput in = test::input(layout(8, 8, 8), revision,
                                 batch(ForwardMode::extend, {9, 37, 0, 12, 3, 1, 64, 5}));
  in.serving.with = std::move(with);
  in.serving.without = std::move(without);
  return in;
}

Plan lowered(const LoweringInput& input) {
  Result<Plan> plan = lower(input);
  if (!plan) MESSAGE(to_string(plan.faults()));
  REQUIRE(static_cast<bool>(plan));
  return std::move(*plan);
}

bool noted(const Plan& plan, const std::string& note) {
  return std::ranges::find(plan.notes, note) != plan.notes.end();
}

bool holds(const LoweringInput& input) {
  return contract::check(lowered(input)).verdict == contract::Verdict::holds;
}

TEST_CASE("a release with the fix of #24785 picked holds, as does one without #22642") {
  CHECK_FALSE(holds(dep8("24785^")));
  CHECK(holds(dep8("24785^", {24785})));
  CHECK(holds(dep8("24785^", {}, {22642})));
  CHECK_FALSE(holds(dep8("24785", {}, {24785})));
}

TEST_CASE("toggling back gives the plan of the other revision") {
  // Nothing but #24785 lies between the two.
  CHECK(hash(lowered(dep8("24785^", {24785}))) == hash(lowered(dep8("24785"))));
  CHECK(hash(lowered(dep8("24785", {}, {24785}))) == hash(lowered(dep8("24785^"))));
}

TEST_CASE("the origin says what was asked") {
  const Plan plan = lowered(dep8("24785^", {24785}, {22664}));
  CHECK(plan.origin.asked == "24785^ with #24785 without #22664");
  CHECK(plan.origin.resolved_after == "#23748");
  CHECK(plan.origin.epoch == "E2");
}

TEST_CASE("what is only known to be in force by then is no change of that pull request") {
  // embedding_is_sharded is false under DP attention and true "by #24785", whose text it is not.
  LoweringInput tp2 =
      test::input(layout(8, 4, 8), "24785^", batch(ForwardMode::extend, {3, 4, 5, 6}));
  const std::size_t groups = lowered(tp2).operations.size();
  tp2.serving.with = {24785};
  const Plan picked = lowered(tp2);
  tp2.serving = {};
  tp2.serving.revision = "24785";
  CHECK(picked.operations.size() <= groups);
  CHECK(picked.operations.size() < lowered(tp2).operations.size());
}

TEST_CASE("a toggle that does not decide says why") {
  const Plan rewritten = lowered(dep8("24785^", {}, {23732}));
  CHECK(noted(rewritten,
              "without #23732: should_skip_post_experts_all_reduce stays as it is: the text of "
              "#23748 is in force"));
  const Plan nothing = lowered(dep8("22642^", {32663}));
  CHECK(noted(nothing,
              "with #32663: there is no should_use_dp_reduce_scatterv here: #22642 brought it"));
  CHECK(hash(nothing) == hash(lowered(dep8("22642^"))));
  const Plan idle = lowered(dep8("24785^", {39899}));
  CHECK(noted(idle, "with #39899: nothing in this plan depends on it"));
  CHECK(lowered(dep8("24785^", {24785})).notes == lowered(dep8("24785^")).notes);
}

TEST_CASE("a rule that no longer exists takes its later texts with it") {
  // #32663 changed a rule that #22642 brought: without #22642 the return is as it was before.
  const Plan without = lowered(dep8("32663", {}, {22642}));
  for (const Operation& op : without.operations) CHECK(op.kind != OpKind::reduce_scatterv);
  CHECK(holds(dep8("32663", {}, {22642})));
}

TEST_CASE("lowering says which pull requests decided, and no other one changes the plan") {
  const LoweringInput input = dep8("24785^");
  std::set<int> asked;
  const Result<Plan> plan = lower(input, asked);
  REQUIRE(static_cast<bool>(plan));
  for (const int part : {22642, 23732, 24785}) CHECK(asked.contains(part));
  CHECK(asked.size() < sglang::timeline().size());
  const auto revision = sglang::revision_of(input.serving);
  for (const sglang::TimelineEntry& e : sglang::timeline()) {
    if (asked.contains(e.pull_request)) continue;
    LoweringInput toggled = input;
    (revision->includes(e.pull_request) ? toggled.serving.without
                                        : toggled.serving.with) = {e.pull_request};
    const Result<Plan> same = lower(toggled);
    if (!same) continue;  // #8280 and before: not modelled
    CAPTURE(e.pull_request);
    CHECK(hash(*same) == hash(*plan));
  }
}

TEST_CASE("faults of toggles have their place; `plain` has no revisions") {
  const Result<Plan> in = lower(dep8("24785", {36507, 24785}));
  REQUIRE_FALSE(static_cast<bool>(in));
  CHECK(in.faults().front().path == "serving.with.1");
  LoweringInput plain = dep8("24785^", {24785});
  plain.serving.system = "plain";
  const Result<Plan> refused = lower(plain);
  REQUIRE_FALSE(static_cast<bool>(refused));
  CHECK(refused.faults().front().path == "serving.with");
}

TEST_CASE("a date that leaves a change open says so in the plan") {
  const Plan plan = lowered(dep8("2025-10-15"));
  REQUIRE(plan.notes.size() >= 1);
  CHECK(plan.notes.front().find("revision 2025-10-15: #11632") == 0);
}

}  // namespace
}  // namespace lockstep

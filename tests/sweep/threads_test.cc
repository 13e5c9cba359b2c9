// The threads of a sweep. Under ThreadSanitizer this is also the test that plans are lowered,
// checked and timed without anything in common that is written.
#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "sim/sweep/sweep_rows.h"

namespace lockstep::test {
namespace {

// 2 x 3 points: a bug and its fix, at three sizes, the last of which is no number of tokens.
SweepBase sweep_of_a_bug() {
  Result<Document> document = parse_yaml(R"(
lockstep: 1
name: sweep
model: {preset: kimi-k2.6, num_hidden_layers: 4}
serving: {system: sglang, revision: "24785"}
parallel: {tp_size: 8, dp_size: 8, ep_size: 8, enable_dp_attention: true}
hardware: hgx-b300
batch: {forward_mode: extend, tokens: 64}
)",
                                         "sweep.yaml");
  REQUIRE(document);
  Result<std::vector<SweepAxis>> axes =
      parse_axes({"serving.revision=24785^,24785", "batch.tokens=8,512,-1"});
  REQUIRE(axes);
  return {std::move(*document), {}, std::move(*axes)};
}

std::vector<std::int64_t> all_points(const SweepBase& base) {
  std::vector<std::int64_t> points(static_cast<std::size_t>(grid_size(base.axes)));
  std::iota(points.begin(), points.end(), 0);
  return points;
}

TEST_CASE("any number of threads gives the same rows, in the order of the grid") {
  const SweepBase base = sweep_of_a_bug();
  const std::vector<std::int64_t> points = all_points(base);
  const std::vector<SweepRow> one = sweep_rows(base, points, 1, {});
  REQUIRE(one.size() == 6);
  CHECK(one[0].verdict == "violated");
  CHECK(one[0].code == "double-reduction");
  CHECK(one[2].verdict == "bad-input");
  CHECK(one[3].verdict == "holds");
  // The sum that is done twice takes time.
  CHECK(one[1].measures[kMakespan].value() > one[4].measures[kMakespan].value());
  for (const int jobs : {2, 4, 16}) CHECK(sweep_rows(base, points, jobs, {}) == one);
}

TEST_CASE("what is known is not computed, and every row is told once") {
  const SweepBase base = sweep_of_a_bug();
  const std::vector<std::int64_t> points = all_points(base);
  SweepRow known;
  known.values = values_at(base.axes, 4);
  known.verdict = "as it was";
  int computed = 0;
  int told = 0;
  const SweepHooks hooks = {[&](const std::vector<std::string>& values) {
                              return values == known.values ? &known : nullptr;
                            },
                            [&](const SweepRow&, bool is_new) {
                              computed += is_new ? 1 : 0;
                              ++told;
                            }};
  const std::vector<SweepRow> rows = sweep_rows(base, points, 3, hooks);
  CHECK(rows[4] == known);
  CHECK(told == 6);
  CHECK(computed == 5);
}

TEST_CASE("what is thrown ends the sweep, after its threads") {
  const SweepBase base = sweep_of_a_bug();
  const SweepHooks hooks = {
      nullptr, [](const SweepRow&, bool) { throw std::runtime_error("the disk is full"); }};
  CHECK_THROWS_WITH(sweep_rows(base, all_points(base), 4, hooks), "the disk is full");
}

}  // namespace
}  // namespace lockstep::test

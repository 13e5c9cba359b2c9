#include "sim/scenario/sweep.h"

#include <doctest/doctest.h>

#include <set>

namespace lockstep {
namespace {

using Texts = std::vector<std::string>;

TEST_CASE("an axis is a path and values with commas between them") {
  const auto axis = parse_axis("batch.tokens=64,[5, 0],'a,b',{x: 1, y: 2}");
  REQUIRE(axis);
  CHECK(axis->paths == Texts{"batch.tokens"});
  CHECK(axis->values == Texts{"64", "[5, 0]", "'a,b'", "{x: 1, y: 2}"});
}

TEST_CASE("paths of one axis take each value together") {
  const auto axes = parse_axes({"a.x+a.y=4,8", "b=1"});
  REQUIRE(axes);
  const std::vector<Setting> settings = settings_at(*axes, 1);
  REQUIRE(settings.size() == 3);
  CHECK(settings[0].path == "a.x");
  CHECK(settings[1].path == "a.y");
  CHECK(settings[1].value == "8");
  CHECK(settings[2].value == "1");
  CHECK((*axes)[0].name() == "a.x+a.y");
}

TEST_CASE("what is no axis is refused with what it should be") {
  for (const char* text : {"a", "=1", "a=", "a=1,,2", "a=1,1"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_axis(text));
  }
  const auto twice = parse_axes({"a=1", "b+a=2", "c"});
  REQUIRE_FALSE(twice);
  CHECK(twice.faults().size() == 2);  // a is swept twice; c has no values
}

TEST_CASE("the last axis goes fastest") {
  const auto axes = parse_axes({"a=1,2", "b=x,y,z"});
  REQUIRE(axes);
  CHECK(grid_size(*axes) == 2 * 3);
  // point 4 = 1 * 3 + 1
  CHECK(values_at(*axes, 4) == Texts{"2", "y"});
  CHECK(values_at(*axes, 0) == Texts{"1", "x"});
}

TEST_CASE("a grid that is too large for a number does not overflow") {
  std::vector<SweepAxis> axes(40, SweepAxis{{"a"}, {"1", "2", "3", "4"}});
  CHECK(grid_size(axes) == kMostPoints);  // 4^40 = 2^80
}

TEST_CASE("a sample has different points, in order, and the same ones for a seed") {
  const std::vector<std::int64_t> points = sample_points(1'000'000'000'000, 100, 7);
  CHECK(points.size() == 100);
  CHECK(std::set<std::int64_t>(points.begin(), points.end()).size() == 100);
  CHECK(std::is_sorted(points.begin(), points.end()));
  CHECK(points == sample_points(1'000'000'000'000, 100, 7));
  CHECK(points != sample_points(1'000'000'000'000, 100, 8));
  // All of them: 0, 1, 2.
  CHECK(sample_points(3, 3, 1) == std::vector<std::int64_t>{0, 1, 2});
}

TEST_CASE("every point is drawn about as often as any other") {
  // 3 of 10 points, 4,000 times: each 1,200 times, give or take; sqrt(4000 * 0.3 * 0.7) = 29.
  std::vector<int> drawn(10, 0);
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    for (const std::int64_t point : sample_points(10, 3, seed)) {
      ++drawn[static_cast<std::size_t>(point)];
    }
  }
  for (const int count : drawn) {
    CHECK(count > 1200 - 5 * 29);
    CHECK(count < 1200 + 5 * 29);
  }
}

}  // namespace
}  // namespace lockstep

// The points of a sweep: a grid over keys of a scenario, or a sample of it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sim/base/error.h"
#include "sim/scenario/scenario.h"

namespace lockstep {

// One direction of the grid: paths that take each of the values together, as --set would set them.
struct SweepAxis {
  std::vector<std::string> paths;
  std::vector<std::string> values;
  std::string name() const;  // "parallel.tp_size+parallel.ep_size"
  bool operator==(const SweepAxis&) const = default;
};

// "path=v1,v2,..." or "path+path=v1,v2,...". A comma within brackets or quotes belongs to a value.
Result<SweepAxis> parse_axis(const std::string& text);
// All of --over. A path that is there twice is a fault.
Result<std::vector<SweepAxis>> parse_axes(const std::vector<std::string>& texts);

// Points are numbered in grid order: the last axis goes fastest.
inline constexpr std::int64_t kMostPoints = std::int64_t{1} << 62;
// At most kMostPoints.
std::int64_t grid_size(std::span<const SweepAxis> axes);
// By axis. REQUIRES: 0 <= point < grid_size(axes).
std::vector<std::string> values_at(std::span<const SweepAxis> axes, std::int64_t point);
std::vector<Setting> settings_at(std::span<const SweepAxis> axes, std::int64_t point);

// `count` different numbers below `size`, in increasing order; every set of them is as likely.
// REQUIRES: 0 <= count <= size.
std::vector<std::int64_t> sample_points(std::int64_t size, std::int64_t count, std::uint64_t seed);

}  // namespace lockstep

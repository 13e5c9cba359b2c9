#include "sim/scenario/sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "sim/base/random.h"
#include "sim/base/text.h"

namespace lockstep {
namespace {

// At the commas that no bracket and no quote holds.
std::vector<std::string> split_values(const std::string& text) {
  std::vector<std::string> values(1);
  int depth = 0;
  char quote = 0;
  for (const char c : text) {
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if (c == ']' || c == '}') {
      --depth;
    } else if (c == ',' && depth == 0) {
      values.emplace_back();
      continue;
    }
    values.back() += c;
  }
  return values;
}

}  // namespace

std::string SweepAxis::name() const { return join(paths, "+"); }

Result<SweepAxis> parse_axis(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    return plain_fault(fmt::format("--over {}: expected path=value,value,...", text),
                       "for example --over parallel.tp_size=4,8");
  }
  SweepAxis axis{split(text.substr(0, equals), '+'), split_values(text.substr(equals + 1))};
  for (std::size_t i = 0; i < axis.values.size(); ++i) {
    const std::string& value = axis.values[i];
    if (value.empty()) {
      return plain_fault(fmt::format("--over {}: value {} is empty", text, i + 1),
                         "write '\"\"' for a text without letters");
    }
    if (std::ranges::count(axis.values, value) > 1) {
      return plain_fault(fmt::format("--over {}: {} is there twice", text, value), "");
    }
  }
  return axis;
}

Result<std::vector<SweepAxis>> parse_axes(const std::vector<std::string>& texts) {
  std::vector<SweepAxis> axes;
  Diagnostics faults;
  std::set<std::string> paths;
  for (const std::string& text : texts) {
    Result<SweepAxis> axis = parse_axis(text);
    if (!axis) {
      faults.insert(faults.end(), axis.faults().begin(), axis.faults().end());
      continue;
    }
    for (const std::string& path : axis->paths) {
      if (!paths.insert(path).second) {
        faults.push_back(
            plain_fault(fmt::format("--over {}: {} is swept already", text, path), ""));
      }
    }
    axes.push_back(std::move(*axis));
  }
  if (!faults.empty()) return faults;
  return axes;
}

std::int64_t grid_size(std::span<const SweepAxis> axes) {
  std::int64_t size = 1;
  for (const SweepAxis& axis : axes) {
    const auto values = static_cast<std::int64_t>(axis.values.size());
    size = size > kMostPoints / values ? kMostPoints : size * values;
  }
  return size;
}

std::vector<std::string> values_at(std::span<const SweepAxis> axes, std::int64_t point) {
  std::vector<std::string> values(axes.size());
  for (std::size_t i = axes.size(); i-- > 0;) {
    const auto count = static_cast<std::int64_t>(axes[i].values.size());
    values[i] = axes[i].values[static_cast<std::size_t>(point % count)];
    point /= count;
  }
  return values;
}

std::vector<Setting> settings_at(std::span<const SweepAxis> axes, std::int64_t point) {
  const std::vector<std::string> values = values_at(axes, point);
  std::vector<Setting> settings;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    for (const std::string& path : axes[i].paths) settings.push_back({path, values[i]});
  }
  return settings;
}

// Floyd's algorithm (Bentley, Communications of the ACM 30, 1987): `count` draws, whatever the
// size.
std::vector<std::int64_t> sample_points(std::int64_t size, std::int64_t count, std::uint64_t seed) {
  Random random(seed);
  std::set<std::int64_t> chosen;
  for (std::int64_t last = size - count; last < size; ++last) {
    const std::int64_t drawn = random.below(last + 1);
    if (!chosen.insert(drawn).second) chosen.insert(last);
  }
  return {chosen.begin(), chosen.end()};
}

}  // namespace lockstep

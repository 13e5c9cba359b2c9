// What a sweep found at each point, and which points are the best.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/error.h"
#include "sim/scenario/sweep.h"

namespace lockstep {

// The numbers of a row: one column each, by which points are compared.
struct Measure {
  std::string_view name;
  std::string_view meaning;
  int decimals = 0;
  bool less_is_better = true;
};
inline constexpr std::array<Measure, 5> kMeasures{{
    {"gpus", "GPUs that the layout uses", 0, true},
    {"makespan_us", "time of all steps together", 3, true},
    {"tokens_per_s", "tokens of all steps over their time", 1, false},
    {"tokens_per_s_per_gpu", "the same, over the GPUs", 1, false},
    {"memory_GB", "of the fullest GPU, 1e9 bytes", 2, true},
}};
enum MeasureIndex : std::size_t { kGpus, kMakespan, kTokens, kTokensPerGpu, kMemory };

struct SweepRow {
  std::vector<std::string> values;  // by axis
  std::string verdict;              // holds, violated, unknown; bad-input: see `reason`
  std::string code;                 // of the first violation
  std::array<std::optional<double>, kMeasures.size()> measures;
  std::optional<bool> fits;  // into the memory of the GPUs
  std::string reason;        // why it is bad input, or has no time
  std::string marks;         // "front", "best makespan_us", with "; " between them

  // Rounds to what text_of() shows, so that rows read from a file are the same.
  void set(std::size_t measure, double value);
  bool is_good() const { return verdict == "holds" && fits.value_or(true); }
  bool operator==(const SweepRow&) const = default;
};

// As every output shows it; "" if there is none.
std::string text_of(const SweepRow& row, std::size_t measure);

struct SweepResult {
  std::string scenario;
  std::string hash;  // of the scenario's text and what every point has in common
  std::vector<SweepAxis> axes;
  std::int64_t grid = 0;              // points of the whole grid
  std::optional<std::uint64_t> seed;  // of the sample; none: all points
  std::vector<std::size_t> pareto;    // measures
  std::vector<SweepRow> rows;         // those that are kept, then the points in grid order
  std::size_t kept = 0;               // rows of the file that are no points of this sweep

  std::span<const SweepRow> points() const { return std::span(rows).subspan(kept); }
};

// "makespan_us,tokens_per_s": indices into kMeasures.
Result<std::vector<std::size_t>> parse_measures(const std::string& text);

// Orders rows by their values, axis by axis: numbers by size, before texts by their bytes. So the
// order of kept rows does not hang on when each of them was done.
void sort_by_values(std::vector<SweepRow>& rows);

// Writes the marks. Only points whose verdict is `holds`, that fit into memory and have all numbers
// of `pareto` take part. The front: those that no other is at least as good as in everything, and
// better in something. The best of a measure: all that have its best value.
void mark(std::vector<SweepRow>& rows, std::span<const std::size_t> pareto);

}  // namespace lockstep

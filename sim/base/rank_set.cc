#include "sim/base/rank_set.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/base/require.h"
#include "sim/base/text.h"

namespace lockstep {

RankSet RankSet::range(int first, int count) {
  RankSet set;
  if (count > 0) set.intervals_.push_back({first, first + count - 1});
  return set;
}

RankSet RankSet::of(const std::vector<int>& ranks) {
  std::vector<int> sorted = ranks;
  std::sort(sorted.begin(), sorted.end());
  RankSet set;
  for (const int rank : sorted) {
    if (!set.intervals_.empty() && rank <= set.intervals_.back().last + 1) {
      set.intervals_.back().last = rank;
    } else {
      set.intervals_.push_back({rank, rank});
    }
  }
  return set;
}

void RankSet::insert(int rank) {
  if (intervals_.empty() || rank > intervals_.back().last + 1) {
    intervals_.push_back({rank, rank});
    return;
  }
  if (rank == intervals_.back().last + 1) {
    intervals_.back().last = rank;
    return;
  }
  if (contains(rank)) return;
  std::vector<int> ranks = to_vector();
  ranks.push_back(rank);
  *this = of(ranks);
}

void RankSet::insert(const RankSet& ranks) {
  std::vector<Interval> all = intervals_;
  all.insert(all.end(), ranks.intervals_.begin(), ranks.intervals_.end());
  std::sort(all.begin(), all.end());
  intervals_.clear();
  for (const Interval& i : all) {
    if (!intervals_.empty() && i.first <= intervals_.back().last + 1) {
      intervals_.back().last = std::max(intervals_.back().last, i.last);
    } else {
      intervals_.push_back(i);
    }
  }
}

bool RankSet::contains(int rank) const {
  const auto after = std::upper_bound(intervals_.begin(), intervals_.end(), rank,
                                      [](int r, const Interval& i) { return r < i.first; });
  return after != intervals_.begin() && std::prev(after)->last >= rank;
}

int RankSet::size() const {
  int count = 0;
  for (const Interval& i : intervals_) count += i.last - i.first + 1;
  return count;
}

int RankSet::lowest() const {
  LOCKSTEP_ASSERT(!empty());
  return intervals_.front().first;
}

std::vector<int> RankSet::to_vector() const {
  std::vector<int> ranks;
  ranks.reserve(static_cast<std::size_t>(size()));
  for (const Interval& i : intervals_) {
    for (int rank = i.first; rank <= i.last; ++rank) ranks.push_back(rank);
  }
  return ranks;
}

std::string to_string(const RankSet& ranks) {
  std::vector<std::string> parts;
  for (const RankSet::Interval& i : ranks.intervals()) {
    parts.push_back(i.first == i.last ? fmt::format("{}", i.first)
                                      : fmt::format("{}-{}", i.first, i.last));
  }
  return join(parts, ",");
}

std::optional<RankSet> parse_rank_set(std::string_view text) {
  constexpr int kMaxRank = 1 << 24;
  RankSet set;
  if (text.empty()) return set;
  int next = 0;
  std::vector<int> ranks;
  for (const std::string& part : split(text, ',')) {
    const std::size_t dash = part.find('-');
    const auto first = parse_integer(std::string_view(part).substr(0, dash));
    const auto last =
        dash == std::string::npos ? first : parse_integer(std::string_view(part).substr(dash + 1));
    if (!first || !last || *first < next || *last < *first || *last > kMaxRank) return std::nullopt;
    for (long long rank = *first; rank <= *last; ++rank) ranks.push_back(static_cast<int>(rank));
    next = static_cast<int>(*last) + 1;
  }
  return RankSet::of(ranks);
}

}  // namespace lockstep

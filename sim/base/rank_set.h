// Sets of ranks as sorted, disjoint, non-adjacent intervals, so that "all 16,384" is one interval.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

class RankSet {
 public:
  struct Interval {
    int first = 0;  // inclusive
    int last = 0;   // inclusive, >= first
    auto operator<=>(const Interval&) const = default;
  };

  RankSet() = default;
  static RankSet range(int first, int count);
  static RankSet of(const std::vector<int>& ranks);  // any order, duplicates allowed

  void insert(int rank);
  void insert(const RankSet& ranks);
  bool contains(int rank) const;
  bool empty() const { return intervals_.empty(); }
  int size() const;
  int lowest() const;  // REQUIRES: !empty()
  std::vector<int> to_vector() const;
  const std::vector<Interval>& intervals() const { return intervals_; }

  auto operator<=>(const RankSet&) const = default;

 private:
  std::vector<Interval> intervals_;
};

// "0-3,5"; "" for the empty set.
std::string to_string(const RankSet& ranks);
// The reverse; nullopt for anything else (descending, overlapping or out of order intervals too).
std::optional<RankSet> parse_rank_set(std::string_view text);

}  // namespace lockstep

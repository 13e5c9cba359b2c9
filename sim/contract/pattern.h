// How much of a term each rank holds, apart from which term it is: the 61 layers of a model share
// their patterns, so that a lemma on one is proved once.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "sim/base/ids.h"
#include "sim/base/rank_set.h"
#include "sim/base/rational.h"
#include "sim/contract/intern.h"
#include "sim/contract/places.h"
#include "sim/contract/value.h"
#include "sim/plan/plan.h"

namespace lockstep::contract {

// The shares [first, last), `coefficient` times.
struct Piece {
  std::int32_t first = 0;
  std::int32_t last = 0;
  Rational coefficient = 1;
  bool operator==(const Piece&) const = default;
};
std::uint64_t fold(std::uint64_t hash, const Piece& piece);

// What one rank holds of a term: pieces in order, disjoint, merged, none zero.
using ProfileId = Id<struct ProfileTag>;
inline std::uint64_t fold(std::uint64_t hash, ProfileId id) {
  return mix64(hash ^ static_cast<std::uint64_t>(id.value));
}
// A profile per rank. Equal patterns have equal ids; one whose ranks are all alike is `uniform`.
using PatternId = Id<struct PatternTag>;

// Ranks whose contributions lie on the same rows: a class per set of rows, by rank; -1: the rank
// contributes nothing. Classes are numbered from 0 and belong to one part of `group` each.
struct Tiling {
  GroupId group;
  std::vector<int> class_of_rank;
  std::vector<int> part_of_class;
};

class PatternTable {
 public:
  // Both must outlive the table.
  PatternTable(const Plan& plan, const Places& places);

  PatternId nothing() { return uniform(profile({})); }
  PatternId whole(int shares, Rational coefficient = 1);
  // Of the ranks that are members of the production's groups.
  PatternId produced(const Production& production);
  // All shares on the first member of each part, nothing on the others.
  PatternId first_of_part(GroupId group, int shares);

  PatternId sum(PatternId a, PatternId b);
  PatternId scaled(PatternId pattern, Rational factor);
  // Every member of a part gets the sum over the part.
  PatternId sum_over(PatternId pattern, GroupId group);
  // Every member of a part gets the sum over one class of it; nullopt if its classes differ.
  std::optional<PatternId> sum_of_class(PatternId pattern, const Tiling& tiling);
  PatternId where(const RankSet& ranks, PatternId inside, PatternId outside);

  bool is_uniform(PatternId pattern) const { return patterns_.tag(pattern.value) == kUniformTag; }
  // The members of each part hold the same.
  bool same_in_parts(PatternId pattern, GroupId group);
  std::span<const Piece> pieces(PatternId pattern, int rank) const {
    return profiles_.at(profile_of(pattern, rank).value);
  }
  // The coefficient of all `shares`, where `rank` has them all equally often; nullopt elsewhere.
  std::optional<Rational> complete(PatternId pattern, int rank, int shares) const;
  // True once a coefficient has not fitted: no pattern of this table can be trusted.
  bool overflowed() const { return overflowed_; }

 private:
  static constexpr std::uint64_t kUniformTag = 0;
  static constexpr std::uint64_t kPerRankTag = 1;

  ProfileId profile(std::span<const Piece> pieces);
  PatternId uniform(ProfileId profile);
  PatternId per_rank(const std::vector<ProfileId>& profiles);
  ProfileId profile_of(PatternId pattern, int rank) const;
  ProfileId times(ProfileId id, Rational factor);
  ProfileId total(std::span<const ProfileId> profiles);
  template <class ProfileOf>
  PatternId each_rank(ProfileOf profile_of);

  const Plan& plan_;
  const Places& places_;
  SequenceInterner<Piece> profiles_;
  SequenceInterner<ProfileId> patterns_;
  bool overflowed_ = false;

  using ProductionKey = std::tuple<GroupId, GroupId, int, std::int64_t, std::int64_t, PlacementId>;
  std::map<ProductionKey, PatternId> produced_;
  std::map<std::pair<GroupId, int>, PatternId> first_of_part_;
  std::map<std::pair<PatternId, PatternId>, PatternId> sums_;
  std::map<std::tuple<PatternId, std::int64_t, std::int64_t>, PatternId> scaled_;
  std::map<std::pair<PatternId, GroupId>, PatternId> sums_over_;
  std::map<std::pair<PatternId, GroupId>, bool> same_in_parts_;
  std::map<std::pair<PatternId, const Tiling*>, std::optional<PatternId>> sums_of_class_;
  std::map<std::tuple<RankSet, PatternId, PatternId>, PatternId> where_;
  std::vector<Element> elements_;  // scratch
  std::vector<Element> merged_;    // scratch
};

}  // namespace lockstep::contract

#include "sim/contract/pattern.h"

#include <algorithm>
#include <array>

namespace lockstep::contract {

std::uint64_t fold(std::uint64_t hash, const Piece& p) {
  hash = mix64(hash ^ (static_cast<std::uint64_t>(static_cast<std::uint32_t>(p.first)) << 32) ^
               static_cast<std::uint32_t>(p.last));
  return mix64(hash ^ (static_cast<std::uint64_t>(p.coefficient.numerator()) * 31 +
                       static_cast<std::uint64_t>(p.coefficient.denominator())));
}

PatternTable::PatternTable(const Plan& plan, const Places& places) : plan_(plan), places_(places) {}

// ---- storing ----------------------------------------------------------------------------------

ProfileId PatternTable::profile(std::span<const Piece> pieces) {
  return ProfileId{profiles_.intern(pieces)};
}

PatternId PatternTable::uniform(ProfileId profile) {
  return PatternId{patterns_.intern({&profile, 1}, kUniformTag)};
}

PatternId PatternTable::per_rank(const std::vector<ProfileId>& profiles) {
  const bool alike =
      std::ranges::adjacent_find(profiles, std::ranges::not_equal_to{}) == profiles.end();
  if (alike) return uniform(profiles.front());
  return PatternId{patterns_.intern(profiles, kPerRankTag)};
}

template <class ProfileOf>
PatternId PatternTable::each_rank(ProfileOf profile_of) {
  std::vector<ProfileId> profiles;
  profiles.reserve(static_cast<std::size_t>(plan_.world));
  for (int rank = 0; rank < plan_.world; ++rank) profiles.push_back(profile_of(rank));
  return per_rank(profiles);
}

ProfileId PatternTable::profile_of(PatternId pattern, int rank) const {
  const auto profiles = patterns_.at(pattern.value);
  return is_uniform(pattern) ? profiles.front() : profiles[static_cast<std::size_t>(rank)];
}

// ---- making -----------------------------------------------------------------------------------

PatternId PatternTable::whole(int shares, Rational coefficient) {
  const Piece all{0, shares, coefficient};
  return uniform(profile({&all, 1}));
}

PatternId PatternTable::produced(const Production& p) {
  const ProductionKey key{
      p.major,    p.minor, p.units, p.coefficient.numerator(), p.coefficient.denominator(),
      p.placement};
  const auto known = produced_.find(key);
  if (known != produced_.end()) return known->second;
  const PatternId made = each_rank([&](int rank) {
    elements_.clear();
    if (p.placement.exists()) {
      for (const ShareRange& r : plan_.placement_table(p.placement).of.at(rank)) {
        elements_.push_back({0, TermId{0}, r.first, r.last, p.coefficient});
      }
    } else {
      const ShareRange r = places_.shares_of(p, rank);
      elements_.push_back({0, TermId{0}, r.first, r.last, p.coefficient});
    }
    return total({});
  });
  return produced_.emplace(key, made).first->second;
}

PatternId PatternTable::first_of_part(GroupId group, int shares) {
  const auto known = first_of_part_.find({group, shares});
  if (known != first_of_part_.end()) return known->second;
  const Piece all{0, shares, 1};
  const ProfileId whole = profile({&all, 1});
  const ProfileId none = profile({});
  const PatternId made = each_rank([&](int rank) {
    const bool first = places_.part(group, rank) >= 0 && places_.index(group, rank) == 0;
    return first ? whole : none;
  });
  return first_of_part_.emplace(std::pair(group, shares), made).first->second;
}

// ---- sums -------------------------------------------------------------------------------------

// The sum of `profiles` and of what `elements_` holds already; takes `elements_`.
ProfileId PatternTable::total(std::span<const ProfileId> profiles) {
  for (const ProfileId id : profiles) {
    for (const Piece& p : profiles_.at(id.value)) {
      elements_.push_back({0, TermId{0}, p.first, p.last, p.coefficient});
    }
  }
  std::erase_if(elements_, [](const Element& e) { return e.first == e.last; });
  merge(elements_, merged_);
  std::vector<Piece> pieces;
  pieces.reserve(elements_.size());
  for (const Element& e : elements_) {
    overflowed_ = overflowed_ || e.coefficient.overflowed();
    pieces.push_back({e.first, e.last, e.coefficient});
  }
  elements_.clear();
  return profile(pieces);
}

ProfileId PatternTable::times(ProfileId id, Rational factor) {
  const auto pieces = profiles_.at(id.value);
  std::vector<Piece> scaled(pieces.begin(), pieces.end());
  for (Piece& p : scaled) {
    p.coefficient = p.coefficient * factor;
    overflowed_ = overflowed_ || p.coefficient.overflowed();
  }
  if (factor.is_zero()) scaled.clear();
  return profile(scaled);
}

PatternId PatternTable::sum(PatternId a, PatternId b) {
  if (b < a) std::swap(a, b);
  const auto known = sums_.find({a, b});
  if (known != sums_.end()) return known->second;
  const auto of_rank = [&](int rank) {
    const std::array<ProfileId, 2> both{profile_of(a, rank), profile_of(b, rank)};
    return total(both);
  };
  const PatternId made = is_uniform(a) && is_uniform(b) ? uniform(of_rank(0)) : each_rank(of_rank);
  return sums_.emplace(std::pair(a, b), made).first->second;
}

PatternId PatternTable::scaled(PatternId pattern, Rational factor) {
  const std::tuple key{pattern, factor.numerator(), factor.denominator()};
  const auto known = scaled_.find(key);
  if (known != scaled_.end()) return known->second;
  const auto of_rank = [&](int rank) { return times(profile_of(pattern, rank), factor); };
  const PatternId made = is_uniform(pattern) ? uniform(of_rank(0)) : each_rank(of_rank);
  return scaled_.emplace(key, made).first->second;
}

PatternId PatternTable::sum_over(PatternId pattern, GroupId group) {
  const auto known = sums_over_.find({pattern, group});
  if (known != sums_over_.end()) return known->second;
  std::vector<ProfileId> result(static_cast<std::size_t>(plan_.world), profile({}));
  std::vector<ProfileId> held;
  for (const std::vector<int>& part : plan_.group(group).parts) {
    held.clear();
    for (const int rank : part) held.push_back(profile_of(pattern, rank));
    const bool alike = std::ranges::adjacent_find(held, std::ranges::not_equal_to{}) == held.end();
    const ProfileId sum =
        alike ? times(held.front(), static_cast<std::int64_t>(held.size())) : total(held);
    for (const int rank : part) result[static_cast<std::size_t>(rank)] = sum;
  }
  return sums_over_.emplace(std::pair(pattern, group), per_rank(result)).first->second;
}

std::optional<PatternId> PatternTable::sum_of_class(PatternId pattern, const Tiling& tiling) {
  const auto known = sums_of_class_.find({pattern, &tiling});
  if (known != sums_of_class_.end()) return known->second;
  std::vector<std::vector<ProfileId>> held(tiling.part_of_class.size());
  for (int rank = 0; rank < plan_.world; ++rank) {
    const int of = tiling.class_of_rank[static_cast<std::size_t>(rank)];
    if (of >= 0) held[static_cast<std::size_t>(of)].push_back(profile_of(pattern, rank));
  }
  std::vector<ProfileId> of_part(plan_.group(tiling.group).parts.size());
  std::optional<PatternId> made;
  bool alike = true;
  for (std::size_t i = 0; i < held.size(); ++i) {
    ProfileId& part = of_part[static_cast<std::size_t>(tiling.part_of_class[i])];
    const ProfileId sum = total(held[i]);
    alike = alike && (!part.exists() || part == sum);
    part = sum;
  }
  if (alike && !held.empty()) {
    // A part without rows holds whatever its neighbours do.
    const auto some = std::ranges::find_if(of_part, [](ProfileId id) { return id.exists(); });
    made = each_rank([&](int rank) {
      const int part = places_.part(tiling.group, rank);
      if (part < 0) return profile({});
      const ProfileId sum = of_part[static_cast<std::size_t>(part)];
      return sum.exists() ? sum : *some;
    });
  }
  return sums_of_class_.emplace(std::pair(pattern, &tiling), made).first->second;
}

PatternId PatternTable::where(const RankSet& ranks, PatternId inside, PatternId outside) {
  if (inside == outside) return inside;
  const std::tuple key{ranks, inside, outside};
  const auto known = where_.find(key);
  if (known != where_.end()) return known->second;
  std::vector<ProfileId> profiles;
  for (int rank = 0; rank < plan_.world; ++rank) profiles.push_back(profile_of(outside, rank));
  for (const RankSet::Interval& i : ranks.intervals()) {
    for (int rank = i.first; rank <= i.last; ++rank) {
      profiles[static_cast<std::size_t>(rank)] = profile_of(inside, rank);
    }
  }
  return where_.emplace(key, per_rank(profiles)).first->second;
}

// ---- asking -----------------------------------------------------------------------------------

bool PatternTable::same_in_parts(PatternId pattern, GroupId group) {
  if (is_uniform(pattern)) return true;
  const auto known = same_in_parts_.find({pattern, group});
  if (known != same_in_parts_.end()) return known->second;
  const bool same =
      std::ranges::all_of(plan_.group(group).parts, [&](const std::vector<int>& part) {
        return std::ranges::all_of(part, [&](int rank) {
          return profile_of(pattern, rank) == profile_of(pattern, part.front());
        });
      });
  return same_in_parts_.emplace(std::pair(pattern, group), same).first->second;
}

std::optional<Rational> PatternTable::complete(PatternId pattern, int rank, int shares) const {
  const auto held = pieces(pattern, rank);
  if (held.size() != 1 || held[0].first != 0 || held[0].last != shares) return std::nullopt;
  return held[0].coefficient;
}

}  // namespace lockstep::contract

#include "sim/base/rank_set.h"

#include <doctest/doctest.h>

#include <set>

#include "sim/base/random.h"

using lockstep::parse_rank_set;
using lockstep::RankSet;

TEST_CASE("neighbouring ranks join into one interval") {
  RankSet ranks = RankSet::of({3, 1, 2, 1});
  CHECK(ranks.intervals() == std::vector<RankSet::Interval>{{1, 3}});
  ranks.insert(5);
  CHECK(to_string(ranks) == "1-3,5");
  ranks.insert(4);
  CHECK(to_string(ranks) == "1-5");
}

TEST_CASE("a range is its first ranks; an empty one is empty") {
  CHECK(to_string(RankSet::range(8, 4)) == "8-11");
  CHECK(RankSet::range(8, 4).size() == 4);
  CHECK(RankSet::range(8, 4).lowest() == 8);
  CHECK(RankSet::range(8, 0).empty());
  CHECK(to_string(RankSet()) == "");
}

TEST_CASE("text reads back to the same set") {
  for (const char* text : {"", "0", "0-3", "0-3,5", "1,3,5", "0-16383"}) {
    CAPTURE(text);
    const auto ranks = parse_rank_set(text);
    REQUIRE(ranks);
    CHECK(to_string(*ranks) == text);
  }
}

TEST_CASE("text that is no canonical set is refused") {
  for (const char* text :
       {"3-1", "0-3,2-5", "5,1", "a", "1-", "-1", "1,,2", "0-3,", " 1", "99999999999999"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_rank_set(text));
  }
}

TEST_CASE("the union of two rank sets has the ranks of both") {
  RankSet ranks = RankSet::of({0, 1, 5});
  ranks.insert(RankSet::of({2, 4, 9}));
  CHECK(to_string(ranks) == "0-2,4-5,9");
  ranks.insert(RankSet());
  CHECK(to_string(ranks) == "0-2,4-5,9");
  ranks.insert(RankSet::range(1, 8));
  CHECK(to_string(ranks) == "0-9");
}

TEST_CASE("a rank set agrees with a set of numbers, whatever the order of insertion") {
  lockstep::Random random(11);
  for (int round = 0; round < 200; ++round) {
    RankSet ranks;
    std::set<int> numbers;
    for (int i = 0; i < 20; ++i) {
      const int rank = static_cast<int>(random.below(24));
      ranks.insert(rank);
      numbers.insert(rank);
    }
    CHECK(ranks.to_vector() == std::vector<int>(numbers.begin(), numbers.end()));
    CHECK(ranks.size() == static_cast<int>(numbers.size()));
    for (int rank = 0; rank < 24; ++rank) CHECK(ranks.contains(rank) == numbers.contains(rank));
    CHECK(parse_rank_set(to_string(ranks)) == ranks);
  }
}

// The algorithms themselves: who talks to whom, what arrives, how much is sent, in which order sums
// are made. Numbers are those of docs/collectives.md.
#include "backend/numeric/turns.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "sim/base/random.h"

namespace lockstep::test {
namespace {

using numeric::Algorithm;
using numeric::Interval;
using numeric::Pattern;
using numeric::Turn;
using Counts = std::vector<std::int64_t>;

constexpr int kMostMembers = 17;
const std::vector<OpKind> kKinds{
    OpKind::all_reduce,  OpKind::reduce_scatter, OpKind::reduce_scatterv, OpKind::combine,
    OpKind::all_gather,  OpKind::all_gatherv,    OpKind::dispatch,        OpKind::all_to_all,
    OpKind::all_to_allv, OpKind::reduce,         OpKind::broadcast,       OpKind::barrier};

Counts draw_blocks(Random& random, OpKind kind, int members) {
  int count = members;
  if (kind == OpKind::all_to_all || kind == OpKind::all_to_allv) count = members * members;
  if (takes_root(kind)) count = 1;
  if (kind == OpKind::barrier) count = 0;
  Counts blocks;
  for (int i = 0; i < count; ++i) blocks.push_back(random.chance(1, 3) ? 0 : random.below(9));
  return blocks;
}

// Calls `check` with patterns of every kind, algorithm and number of members.
template <class Check>
void for_all_patterns(Check check) {
  Random random(20240817);
  for (const OpKind kind : kKinds) {
    for (int members = 1; members <= kMostMembers; ++members) {
      for (const Algorithm algorithm : numeric::algorithms_for(kind, members)) {
        for (int draw = 0; draw < 3; ++draw) {
          Pattern p{kind, algorithm, members, draw_blocks(random, kind, members), 0};
          if (takes_root(kind)) p.root = static_cast<int>(random.below(members));
          INFO(to_string(kind), " by ", to_string(algorithm), " among ", members);
          check(p);
        }
      }
    }
  }
}

std::vector<std::vector<Turn>> all_turns(const Pattern& p) {
  std::vector<std::vector<Turn>> all;
  for (int m = 0; m < p.members; ++m) all.push_back(numeric::turns(p, m));
  return all;
}

// The buffers after all rounds. A message is what stood there when the round began.
template <class T, class Fold>
std::vector<std::vector<T>> played(const Pattern& p, std::vector<std::vector<T>> working,
                                   Fold fold) {
  const auto turns = all_turns(p);
  for (std::size_t round = 0; round < turns.front().size(); ++round) {
    const auto before = working;
    for (std::size_t m = 0; m < turns.size(); ++m) {
      const Turn& turn = turns[m][round];
      if (turn.from < 0) continue;
      const auto from = static_cast<std::size_t>(turn.from);
      for (std::int64_t i = 0; i < turn.receive.size(); ++i) {
        const T& sent = before[from][static_cast<std::size_t>(turns[from][round].send.first + i)];
        T& own = working[m][static_cast<std::size_t>(turn.receive.first + i)];
        own = turn.folds ? fold(own, sent) : sent;
      }
    }
  }
  return working;
}

TEST_CASE("what one sends to another in a round, that one takes from it in the same round") {
  for_all_patterns([](const Pattern& p) {
    const auto turns = all_turns(p);
    for (int m = 0; m < p.members; ++m) {
      const auto& own = turns[static_cast<std::size_t>(m)];
      REQUIRE(own.size() == turns.front().size());
      for (std::size_t round = 0; round < own.size(); ++round) {
        const Turn& turn = own[round];
        CHECK(turn.to != m);
        CHECK((turn.to >= 0 || turn.send.size() == 0));
        CHECK((turn.from >= 0 || turn.receive.size() == 0));
        CHECK(turn.send.first >= 0);
        CHECK(turn.send.last <= numeric::working_size(p, m));
        if (turn.to < 0) continue;
        const Turn& theirs = turns[static_cast<std::size_t>(turn.to)][round];
        CHECK(theirs.from == m);
        CHECK(theirs.receive.size() == turn.send.size());
        CHECK(theirs.receive.last <= numeric::working_size(p, turn.to));
      }
    }
  });
}

TEST_CASE("what takes the place of elements overlaps nothing that is sent in the same round") {
  for_all_patterns([](const Pattern& p) {
    for (const auto& own : all_turns(p)) {
      for (const Turn& turn : own) {
        if (turn.to < 0 || turn.from < 0 || turn.folds) continue;
        CHECK((turn.receive.last <= turn.send.first || turn.send.last <= turn.receive.first));
      }
    }
  });
}

TEST_CASE("messages without elements are sent by a barrier only") {
  for_all_patterns([](const Pattern& p) {
    for (const Turn& turn : numeric::turns(p, p.members / 2)) {
      CHECK((turn.to >= 0) == (turn.send.size() > 0 || p.kind == OpKind::barrier));
      CHECK((turn.from >= 0) == (turn.receive.size() > 0 || p.kind == OpKind::barrier));
    }
  });
}

TEST_CASE("what the turns send to each peer adds up to the closed form") {
  for_all_patterns([](const Pattern& p) {
    for (int m = 0; m < p.members; ++m) {
      Counts sent(static_cast<std::size_t>(p.members), 0);
      for (const Turn& turn : numeric::turns(p, m)) {
        if (turn.to >= 0) sent[static_cast<std::size_t>(turn.to)] += turn.send.size();
      }
      CHECK(sent == numeric::elements_sent(p, m));
    }
  });
}

// ---- what arrives: element e of member m is 1000 * (m + 1) + e ---------------------------------

std::vector<Counts> numbered(const Pattern& p) {
  std::vector<Counts> working;
  for (int m = 0; m < p.members; ++m) {
    Counts& own = working.emplace_back(static_cast<std::size_t>(numeric::working_size(p, m)));
    std::iota(own.begin(), own.end(), 1000 * (m + 1));
  }
  return working;
}

std::int64_t sum_of_blocks(const Pattern& p, int first, int last) {
  return std::accumulate(p.blocks.begin() + first, p.blocks.begin() + last, std::int64_t{0});
}

Interval block_of(const Pattern& p, int index) {
  return {sum_of_blocks(p, 0, index), sum_of_blocks(p, 0, index + 1)};
}

TEST_CASE("sums are complete where they should be: sum over m of 1000 (m + 1) + e") {
  for_all_patterns([](const Pattern& p) {
    if (!sums(p.kind)) return;
    const auto working = played(p, numbered(p), std::plus<>());
    const std::int64_t n = p.members;
    for (int m = 0; m < p.members; ++m) {
      Interval due{0, numeric::working_size(p, m)};
      if (p.kind == OpKind::reduce && m != p.root) due = {};
      if (p.kind != OpKind::reduce && p.kind != OpKind::all_reduce) due = block_of(p, m);
      for (std::int64_t e = due.first; e < due.last; ++e) {
        CHECK(working[static_cast<std::size_t>(m)][static_cast<std::size_t>(e)] ==
              1000 * n * (n + 1) / 2 + n * e);
      }
    }
  });
}

TEST_CASE("gathered blocks are those of their owners, a broadcast buffer is the root's") {
  for_all_patterns([](const Pattern& p) {
    const bool moves = p.kind == OpKind::broadcast || p.algorithm == Algorithm::ring ||
                       p.algorithm == Algorithm::recursive_doubling;
    if (!moves || sums(p.kind)) return;
    const auto start = numbered(p);
    const auto working = played(p, start, std::plus<>());
    for (int index = 0; index < static_cast<int>(p.blocks.size()); ++index) {
      const int owner = p.kind == OpKind::broadcast ? p.root : index;
      const Interval block = block_of(p, index);
      for (const Counts& own : working) {
        CHECK(std::equal(own.begin() + block.first, own.begin() + block.last,
                         start[static_cast<std::size_t>(owner)].begin() + block.first));
      }
    }
  });
}

TEST_CASE("pairwise: member j has from i the block that i had for it, in the order of i") {
  for_all_patterns([](const Pattern& p) {
    if (p.algorithm != Algorithm::pairwise) return;
    const auto start = numbered(p);
    const auto working = played(p, start, std::plus<>());
    for (int j = 0; j < p.members; ++j) {
      const auto& own = working[static_cast<std::size_t>(j)];
      std::int64_t to = sum_of_blocks(p, j * p.members, (j + 1) * p.members);  // behind its input
      for (int i = 0; i < p.members; ++i) {
        const std::int64_t first = sum_of_blocks(p, i * p.members, i * p.members + j);
        const std::int64_t size = p.blocks[static_cast<std::size_t>(i * p.members + j)];
        const auto& theirs = start[static_cast<std::size_t>(i)];
        const bool arrived =
            std::equal(theirs.begin() + first, theirs.begin() + first + size, own.begin() + to);
        CHECK((i == j || arrived));  // its own block never travels
        to += size;
      }
      CHECK(to == numeric::working_size(p, j));
    }
  });
}

TEST_CASE("a barrier lets nobody go before it has heard, through others, of everybody") {
  for (int members = 1; members <= kMostMembers; ++members) {
    const auto turns = all_turns({OpKind::barrier, Algorithm::dissemination, members, {}, 0});
    std::vector<std::set<int>> heard;
    for (int m = 0; m < members; ++m) heard.push_back({m});
    for (std::size_t round = 0; round < turns.front().size(); ++round) {
      const auto before = heard;
      for (std::size_t m = 0; m < turns.size(); ++m) {
        heard[m].merge(std::set<int>(before[static_cast<std::size_t>(turns[m][round].from)]));
      }
    }
    for (const std::set<int>& of : heard) CHECK(static_cast<int>(of.size()) == members);
  }
}

// ---- the order of sums ------------------------------------------------------------------------

// The sum that member `member` has of element `element`, with each pair in brackets. Addition is
// commutative to the bit, so the two of a pair are written in one order everywhere.
std::string written_sum(const Pattern& p, int member, int element) {
  std::vector<std::vector<std::string>> working;
  for (int m = 0; m < p.members; ++m) {
    working.emplace_back(static_cast<std::size_t>(numeric::working_size(p, m)),
                         fmt::format("{}", m));
  }
  const auto pair = [](const std::string& a, const std::string& b) {
    return fmt::format("({}+{})", std::min(a, b), std::max(a, b));
  };
  return played(p, working,
                pair)[static_cast<std::size_t>(member)][static_cast<std::size_t>(element)];
}

TEST_CASE("ring: block b is summed from member b + 1 on round to member b") {
  const Pattern scatter{OpKind::reduce_scatter, Algorithm::ring, 4, {1, 1, 1, 1}, 0};
  CHECK(written_sum(scatter, 3, 3) == "(((0+1)+2)+3)");
  CHECK(written_sum(scatter, 1, 1) == "(((2+3)+0)+1)");
  Pattern all = scatter;
  all.kind = OpKind::all_reduce;
  for (int member = 0; member < 4; ++member) CHECK(written_sum(all, member, 0) == "(((1+2)+3)+0)");
}

TEST_CASE("recursive doubling: a balanced tree over the members, the same at each of them") {
  const Pattern p{
      OpKind::all_reduce, Algorithm::recursive_doubling, 8, {1, 0, 0, 0, 0, 0, 0, 0}, 0};
  for (int member = 0; member < 8; ++member) {
    CHECK(written_sum(p, member, 0) == "(((0+1)+(2+3))+((4+5)+(6+7)))");
  }
}

TEST_CASE("binomial tree: a balanced tree over the members from the root on") {
  const auto tree = [](int members, int root) {
    return Pattern{OpKind::reduce, Algorithm::binomial_tree, members, {1}, root};
  };
  CHECK(written_sum(tree(5, 0), 0, 0) == "(((0+1)+(2+3))+4)");
  CHECK(written_sum(tree(3, 1), 1, 0) == "((1+2)+0)");
}

TEST_CASE("every algorithm gives all members of an all_reduce the same sum, bracket for bracket") {
  Random random(7);
  for (int members = 1; members <= kMostMembers; ++members) {
    for (const Algorithm algorithm : numeric::algorithms_for(OpKind::all_reduce, members)) {
      const Counts blocks = numeric::even_blocks(random.below(40) + 1, members);
      const Pattern p{OpKind::all_reduce, algorithm, members, blocks, 0};
      const std::string first = written_sum(p, 0, 0);
      CHECK(written_sum(p, members - 1, 0) == first);
      CHECK(written_sum(p, members / 2, 0) == first);
    }
  }
}

// ---- worked numbers ---------------------------------------------------------------------------

// 10 elements among 4 members: blocks of 2, 3, 2 and 3.
Pattern ten(OpKind kind, Algorithm algorithm) {
  return {kind, algorithm, 4, numeric::even_blocks(10, 4), 0};
}

TEST_CASE("a ring all_reduce of 10 among 4 sends 2 * 10 - 2 - 3 = 15 from member 0, to member 1") {
  const Pattern p = ten(OpKind::all_reduce, Algorithm::ring);
  CHECK(p.blocks == Counts{2, 3, 2, 3});
  CHECK(numeric::turns(p, 0).size() == 2 * (4 - 1));
  CHECK(numeric::elements_sent(p, 0) == Counts{0, 15, 0, 0});
  CHECK(numeric::turns(p, 0).front() == Turn{1, {7, 10}, 3, {5, 7}, true});
}

TEST_CASE(
    "a ring sends a sum but for the own block, 10 - 2 = 8, gathers but for the next, 10 - 3") {
  const Pattern scatter = ten(OpKind::reduce_scatter, Algorithm::ring);
  CHECK(numeric::turns(scatter, 0).size() == 4 - 1);
  CHECK(numeric::elements_sent(scatter, 0) == Counts{0, 10 - 2, 0, 0});
  const Pattern gather = ten(OpKind::all_gather, Algorithm::ring);
  CHECK(numeric::elements_sent(gather, 0) == Counts{0, 10 - 3, 0, 0});
}

TEST_CASE("recursive doubling among 4: a sum of 10 to each partner; blocks 2, then 2 + 3") {
  const Pattern sum = ten(OpKind::all_reduce, Algorithm::recursive_doubling);
  CHECK(numeric::turns(sum, 0).size() == 2);
  CHECK(numeric::elements_sent(sum, 0) == Counts{0, 10, 10, 0});
  const Pattern gather = ten(OpKind::all_gather, Algorithm::recursive_doubling);
  CHECK(numeric::elements_sent(gather, 0) == Counts{0, 2, 2 + 3, 0});
}

TEST_CASE("trees of 10 among 5 with root 1: the root sends to 2, 3 and 0, and member 3 to 4") {
  const Pattern give{OpKind::broadcast, Algorithm::binomial_tree, 5, {10}, 1};
  CHECK(numeric::turns(give, 0).size() == 3);
  CHECK(numeric::elements_sent(give, 1) == Counts{10, 0, 10, 10, 0});
  CHECK(numeric::elements_sent(give, 3) == Counts{0, 0, 0, 0, 10});
  const Pattern sum{OpKind::reduce, Algorithm::binomial_tree, 5, {10}, 1};
  CHECK(numeric::elements_sent(sum, 4) == Counts{0, 0, 0, 10, 0});
  CHECK(numeric::elements_sent(sum, 0) == Counts{0, 10, 0, 0, 0});
  CHECK(numeric::elements_sent(sum, 1) == Counts{0, 0, 0, 0, 0});
}

TEST_CASE("pairwise among 3: each sends what it has for the others, nothing to itself") {
  const Pattern p{OpKind::all_to_allv, Algorithm::pairwise, 3, {7, 1, 2, 3, 8, 4, 5, 6, 9}, 0};
  CHECK(numeric::elements_sent(p, 1) == Counts{3, 0, 4});
  CHECK(numeric::turns(p, 1).front() == Turn{2, {11, 15}, 0, {15, 16}, false});
}

TEST_CASE("algorithms are chosen by size among a power of two members") {
  using numeric::algorithm_for;
  CHECK(algorithm_for(OpKind::all_reduce, 8, 64 * 1024) == Algorithm::recursive_doubling);
  CHECK(algorithm_for(OpKind::all_reduce, 8, 64 * 1024 + 1) == Algorithm::ring);
  CHECK(algorithm_for(OpKind::all_reduce, 6, 4) == Algorithm::ring);
  CHECK(algorithm_for(OpKind::all_gatherv, 4, 512 * 1024) == Algorithm::recursive_doubling);
  CHECK(algorithm_for(OpKind::all_gatherv, 4, 512 * 1024 + 1) == Algorithm::ring);
  CHECK(algorithm_for(OpKind::reduce_scatter, 8, 4) == Algorithm::ring);
  CHECK(algorithm_for(OpKind::all_to_all, 8, 4) == Algorithm::pairwise);
  CHECK(algorithm_for(OpKind::broadcast, 8, 4) == Algorithm::binomial_tree);
  CHECK(algorithm_for(OpKind::barrier, 8, 0) == Algorithm::dissemination);
}

}  // namespace
}  // namespace lockstep::test

#include "tests/events/random_program.h"

#include <algorithm>
#include <utility>

#include "tests/events/programs.h"

namespace lockstep {
namespace {

// Few different numbers, so that things often happen at the same time.
int draw_time(Random& random) { return static_cast<int>(random.below(4)); }

class Draw {
 public:
  explicit Draw(Random& random) : random_(random) {
    ranks_ = 1 + static_cast<int>(random.below(6));
    streams_ = 1 + static_cast<int>(random.below(3));
    program_ = test::program_of(ranks_);
  }

  Program program() {
    add_communicators();
    const std::int64_t steps = 10 + random_.below(50);
    for (std::int64_t i = 0; i < steps; ++i) add_step();
    return std::move(program_);
  }

 private:
  int rank() { return static_cast<int>(random_.below(ranks_)); }
  void put(int rank, const Action& action) {
    const int stream = static_cast<int>(random_.below(streams_));
    const int issue = random_.chance(1, 3) ? draw_time(random_) : 0;
    test::add(program_, rank, test::issued_in(issue, test::on(stream, action)));
  }

  // `count` of the ranks in a random order.
  std::vector<int> some_ranks(int count) {
    std::vector<int> ranks;
    for (int r = 0; r < ranks_; ++r) ranks.push_back(r);
    for (std::size_t i = 0; i < ranks.size(); ++i) {
      std::swap(ranks[i], ranks[static_cast<std::size_t>(random_.below(ranks_))]);
    }
    ranks.resize(static_cast<std::size_t>(count));
    return ranks;
  }

  // Each has its own call, so that no swap makes a mismatch.
  void add_communicators() {
    for (int c = 0; c < 3; ++c) {
      test::communicator(program_, some_ranks(1 + static_cast<int>(random_.below(ranks_))));
      test::call(program_, "call", draw_time(random_));
    }
  }

  void add_step() {
    switch (random_.below(6)) {
      case 0: {
        const int c = static_cast<int>(random_.below(3));
        for (const int member : program_.communicators[static_cast<std::size_t>(c)]) {
          put(member, test::meet(c, c));
        }
        return;
      }
      case 1: {
        const int from = rank();
        const int to = rank();
        if (from == to) return;
        put(from, test::send(to, draw_time(random_)));
        return put(to, test::receive(from, draw_time(random_)));
      }
      case 2:
        return add_circle();
      case 3:
        return put(rank(), test::record(static_cast<int>(random_.below(3))));
      case 4:
        return put(rank(), test::wait(static_cast<int>(random_.below(3))));
      default:
        return put(rank(), test::busy(draw_time(random_)));
    }
  }

  // In a circle, or in a line whose ends have one neighbour.
  void add_circle() {
    const std::vector<int> ranks = some_ranks(1 + static_cast<int>(random_.below(ranks_)));
    const bool closed = random_.chance(1, 2);
    for (std::size_t i = 0; i < ranks.size(); ++i) {
      const bool last = i + 1 == ranks.size();
      const int to = last && !closed ? -1 : ranks[(i + 1) % ranks.size()];
      const int from = i == 0 && !closed ? -1 : ranks[(i + ranks.size() - 1) % ranks.size()];
      put(ranks[i], test::exchange(to, from, draw_time(random_)));
    }
  }

  Random& random_;
  int ranks_ = 0;
  int streams_ = 0;
  Program program_;
};

}  // namespace

Program random_program(Random& random) { return Draw(random).program(); }

void shuffle_a_little(Random& random, Program& program) {
  for (int i = 0; i < 4; ++i) {
    const auto ranks = static_cast<std::int64_t>(program.of_rank.size());
    std::vector<Action>& list = program.of_rank[static_cast<std::size_t>(random.below(ranks))];
    if (list.size() < 2) continue;
    const auto last = static_cast<std::int64_t>(list.size()) - 1;
    const auto at = static_cast<std::size_t>(random.below(last));
    std::swap(list[at], list[at + 1]);
  }
}

}  // namespace lockstep

// Small schedules for the tests of this folder, written down as plainly as they are defined.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "sim/events/schedule.h"

namespace lockstep {

// Ring all-reduce: N - 1 rounds of reduce-scatter, N - 1 of all-gather; each party sends a chunk,
// 1 / N of its buffer, to the next. REQUIRES: N divides `bytes`.
class RingSchedule : public Schedule {
 public:
  RingSchedule(int parties, std::int64_t bytes) : parties_(parties), chunk_(bytes / parties) {}
  int parties() const override { return parties_; }
  int rounds(int /*party*/) const override { return 2 * (parties_ - 1); }
  void sends(int party, int round, std::vector<Send>& out) const override {
    out.push_back({party + 1 == parties_ ? 0 : party + 1, chunk_, round});
  }
  int receives(int /*party*/, int /*round*/) const override { return 1; }

 private:
  int parties_;
  std::int64_t chunk_;
};

// Recursive doubling: in round k everybody exchanges its whole buffer with the party whose number
// differs in bit k. REQUIRES: a power of two of parties.
class DoublingSchedule : public Schedule {
 public:
  DoublingSchedule(int parties, std::int64_t bytes) : parties_(parties), bytes_(bytes) {}
  int parties() const override { return parties_; }
  int rounds(int /*party*/) const override {
    int rounds = 0;
    while (1 << rounds < parties_) ++rounds;
    return rounds;
  }
  void sends(int party, int round, std::vector<Send>& out) const override {
    out.push_back({party ^ (1 << round), bytes_, round});
  }
  int receives(int /*party*/, int /*round*/) const override { return 1; }

 private:
  int parties_;
  std::int64_t bytes_;
};

// Everybody sends `bytes` to everybody else, all in one round.
class DirectSchedule : public Schedule {
 public:
  DirectSchedule(int parties, std::int64_t bytes) : parties_(parties), bytes_(bytes) {}
  int parties() const override { return parties_; }
  int rounds(int /*party*/) const override { return 1; }
  void sends(int party, int /*round*/, std::vector<Send>& out) const override {
    for (int i = 1; i < parties_; ++i) out.push_back({(party + i) % parties_, bytes_, 0});
  }
  int receives(int /*party*/, int /*round*/) const override { return parties_ - 1; }

 private:
  int parties_;
  std::int64_t bytes_;
};

// The same in N - 1 rounds: in round r to the party r + 1 further on.
class PairwiseSchedule : public Schedule {
 public:
  PairwiseSchedule(int parties, std::int64_t bytes) : parties_(parties), bytes_(bytes) {}
  int parties() const override { return parties_; }
  int rounds(int /*party*/) const override { return parties_ - 1; }
  void sends(int party, int round, std::vector<Send>& out) const override {
    out.push_back({(party + round + 1) % parties_, bytes_, round});
  }
  int receives(int /*party*/, int /*round*/) const override { return 1; }

 private:
  int parties_;
  std::int64_t bytes_;
};

// Whatever a test writes down: by party, by round.
struct Round {
  std::vector<Send> sends;
  int receives = 0;
  Duration work{};
};

class WrittenSchedule : public Schedule {
 public:
  explicit WrittenSchedule(std::vector<std::vector<Round>> of_party)
      : of_party_(std::move(of_party)) {}
  int parties() const override { return static_cast<int>(of_party_.size()); }
  int rounds(int party) const override {
    return static_cast<int>(of_party_[static_cast<std::size_t>(party)].size());
  }
  void sends(int party, int round, std::vector<Send>& out) const override {
    const auto& sends = at(party, round).sends;
    out.insert(out.end(), sends.begin(), sends.end());
  }
  int receives(int party, int round) const override { return at(party, round).receives; }
  Duration work(int party, int round) const override { return at(party, round).work; }

 private:
  const Round& at(int party, int round) const {
    return of_party_[static_cast<std::size_t>(party)][static_cast<std::size_t>(round)];
  }
  std::vector<std::vector<Round>> of_party_;
};

}  // namespace lockstep

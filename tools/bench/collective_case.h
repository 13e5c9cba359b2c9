// What the two benchmarks of collectives have in common, so that they measure the same: which
// collectives, of which sizes, how often, of which numbers, and how the times are told.
//
// Sizes are counted as nccl-tests counts them: bytes of the larger of a member's two buffers. That
// is the tensor of all_reduce, what a member receives of all_gather, what it passes to
// reduce_scatter, and what it passes to (and receives from) all members in all_to_all.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace lockstep::bench {

enum class Collective : std::uint8_t { all_reduce, all_gather, reduce_scatter, all_to_all };

struct Case {
  Collective collective = Collective::all_reduce;
  int members = 1;
  std::int64_t bytes = 0;  // of float32, as above; divisible by 4 * members

  // Elements of a member's buffers.
  std::int64_t elements() const { return bytes / 4; }
  std::int64_t elements_in() const;
  std::int64_t elements_out() const;
};

struct Options {
  std::vector<int> members{4, 8};   // how many processes; under MPI mpirun says that
  std::int64_t smallest = 1 << 10;  // bytes; each size is four times the one before
  std::int64_t largest = std::int64_t{64} << 20;
  double effort = 1;  // times as many repetitions
  bool json = false;
};

// Writes help or an error and ends the program where the arguments ask for it.
Options options_of(int argc, char** argv, const std::string& about);

// Every collective in every size, in order.
std::vector<Case> cases_of(const Options& options, int members);

// How often a case is timed, after one run to warm up: for all members the same number.
int repetitions_of(const Case& which, const Options& options);

// What member m passes: m + i % 7 at element i. Sums are exact.
std::vector<float> values_passed(const Case& which, int member);
// Elements of `received` that are not what the collective makes of these.
std::int64_t wrong_elements(const Case& which, int member, std::span<const float> received);

// Microseconds that each repetition took in this process. Before each, `meet` lets all members
// begin together.
std::vector<double> time_repetitions(int repetitions, const std::function<void()>& meet,
                                     const std::function<void()>& collective);

// A case and how long each repetition took: until the last member had finished.
struct Timed {
  Case which;
  std::vector<double> microseconds;
};
// Repetition by repetition the longest of what the members took.
std::vector<double> longest_of(const std::vector<std::vector<double>>& by_member);

// A table in the style of nccl-tests, or JSON: {library, cases: [{collective, members, bytes,
// microseconds: [...]}]}.
void print(const std::string& library, const std::vector<Timed>& all, const Options& options);

std::string to_string(Collective collective);

}  // namespace lockstep::bench

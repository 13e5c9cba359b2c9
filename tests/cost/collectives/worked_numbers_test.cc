#include <doctest/doctest.h>

#include <fmt/format.h>

#include "tests/cost/collectives/cases.h"

namespace lockstep::test {
namespace {

std::string time_of(std::string_view algorithm, Collective kind, int n, std::int64_t bytes) {
  const Topology topology = uniform_topology(n, kRate, kLatency);
  const ClosedForm form = find_algorithm(algorithm)->closed_form(call_of(kind, n, bytes), topology);
  return fmt::format("{:.2f}", in_microseconds(form.time));
}

TEST_CASE("the numbers of the issue, at 50 GB/s and 0.5 us") {
  constexpr std::int64_t kMiB = 1024 * 1024;
  CHECK(time_of("ring", Collective::all_reduce, 8, 64 * kMiB) == "2355.81");
  CHECK(time_of("ring", Collective::all_reduce, 512, 64 * kMiB) == "3190.11");
  CHECK(time_of("ring", Collective::all_reduce, 4096, 64 * kMiB) == "6778.70");
  CHECK(time_of("direct", Collective::all_to_all, 512, 512 * 65'536) == "670.28");
  CHECK(time_of("pairwise", Collective::all_to_all, 512, 512 * 65'536) == "925.28");
  CHECK(time_of("recursive-doubling", Collective::all_reduce, 4096, 64 * kMiB) == "16112.13");
}

}  // namespace
}  // namespace lockstep::test

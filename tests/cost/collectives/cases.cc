#include "tests/cost/collectives/cases.h"

#include <fmt/format.h>

#include "sim/base/random.h"

namespace lockstep::test {
namespace {

bool is_of_pairs(Collective kind) { return kind == Collective::all_to_allv; }
bool has_sizes(Collective kind) {
  return kind == Collective::all_gatherv || kind == Collective::reduce_scatterv ||
         is_of_pairs(kind);
}

CollectiveCall with_sizes(Collective kind, int n, std::vector<std::int64_t> sizes) {
  CollectiveCall call = call_of(kind, n, 0);
  for (const std::int64_t size : sizes) call.bytes += size;
  call.sizes = std::move(sizes);
  return call;
}

std::vector<CollectiveCall> sized_calls(Collective kind, int n) {
  const auto blocks = static_cast<std::size_t>(is_of_pairs(kind) ? n * n : n);
  std::vector<std::int64_t> uneven;
  std::vector<std::int64_t> gaps;
  for (std::size_t i = 0; i < blocks; ++i) {
    uneven.push_back(2 * static_cast<std::int64_t>(mix64(i) % 50'000));
    gaps.push_back(i % 3 == 1 ? 0 : 2 * static_cast<std::int64_t>(i + 1));
  }
  return {with_sizes(kind, n, std::vector<std::int64_t>(blocks, 4'096)),
          with_sizes(kind, n, uneven), with_sizes(kind, n, gaps)};
}

}  // namespace

CollectiveCall call_of(Collective kind, int n, std::int64_t bytes) {
  CollectiveCall call;
  call.kind = kind;
  call.bytes = bytes;
  for (int r = 0; r < n; ++r) call.ranks.push_back(r);
  if (kind == Collective::dispatch || kind == Collective::combine) {
    call.tokens = 32;
    call.experts = 4 * n;
    call.experts_per_token = 4;
  }
  return call;
}

std::vector<CollectiveCall> calls_of(Collective kind, int n) {
  if (has_sizes(kind)) return sized_calls(kind, n);
  std::vector<CollectiveCall> calls;
  for (const std::int64_t bytes : {2, 10, 94, 65'536, 1'000'006}) {
    calls.push_back(call_of(kind, n, bytes));
  }
  calls.push_back(call_of(kind, n, std::int64_t{n} * 30'240));
  return calls;
}

std::string name_of(const Algorithm& algorithm, const CollectiveCall& call) {
  return fmt::format("{} {} of {} ranks, {} bytes", algorithm.name, to_string(call.kind),
                     call.ranks.size(), call.bytes);
}

}  // namespace lockstep::test

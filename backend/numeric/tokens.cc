#include "backend/numeric/tokens.h"

#include <algorithm>
#include <numeric>

#include "sim/base/random.h"

namespace lockstep::numeric {

TokenTable::TokenTable(std::vector<TokenRun> runs, int steps)
    : runs_(std::move(runs)), rows_of_step_(static_cast<std::size_t>(steps), 0) {
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    std::int64_t& rows = rows_of_step_[static_cast<std::size_t>(runs_[i].step)];
    runs_[i].first_row = rows;
    rows += runs_[i].tokens;
    by_token_.push_back(static_cast<int>(i));
  }
  std::ranges::sort(by_token_, {}, [this](int i) { return run(i).first_token; });
}

std::optional<TokenPlace> TokenTable::find(std::int64_t token) const {
  const auto after =
      std::ranges::upper_bound(by_token_, token, {}, [this](int i) { return run(i).first_token; });
  if (after == by_token_.begin()) return std::nullopt;
  const int index = *(after - 1);
  const TokenRun& found = run(index);
  if (token >= found.first_token + found.tokens) return std::nullopt;
  return TokenPlace{index, found.step, found.first_row + (token - found.first_token)};
}

std::vector<std::int64_t> TokenTable::tokens(int step) const {
  std::vector<std::int64_t> all;
  for (const TokenRun& r : runs_) {
    for (std::int64_t i = 0; r.step == step && i < r.tokens; ++i) all.push_back(r.first_token + i);
  }
  return all;
}

std::int64_t vocabulary_id(std::int64_t token, std::int64_t vocabulary, std::uint64_t seed) {
  const auto size = static_cast<std::uint64_t>(vocabulary);
  std::uint64_t stride = mix64(seed ^ size) % size;
  while (std::gcd(stride, size) != 1) ++stride;
  return static_cast<std::int64_t>((static_cast<std::uint64_t>(token) % size) * (stride % size) %
                                   size);
}

}  // namespace lockstep::numeric

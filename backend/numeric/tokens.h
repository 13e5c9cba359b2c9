// The tokens of every step as plain data: whose they are, where they stand, what they read.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace lockstep::numeric {

// One request of one step. Its tokens are first_token .. first_token + tokens - 1, and occupy the
// rows first_row .. of the step's reference matrices.
struct TokenRun {
  int step = 0;
  std::int64_t first_token = 0;
  std::int64_t tokens = 0;
  std::int64_t prefix = 0;  // tokens in the cache before these
  std::int64_t first_row = 0;
  int continues = -1;         // the run of an earlier step that ended where this prefix ends
  bool is_continued = false;  // by a run of a later step
};

struct TokenPlace {
  int run = 0;
  int step = 0;
  std::int64_t row = 0;  // among the rows of the step
};

class TokenTable {
 public:
  // `runs` need no order; first_row is filled in. `steps`: how many there are.
  TokenTable(std::vector<TokenRun> runs, int steps);

  const std::vector<TokenRun>& runs() const { return runs_; }
  const TokenRun& run(int index) const { return runs_[static_cast<std::size_t>(index)]; }
  std::int64_t rows(int step) const { return rows_of_step_[static_cast<std::size_t>(step)]; }
  int steps() const { return static_cast<int>(rows_of_step_.size()); }
  // Nothing for padding and for tokens of no request.
  std::optional<TokenPlace> find(std::int64_t token) const;
  // The token in each row of `step`.
  std::vector<std::int64_t> tokens(int step) const;

 private:
  std::vector<TokenRun> runs_;
  std::vector<int> by_token_;  // indices of runs_, by first token
  std::vector<std::int64_t> rows_of_step_;
};

// The vocabulary entry of a token: a fixed permutation of the vocabulary repeated over the tokens,
// so that tokens less than a vocabulary apart are different words. REQUIRES: vocabulary > 0.
std::int64_t vocabulary_id(std::int64_t token, std::int64_t vocabulary, std::uint64_t seed);

}  // namespace lockstep::numeric

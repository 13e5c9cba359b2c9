// Which rows go to which expert. The host must know it to form the products of the experts; it asks
// the device once, and a run that repeats an operation need not wait for the answer again.
#pragma once

#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "backend/numeric/host_arithmetic.h"
#include "backend/numeric/matrix.h"

namespace lockstep::nccl {

// The rows of all experts that have some, one expert after the other: the rows of a matrix y.
struct Routes {
  std::vector<std::int64_t> experts;  // ascending
  std::vector<std::int64_t> first;    // rows first[i] .. first[i + 1] of y are of experts[i]
  std::vector<std::int64_t> token;    // of each row of y: which row of x it is
  // By token, in the order of experts: rows begin[r] .. begin[r + 1] of these lists.
  std::vector<std::int64_t> begin;
  std::vector<std::int64_t> row_of_y;
  std::vector<std::int64_t> expert;
};

// `routing`: a row per token, a column per expert; a token goes where it is not zero (NaN is not).
Routes routes_of(const numeric::Matrix<float>& routing, numeric::Interval experts);

// What is remembered, by operation of a plan. The routing of an operation must be the same every
// time; clear() where it may change.
class RoutedRows {
 public:
  // The calls of DeviceArithmetic::experts() that follow belong to `operation`.
  void begin(int operation) { operation_ = operation; }
  void clear() { routes_.clear(); }

  // Null if that is not known yet.
  const Routes* find(const numeric::ExpertUnit& unit) const;
  const Routes& remember(const numeric::ExpertUnit& unit, Routes routes);

 private:
  using Key = std::tuple<int, int, std::int64_t, std::int64_t, std::int64_t, std::int64_t>;
  Key key_of(const numeric::ExpertUnit& unit) const;

  int operation_ = -1;
  std::map<Key, Routes> routes_;
};

}  // namespace lockstep::nccl

// Small tensors for tests.
#pragma once

#include <vector>

#include "backend/numeric/tensor.h"

namespace lockstep::test {

// One column; a row per element.
inline numeric::Held column(const std::vector<float>& rows) {
  numeric::Matrix<float> values(static_cast<std::int64_t>(rows.size()), 1);
  for (std::size_t r = 0; r < rows.size(); ++r) values(static_cast<std::int64_t>(r), 0) = rows[r];
  return numeric::make_held({{0, 1}}, std::move(values));
}

// The elements row by row; empty for a tensor that was never written.
inline std::vector<float> elements(const numeric::Held& held) {
  std::vector<float> all;
  for (std::int64_t r = 0; r < numeric::row_count(held); ++r) {
    for (const float v : held->values.row(r)) all.push_back(v);
  }
  return all;
}

}  // namespace lockstep::test

// The arithmetic of a hand-written program: a generic nonlinear function and an affine map, both
// drawn from a counter-based hash, so that they are known from their name alone. In float64, on the
// CPU, without a library function beyond the square root. docs/replay.md states the formulas.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backend/numeric/matrix.h"
#include "sim/plan/tables.h"

namespace lockstep::numeric {

// One share of one term.
struct FunctionName {
  std::uint64_t key = 0;  // of the seed and the term
  int share = 0;
  int shares = 1;
  Reduction combine = Reduction::sum;
};

// What somebody has of an operand: its real rows, and which columns of the whole they are.
struct FunctionOperand {
  Matrix<double> rows;
  Interval columns;
  bool row_by_row = true;  // row r of the result sees row r of it; otherwise all of them
  bool sliced_as_result = false;
};

// The rows and columns asked for: the token in each row. Where there are operands, the first has
// a row per token.
struct FunctionResult {
  std::vector<std::int64_t> tokens;
  Interval columns;
};

Matrix<double> function_value(const FunctionName& name, std::span<const FunctionOperand> operands,
                              const FunctionResult& result);
// What stands in for a share that nobody computes: as a function without operands.
double drawn_value(const FunctionName& name, std::int64_t token, std::int64_t column);
// The sign of every value that is summed. It alternates with token and column and is the same for
// all terms and shares: no sum of them comes near zero by chance, and the maximum of a value and
// zero is not the value wherever it is negative.
double sign_of(std::int64_t token, std::int64_t column);
// Where a block stands in a matrix of so many rows.
struct MatrixPlace {
  std::int64_t rows = 0;
  std::int64_t first_row = 0;
  std::int64_t first_column = 0;
};
// The block of a product's matrix, from hashed elements: of such signs that a row whose elements
// have those of sign_of() gives one whose elements have them, of the same size.
Matrix<float> signed_matrix(const Block& hashed, const MatrixPlace& place);
// What the member that makes share `name.share` of a product of parts adds to its part. All shares
// of it together are zero, so that the parts still make the product; but none is by itself, so that
// a share is there although the member's part of the operand is zero.
double offset_of_part(const FunctionName& name, std::int64_t token, std::int64_t column);
// The same in each row. Signs alternate.
Matrix<double> bias_value(const FunctionName& name, const FunctionResult& result);

}  // namespace lockstep::numeric

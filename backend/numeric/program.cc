#include "backend/numeric/program.h"

#include "backend/numeric/plan_reference.h"
#include "backend/numeric/program_blocks.h"
#include "sim/base/random.h"

namespace lockstep::numeric {
namespace {

constexpr double kUnitOfBase2 = 1.4426950408889634;  // log2(e): a logarithm to the base 2

}  // namespace

bool is_of_program(OpKind kind) { return kind == OpKind::compute || kind == OpKind::linear; }

bool multiplies_part(const Plan& plan, const Operation& op, TermId term) {
  if (op.kind != OpKind::linear || plan.term(term).kind == TermKind::bias) return false;
  const StateSpec& spec = plan.spec(op.in.front().expect);
  return spec.partial_over.exists() || spec.columns_over.exists();
}

std::vector<std::int64_t> Program::real_rows(LayoutId layout, int rank) const {
  std::vector<std::int64_t> at;
  std::int64_t row = 0;
  for (const std::int64_t token : reference_.rows(layout, rank)) {
    if (token != kPadding) at.push_back(row);
    ++row;
  }
  return at;
}

std::vector<std::int64_t> Program::real_rows(const Operation& op, int rank) const {
  return real_rows(rows_computed(plan_, op), rank);
}

FunctionResult Program::result(const Operation& op, int rank) const {
  FunctionResult result;
  const Output& out = op.out.front();
  result.columns = reference_.columns(out.declared, plan_.tensor(out.tensor).columns, rank);
  for (const std::int64_t token : reference_.rows(rows_computed(plan_, op), rank)) {
    if (token != kPadding) result.tokens.push_back(token);
  }
  return result;
}

FunctionOperand Program::operand(const Operation& op, std::size_t index, int rank, const Rows& rows,
                                 bool whole) const {
  const Operand& in = op.in[index];
  const StateSpec& spec = plan_.spec(in.expect);
  const std::string& columns = plan_.tensor(in.tensor).columns;
  FunctionOperand made;
  made.columns = whole ? Interval{0, plan_.column_count(columns)}
                       : reference_.columns(in.expect, columns, rank);
  made.rows = rows(in, real_rows(spec.rows, rank), made.columns);
  made.row_by_row = spec.rows == rows_computed(plan_, op);
  made.sliced_as_result = spec.columns_over.exists() &&
                          spec.columns_over == plan_.spec(op.out.front().declared).columns_over;
  return made;
}

Application Program::apply(const Operation& op, int rank, const Rows& rows, bool whole) const {
  Application application{&op, result(op, rank), {}};
  for (std::size_t i = 0; i < op.in.size(); ++i) {
    application.operands.push_back(operand(op, i, rank, rows, whole));
  }
  return application;
}

TermId Program::same_quantity(TermId term) const {
  while (plan_.term(term).same_as.exists()) term = plan_.term(term).same_as;
  return term;
}

double Program::unit(TermId term) const {
  double factor = 1.0;
  for (; plan_.term(term).same_as.exists(); term = plan_.term(term).same_as) factor *= kUnitOfBase2;
  return factor;
}

FunctionName Program::name(TermId term, int share) const {
  const auto index = static_cast<std::uint64_t>(same_quantity(term).index());
  const Term& t = plan_.term(term);
  return {mix64(weights_.seed() ^ mix64(index)), share, t.shares, t.combine};
}

Matrix<double> Program::share(const Application& application, TermId term, int share) const {
  const bool adds_bias = plan_.term(term).kind == TermKind::bias &&
                         (application.op->kind == OpKind::linear || application.operands.empty());
  if (adds_bias) return bias_value(name(term, share), application.result);
  if (application.op->kind == OpKind::linear) return product_of(application, term, share);
  return function_value(name(term, share), application.operands, application.result);
}

// The operand's columns are rows of the matrix, the result's its columns.
Matrix<double> Program::product_of(const Application& application, TermId term, int share) const {
  const Operation& op = *application.op;
  const auto width = [&](TensorId tensor) {
    return plan_.column_count(plan_.tensor(tensor).columns);
  };
  const bool shares_of_operand = multiplies_part(plan_, op, term);
  const WeightBlock w = weights_.projection(
      static_cast<std::int64_t>(same_quantity(term).index()), shares_of_operand ? 0 : share,
      width(op.in.front().tensor), width(op.out.front().tensor));
  const FunctionOperand& x = application.operands.front();
  const Interval columns = application.result.columns;
  Matrix<double> out(x.rows.rows(), columns.size());
  w.rows(x.columns).columns(columns).for_each_tile([&](Interval rows, const Block& tile) {
    const MatrixPlace place{w.row_count(), x.columns.first + rows.first, columns.first};
    const Matrix<float> made = signed_matrix(tile, place);
    add_product(out, x.rows, rows, Block(made));
  });
  return out;
}

}  // namespace lockstep::numeric

#include "backend/numeric/program_blocks.h"

#include <algorithm>

#include "backend/numeric/reduction.h"
#include "sim/plan/shares.h"

namespace lockstep::numeric {

LayoutId rows_computed(const Plan& plan, const Operation& op) {
  const bool has_operand = op.kind != OpKind::embed && !op.in.empty();
  return plan.spec(has_operand ? op.in.front().expect : op.out.front().declared).rows;
}

Held ProgramBlocks::run(const Operation& op, int rank, std::span<const Held> in) {
  const Program& program = reference_.program();
  const auto rows = [&](const Operand& operand, const std::vector<std::int64_t>& at,
                        Interval columns) {
    const std::ptrdiff_t index = &operand - op.in.data();
    return taken<double>(in[static_cast<std::size_t>(index)], at, columns.size());
  };
  const Application application = program.apply(op, rank, rows, false);
  const Interval columns = application.result.columns;
  const std::vector<std::int64_t> at = program.real_rows(op, rank);
  Matrix<double> sum(static_cast<std::int64_t>(at.size()), columns.size());
  for (const Production& production : op.produces) {
    add_scaled(sum, part(application, production, rank), production.coefficient.to_double());
  }
  const auto all_rows =
      static_cast<std::int64_t>(reference_.rows(rows_computed(plan_, op), rank).size());
  Matrix<float> values(all_rows, columns.size(), kUndefinedElement);
  for (std::size_t i = 0; i < at.size(); ++i) {
    std::ranges::transform(sum.row(static_cast<std::int64_t>(i)), values.row(at[i]).begin(),
                           [](double v) { return static_cast<float>(v); });
  }
  return make_held({columns}, std::move(values));
}

// A product of a part of the operand is a part of the term by itself.
Matrix<double> ProgramBlocks::part(const Application& application, const Production& production,
                                   int rank) {
  const Program& program = reference_.program();
  const TermId term = production.term;
  if (multiplies_part(plan_, *application.op, term)) {
    Matrix<double> product = program.share(application, term, 0);
    add_offsets(application.result, production, rank, product);
    Matrix<double> in_its_unit(product.rows(), product.columns());
    add_scaled(in_its_unit, product, program.unit(term));
    return in_its_unit;
  }
  const Reduction way = plan_.term(term).combine;
  const FunctionResult& result = application.result;
  Matrix<double> all(static_cast<std::int64_t>(result.tokens.size()), result.columns.size(),
                     neutral(way));
  for (const CountedShares& s : counted_shares(plan_, production, rank)) {
    for (int share = s.first; share < s.last; ++share) {
      const Matrix<double> one = program.share(application, term, share);
      for (std::int64_t r = 0; r < all.rows(); ++r) {
        for (std::int64_t c = 0; c < all.columns(); ++c) {
          const double value = in_unit(term, one(r, c), result.tokens[static_cast<std::size_t>(r)],
                                       result.columns.first + c);
          all(r, c) = folded(way, all(r, c), repeated(way, value, s.count));
        }
      }
    }
  }
  return all;
}

// What is nothing over all shares: offset_of_part().
void ProgramBlocks::add_offsets(const FunctionResult& result, const Production& production,
                                int rank, Matrix<double>& product) {
  for (const CountedShares& s : counted_shares(plan_, production, rank)) {
    for (int share = s.first; share < s.last; ++share) {
      const FunctionName name = reference_.program().name(production.term, share);
      for (std::int64_t r = 0; r < product.rows(); ++r) {
        for (std::int64_t c = 0; c < product.columns(); ++c) {
          product(r, c) +=
              s.count * offset_of_part(name, result.tokens[static_cast<std::size_t>(r)],
                                       result.columns.first + c);
        }
      }
    }
  }
}

// A share's value in the unit of `term`. Where shares combine by logsumexp, each is moved by as
// much as the whole is: so the unit is the whole's, whatever the collective that combines them.
double ProgramBlocks::in_unit(TermId term, double value, std::int64_t token, std::int64_t column) {
  const TermId quantity = reference_.program().same_quantity(term);
  if (quantity == term) return value;
  const double unit = reference_.program().unit(term);
  if (plan_.term(term).combine != Reduction::logsumexp) return unit * value;
  const Matrix<double>& whole = reference_.term_value(quantity);
  const auto place = reference_.tokens().find(token);
  if (!place || place->row >= whole.rows() || column >= whole.columns()) return value;
  return value + (unit - 1.0) * whole(place->row, column);
}

}  // namespace lockstep::numeric

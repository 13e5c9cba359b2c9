#include "backend/numeric/program_reference.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "backend/numeric/plan_reference.h"
#include "backend/numeric/program_blocks.h"
#include "backend/numeric/reduction.h"

namespace lockstep::numeric {
namespace {

// Terms are asked for in the order in which they are made, so that each rests on few others. A
// plan that asks for the last one first is wrong at once; this keeps it from exhausting the stack.
constexpr std::size_t kDeepest = 256;

}  // namespace

// A share in the making: its values, and which of them somebody has computed.
struct ProgramReference::Whole {
  Matrix<double> values;
  Matrix<char> known;
};

ProgramReference::ProgramReference(const Plan& plan, Weights& weights, PlanReference& owner)
    : plan_(plan),
      owner_(owner),
      program_(plan, weights, owner),
      columns_(plan.terms.size(), nullptr) {
  const auto note = [&](SpecId spec, TensorId tensor) {
    for (const TermId term : plan.spec(spec).terms) {
      if (columns_[term.index()] == nullptr) columns_[term.index()] = &plan.tensor(tensor).columns;
    }
  };
  for (std::size_t i = 0; i < plan.operations.size(); ++i) {
    const Operation& op = plan.operations[i];
    for (std::size_t p = 0; is_of_program(op.kind) && p < op.produces.size(); ++p) {
      const TermId term = op.produces[p].term;
      productions_[program_.same_quantity(term)].emplace_back(static_cast<int>(i),
                                                              static_cast<int>(p));
      columns_[term.index()] = &plan.tensor(op.out.front().tensor).columns;
    }
    for (const Output& out : op.out) note(out.declared, out.tensor);
    for (const Operand& in : op.in) {
      if (in.expect.exists()) note(in.expect, in.tensor);
    }
  }
}

bool ProgramReference::makes(TermId term) const {
  return productions_.contains(program_.same_quantity(term));
}

std::int64_t ProgramReference::columns_of(TermId term) const {
  const std::string* columns = columns_[term.index()];
  return columns == nullptr ? plan_.model.hidden_size : plan_.column_count(*columns);
}

const Matrix<double>& ProgramReference::value(TermId term) {
  const auto found = values_.find(term);
  if (found != values_.end()) return found->second;
  const TermId quantity = program_.same_quantity(term);
  if (term != quantity) {
    Matrix<double> values = owner_.term_value(quantity);
    const double unit = program_.unit(term);
    for (std::int64_t r = 0; r < values.rows(); ++r) {
      for (double& v : values.row(r)) v *= unit;
    }
    return values_.emplace(term, std::move(values)).first->second;
  }
  if (in_progress_.size() >= kDeepest || !in_progress_.insert(term).second) {
    return drawn(term);
  }
  auto before = std::exchange(applications_, {});
  Matrix<double> values = computed(term);
  applications_ = std::move(before);
  in_progress_.erase(term);
  return values_.emplace(term, std::move(values)).first->second;
}

const Matrix<double>& ProgramReference::drawn(TermId term) {
  const auto found = drawn_.find(term);
  if (found != drawn_.end()) return found->second;
  return drawn_.emplace(term, share(term, 0, {})).first->second;
}

// The product of a part is one share here: the reference has the whole operand.
std::vector<CountedShares> ProgramReference::shares_made(const Production& production,
                                                         const Operation& op, int rank) const {
  if (multiplies_part(plan_, op, production.term)) return {{0, 1, 1}};
  return counted_shares(plan_, production, rank);
}

ProgramReference::Makers ProgramReference::makers_of(TermId quantity) const {
  Makers makers;
  const auto found = productions_.find(quantity);
  if (found == productions_.end()) return makers;
  for (const auto& [operation, entry] : found->second) {
    const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
    const Production& production = op.produces[static_cast<std::size_t>(entry)];
    const std::vector<int>& rows = plan_.layout(rows_computed(plan_, op)).rows.index_of_rank;
    // The same share of the same rows and columns, of which a slice may have none.
    std::set<std::tuple<int, int, std::int64_t, std::int64_t>> seen;
    for (int rank = 0; rank < plan_.world; ++rank) {
      if (!executes(op, rank)) continue;
      const Output& out = op.out.front();
      const Interval columns = owner_.columns(out.declared, plan_.tensor(out.tensor).columns, rank);
      const int map = rows[static_cast<std::size_t>(rank)];
      for (const CountedShares& s : shares_made(production, op, rank)) {
        for (int share = s.first; share < s.last; ++share) {
          if (!seen.emplace(share, map, columns.first, columns.last).second) continue;
          makers[share].push_back({&op, production.term, rank});
        }
      }
    }
  }
  return makers;
}

// In the shares and the way of combining that the makers have. The product of a whole operand is
// the whole term, whatever its shares.
Matrix<double> ProgramReference::computed(TermId quantity) {
  const Makers makers = makers_of(quantity);
  const TermId term = makers.empty() ? quantity : makers.begin()->second.front().term;
  const bool at_once =
      !makers.empty() && multiplies_part(plan_, *makers.begin()->second.front().op, term);
  const Reduction way = plan_.term(term).combine;
  const int shares = at_once ? 1 : plan_.term(term).shares;
  Matrix<double> total;
  for (int s = 0; s < shares; ++s) {
    const auto found = makers.find(s);
    Matrix<double> one =
        share(term, s, found == makers.end() ? std::vector<Maker>{} : found->second);
    if (s == 0) {
      total = std::move(one);
      continue;
    }
    for (std::int64_t r = 0; r < total.rows(); ++r) {
      for (std::int64_t c = 0; c < total.columns(); ++c) {
        total(r, c) = folded(way, total(r, c), one(r, c));
      }
    }
  }
  return total;
}

Matrix<double> ProgramReference::share(TermId term, int share, const std::vector<Maker>& makers) {
  const int step = plan_.term(term).step;
  const std::int64_t rows = owner_.tokens().rows(step);
  Whole whole{Matrix<double>(rows, columns_of(term)), Matrix<char>(rows, columns_of(term), 0)};
  for (const Maker& maker : makers) fill(maker, term, share, whole);
  const FunctionName name = program_.name(term, share);
  const std::vector<std::int64_t> tokens = owner_.tokens().tokens(step);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < whole.values.columns(); ++c) {
      if (whole.known(r, c) != 0) continue;
      whole.values(r, c) = drawn_value(name, tokens[static_cast<std::size_t>(r)], c);
    }
  }
  return std::move(whole.values);
}

void ProgramReference::fill(const Maker& maker, TermId term, int share, Whole& whole) {
  const FunctionResult made = program_.result(*maker.op, maker.rank);
  const Interval columns = made.columns;
  if (columns.size() == 0 || columns.last > whole.known.columns()) return;
  Matrix<double> values;
  for (std::size_t i = 0; i < made.tokens.size(); ++i) {
    const auto place = owner_.tokens().find(made.tokens[i]);
    const bool there = place && place->step == plan_.term(term).step;
    if (!there || whole.known(place->row, columns.first) != 0) continue;
    if (values.rows() == 0) values = program_.share(application(maker), maker.term, share);
    for (std::int64_t c = columns.first; c < columns.last; ++c) {
      whole.values(place->row, c) = values(static_cast<std::int64_t>(i), c - columns.first);
      whole.known(place->row, c) = 1;
    }
  }
}

const Application& ProgramReference::application(const Maker& maker) {
  const std::pair key{maker.op, maker.rank};
  const auto found = applications_.find(key);
  if (found != applications_.end()) return found->second;
  const bool whole = multiplies_part(plan_, *maker.op, maker.term);
  const auto rows = [&](const Operand& operand, const std::vector<std::int64_t>& at,
                        Interval columns) { return right_rows(operand, at, columns, maker.rank); };
  Application made = program_.apply(*maker.op, maker.rank, rows, whole);
  return applications_.emplace(key, std::move(made)).first->second;
}

Matrix<double> ProgramReference::right_rows(const Operand& operand,
                                            const std::vector<std::int64_t>& at, Interval columns,
                                            int rank) {
  Target target = owner_.target(operand.expect, plan_.tensor(operand.tensor).columns, rank);
  target.columns = columns;
  Matrix<double> rows(static_cast<std::int64_t>(at.size()), columns.size());
  for (std::size_t i = 0; i < at.size(); ++i) {
    std::ranges::copy(target_row(target, at[i]), rows.row(static_cast<std::int64_t>(i)).begin());
  }
  return rows;
}

}  // namespace lockstep::numeric

// Where plan and reference meet: which quantity of the reference each term of a plan is, and which
// rows of it a spec asks for.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "backend/numeric/compare.h"
#include "backend/numeric/program_reference.h"
#include "backend/numeric/reference.h"
#include "backend/numeric/storage.h"
#include "backend/numeric/tokens.h"
#include "backend/numeric/weights.h"
#include "sim/plan/plan.h"

namespace lockstep::numeric {

// The requests of a plan's steps. A request continues the latest earlier one with its shard and
// index if that ended where its prefix ends.
TokenTable token_table(const Plan& plan);

// The quantity of the model that `term` is by its kind; nothing for TermKind::other.
std::optional<QuantityName> quantity_of(const Term& term);

// The columns of a tensor named `columns` (Tensor::columns) on `rank`: a slice if it is cut over a
// group.
Interval columns_on(const Plan& plan, SpecId spec, const std::string& columns, int rank);

class PlanReference {
 public:
  // `plan` and `weights` must outlive it. `storage`: of the tensors that it is compared with.
  PlanReference(const Plan& plan, Weights& weights, Storage storage = Storage::float32);
  PlanReference(const PlanReference&) = delete;
  PlanReference& operator=(const PlanReference&) = delete;

  const TokenTable& tokens() const { return tokens_; }
  Reference& reference() { return reference_; }

  // The token in each row of `layout` on `rank`; kPadding for padding.
  const std::vector<std::int64_t>& rows(LayoutId layout, int rank) const;
  // What a tensor named `columns` (Tensor::columns) should be on `rank`.
  Target target(SpecId id, const std::string& columns, int rank);
  Interval columns(SpecId spec, const std::string& columns, int rank) const {
    return columns_on(plan_, spec, columns, rank);
  }
  // The reference itself in the form of a tensor: padding rows are NaN, or zero where they must be.
  static Held held(const Target& target);
  // Likewise, with `shift` added to each element of a token's row.
  static Held held_shifted(const Target& target, double shift);
  // The whole of a term: a row per token of its step.
  const Matrix<double>& term_value(TermId id);
  const Program& program() const { return program_.program(); }

  // The half layer whose whole contribution, perhaps on top of the residual stream, `id` is.
  struct Contribution {
    int step = 0;
    int layer = 0;
    HalfLayer half = HalfLayer::attention;
    std::vector<const Matrix<double>*> residual;
  };
  std::optional<Contribution> contribution(SpecId id);
  // The stream that `id` is, and nothing else.
  std::optional<QuantityName> stream(SpecId id) const;

 private:
  void define_streams();
  Matrix<double> sum_of(const std::vector<TermId>& terms);

  const Plan& plan_;
  TokenTable tokens_;
  std::vector<std::optional<QuantityName>> quantity_of_term_;
  std::vector<std::vector<LayerContents>> contents_;
  Reference reference_;
  std::vector<std::vector<std::vector<std::int64_t>>> rows_;  // by layout, then distinct row map
  std::map<TermId, const Closing*> closing_of_;               // by handle
  std::map<TermId, Matrix<double>> closed_;                   // handles that no stream is
  ProgramReference program_;
};

}  // namespace lockstep::numeric

#include "sim/serving/sglang/refusals.h"

#include <fmt/format.h>

#include <utility>

#include "sim/base/require.h"
#include "sim/serving/sglang/layout.h"

namespace lockstep::sglang {
namespace {

class Refusals {
 public:
  Refusals(const RuleBook& book, const Environment& decided) : book_(book), decided_(decided) {}

  // The rule must be true for the layout to run.
  void need(Input rule, const std::string& path, const std::string& message) {
    if (decided_.is_unknown(rule)) {
      for (const std::string& fact : book_.unknown_facts(rule, decided_)) {
        faults_.push_back(path_fault(path, fact));
        faults_.back().unknown = true;
      }
    } else if (!decided_.is(rule)) {
      faults_.push_back(path_fault(path, message));
    }
  }

  void add(Diagnostic diagnostic) { faults_.push_back(std::move(diagnostic)); }
  Diagnostics take() { return std::move(faults_); }

 private:
  const RuleBook& book_;
  const Environment& decided_;
  Diagnostics faults_;
};

}  // namespace

Diagnostics refuse_model(const Family& family, const Model& model, const Parallel& parallel,
                         const RuleBook& book, const Environment& decided) {
  Refusals refusals(book, decided);
  if (parallel.dp_attention) {
    refusals.need(Input::supports_dp_attention, "parallel.enable_dp_attention",
                  fmt::format("{} has no DP attention at this revision", family.name));
  }
  if (parallel.dense_tp_1 && has_dense_layers(model)) {
    refusals.need(Input::supports_dense_tp_1, "parallel.moe_dense_tp_size",
                  fmt::format("{} does not heed moe_dense_tp_size at this revision", family.name));
  }
  for (const FamilyRefusal& refusal : family.refusals) {
    const Result<Expression> when = Expression::parse(refusal.when);
    LOCKSTEP_ASSERT(static_cast<bool>(when));
    if (when->evaluate(decided) == 1) refusals.add(path_fault(refusal.key, refusal.because));
  }
  if (decided.is(Input::fp4_allgather)) {
    refusals.add(
        path_fault("serving.flags.moe_runner_backend", "the fp4 all-gather is not modelled yet"));
  }
  return refusals.take();
}

}  // namespace lockstep::sglang

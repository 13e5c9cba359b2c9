#include "sim/serving/sglang/lower.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sim/serving/sglang/communicator.h"
#include "sim/serving/sglang/deepseek.h"
#include "sim/serving/sglang/environment.h"
#include "sim/serving/sglang/layout.h"
#include "sim/serving/sglang/logits.h"
#include "sim/serving/sglang/rules.h"
#include "sim/serving/sglang/toggles.h"

namespace lockstep::sglang {
namespace {

constexpr const char* kFusionPath = "serving.rules.should_allreduce_fusion";

constexpr std::int64_t kMostTokens = std::int64_t{1} << 30;  // of all steps

// What is settled before the first operation.
struct Setup {
  const LoweringInput& input;
  Parallel parallel;
  Settings settings;
  Revision revision;
  RuleBook book;
};

Diagnostic fault(std::string path, std::string message) {
  Diagnostic d;
  d.path = std::move(path);
  d.message = std::move(message);
  return d;
}

void append(Diagnostics& all, const Diagnostics& more) {
  all.insert(all.end(), more.begin(), more.end());
}

// One step of a plan in the making.
class StepLowering {
 public:
  StepLowering(const Setup& setup, PlanBuilder& builder, const BatchSpec& batch,
               const ResolvedStep& resolved, int step, std::int64_t first_token)
      : setup_(setup),
        builder_(builder),
        prefix_(step == 0 ? "" : fmt::format("S{}.", step)),
        step_(step),
        padding_(resolved.padding(batch)),
        emit_(builder, step, prefix_),
        tables_(builder, setup.parallel, batch.shards, resolved.counts.rows, first_token, prefix_),
        decisions_(setup.book, builder,
                   environments(setup.input, setup.parallel, setup.settings, resolved)),
        modes_(scatter_modes(setup.input.model, setup.parallel)) {}

  // The faults of the rules' decisions; empty if the step was emitted.
  Diagnostics run() {
    Diagnostics faults = refuse();
    if (!faults.empty()) return faults;
    const bool sharded = decisions_.whole_model(Input::embedding_sharded);
    std::vector<SharedExperts> shared;
    for (int layer = 0; layer < layers(); ++layer) shared.push_back(shared_experts(layer));
    const ModelTerms terms =
        make_terms(builder_, setup_.input.model, setup_.parallel, shared, sharded, step_, prefix_);
    const Groups groups{builder_.group("tp"), builder_.group("attn_tp"), builder_.group("moe_ep"),
                        builder_.group("moe_tp")};
    const StepContext context{
        setup_.input.model, setup_.parallel, groups, padding_, emit_, tables_, terms};
    Stream stream;
    stream.hidden = embed(context, sharded);
    for (int layer = 0; layer < layers(); ++layer) {
      emit_layer(context, facts(layer), shared[static_cast<std::size_t>(layer)], stream);
    }
    emit_logits(context, std::move(stream));
    return {};
  }

  std::vector<Request> requests() const { return tables_.requests(); }
  Padding padding() const { return padding_; }
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  int layers() const { return setup_.input.model.num_hidden_layers; }

  LayerFacts facts(int layer) const {
    return {layer, setup_.input.model.is_sparse(layer), layer + 1 == layers(),
            modes_[static_cast<std::size_t>(layer)]};
  }

  Diagnostics refuse() {
    if (decisions_.whole_model(Input::fp4_allgather)) {
      return {fault("serving.flags.moe_runner_backend", "the fp4 all-gather is not modelled yet")};
    }
    for (int layer = 0; layer < layers(); ++layer) {
      const LayerDecision& decision = decisions_.at(facts(layer));
      if (!decision.fault.empty()) {
        return {fault(
            "serving.rules." + decision.fault,
            fmt::format("layer {}: {} must be the same on all ranks", layer, decision.fault))};
      }
      if (!decision.defers_sum) continue;
      if (setup_.parallel.dp_attention) {
        return {fault(kFusionPath,
                      "a sum deferred to the next layer under DP attention is not modelled yet")};
      }
      if (layer + 1 == layers()) {
        return {fault(kFusionPath, "the last layer has no next one to defer its sum to")};
      }
    }
    return {};
  }

  SharedExperts shared_experts(int layer) {
    const Model& model = setup_.input.model;
    if (!model.is_sparse(layer) || model.n_shared_experts == 0) return SharedExperts::none;
    if (setup_.parallel.has_a2a() || setup_.settings.shared_expert_tp1) {
      return SharedExperts::replicated;
    }
    return decisions_.at(facts(layer)).shared_fused ? SharedExperts::fused
                                                    : SharedExperts::separate;
  }

  void emit_layer(const StepContext& c, const LayerFacts& layer, SharedExperts shared,
                  Stream& stream) {
    emit_.enter_layer(layer.layer);
    const LayerDecision& decision = decisions_.at(layer);
    const Value normed = prepare_attention(c, layer, stream);
    const Value attention = attend(c, layer, normed);
    const Value input = prepare_mlp(c, layer, attention, stream);
    const Value output = feed_forward(c, layer, decision, shared, input);
    stream.hidden = decision.defers_sum ? output : return_home(c, layer, decision, output);
    emit_.enter_module(layer.sparse ? "moe" : "mlp");
    emit_.boundary(stream.hidden);
    if (decision.defers_sum) {
      defer(c, layer, decision, stream);
    } else {
      join_slices(c, layer, stream);
    }
  }

  // Before #32963 the sum deferred after experts ran over MOE_EP alone where there is one.
  void defer(const StepContext& c, const LayerFacts& layer, const LayerDecision& decision,
             Stream& stream) {
    const bool hybrid = layer.sparse && c.parallel.ep > 1 && c.parallel.moe_tp > 1;
    stream.deferred_over = hybrid ? c.groups.moe_ep : c.owed_to_tp();
    stream.deferred_because = decision.fusion;
    if (!hybrid || !notes_.empty()) return;
    notes_.push_back(
        "the fused all-reduce after experts runs over the expert-parallel group only, "
        "as read in copies of July 2026; how far back that reaches is not known");
  }

  const Setup& setup_;
  PlanBuilder& builder_;
  std::string prefix_;
  int step_;
  Padding padding_;
  Emitter emit_;
  StepTables tables_;
  Decisions decisions_;
  std::vector<ScatterModes> modes_;
  std::vector<std::string> notes_;
};

std::string batch_path(const LoweringInput& input, std::size_t step) {
  return input.steps.size() == 1 ? "batch" : fmt::format("steps.{}", step);
}

Plan empty_plan(const Setup& setup, Origin origin, std::vector<std::string> notes) {
  Plan plan;
  plan.name = setup.input.name;
  plan.origin = std::move(origin);
  plan.notes = std::move(notes);
  plan.model = setup.input.model;
  plan.seed = setup.input.seed;
  plan.world = setup.parallel.world();
  plan.groups = build_groups(setup.parallel);
  return plan;
}

Result<Plan> lower_steps(const Setup& setup, Plan start) {
  PlanBuilder builder(std::move(start));
  constexpr std::size_t kOperationsPerLayer = 18;  // at the most, by what lowering emits
  builder.reserve(setup.input.steps.size() * kOperationsPerLayer *
                  static_cast<std::size_t>(setup.input.model.num_hidden_layers + 1));
  std::vector<Step> steps;
  std::vector<std::string> notes = builder.plan().notes;
  std::int64_t first_token = 0;
  for (std::size_t s = 0; s < setup.input.steps.size(); ++s) {
    const BatchSpec& batch = setup.input.steps[s];
    const auto resolved = resolve_step(batch, batch_path(setup.input, s), setup.parallel,
                                       setup.revision, setup.settings, setup.input.gpu);
    if (!resolved) return resolved.faults();
    StepLowering lowering(setup, builder, batch, *resolved, static_cast<int>(s), first_token);
    const Diagnostics faults = lowering.run();
    if (!faults.empty()) return faults;
    steps.push_back({lowering.padding(), resolved->cuda_graph, lowering.requests()});
    for (const ShardBatch& shard : batch.shards) first_token += shard.tokens();
    if (first_token > kMostTokens) {
      return fault(batch_path(setup.input, s) + ".tokens",
                   fmt::format("more than {} tokens in all steps", kMostTokens));
    }
    for (const std::vector<std::string>* more : {&resolved->notes, &lowering.notes()}) {
      for (const std::string& note : *more) {
        notes.push_back(setup.input.steps.size() == 1 ? note : fmt::format("step {}: {}", s, note));
      }
    }
  }
  Plan plan = builder.take();
  plan.steps = std::move(steps);
  plan.notes = std::move(notes);
  return plan;
}

Result<Plan> lower_with(const LoweringInput& input, const Revision& revision,
                        const Settings& settings, RuleBook book, Origin origin) {
  Result<AcceptedLayout> layout = accept_layout(input.parallel, input.model);
  if (!layout) return layout.faults();
  const Setup setup{input, layout->parallel, settings, revision, std::move(book)};
  std::vector<std::string> notes = revision.notes;
  notes.insert(notes.end(), layout->notes.begin(), layout->notes.end());
  return lower_steps(setup, empty_plan(setup, std::move(origin), std::move(notes)));
}

}  // namespace

Result<Plan> lower_sglang(const LoweringInput& input, std::set<int>& asked) {
  Result<Revision> revision = revision_of(input.serving);
  const Result<Settings> settings = read_settings(input.serving);
  Diagnostics faults;
  if (!revision) append(faults, revision.faults());
  if (!settings) append(faults, settings.faults());
  if (!faults.empty()) return faults;
  revision->asked = &asked;
  if (settings->shared_expert_tp1 && !revision->includes(24949)) {
    return fault("serving.env.SGLANG_SHARED_EXPERT_TP1",
                 "SGLANG_SHARED_EXPERT_TP1 does not exist before #24949");
  }
  const Revision& at = *revision;
  Result<RuleBook> book = RuleBook::build(
      rules(), [&at](int pull_request) { return at.includes(pull_request); }, input.serving.rules,
      [&at](int pull_request) { return at.merged_by_then(pull_request); });
  if (!book) return book.faults();
  for (std::string& note : toggle_notes(at, rules())) revision->notes.push_back(std::move(note));
  Origin origin{"sglang", asked_text(input.serving), fmt::format("#{}", at.pull_request()),
                std::string(at.epoch())};
  Result<Plan> plan = lower_with(input, at, *settings, std::move(*book), std::move(origin));
  if (!plan) return plan;
  for (std::string& note : idle_toggle_notes(at)) plan->notes.push_back(std::move(note));
  return plan;
}

Result<Plan> lower_plain(const LoweringInput& input) {
  if (!input.serving.rules.empty()) {
    return fault("serving.rules." + input.serving.rules.begin()->first,
                 "the system `plain` has no rules");
  }
  if (!input.serving.with.empty() || !input.serving.without.empty()) {
    return fault(input.serving.with.empty() ? "serving.without" : "serving.with",
                 "the system `plain` has no revisions");
  }
  const Result<Settings> settings = read_settings(input.serving);
  if (!settings) return settings.faults();
  const Result<Revision> padding_of = resolve_revision(std::to_string(kLastModelled));
  return lower_with(input, *padding_of, *settings, RuleBook{}, Origin{"plain", "", "", ""});
}

}  // namespace lockstep::sglang

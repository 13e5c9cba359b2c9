#include "sim/serving/sglang/lower.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sim/serving/sglang/communicator.h"
#include "sim/serving/sglang/environment.h"
#include "sim/serving/sglang/layout.h"
#include "sim/serving/sglang/logits.h"
#include "sim/serving/sglang/producers.h"
#include "sim/serving/sglang/refusals.h"
#include "sim/serving/sglang/rules.h"
#include "sim/serving/sglang/toggles.h"

namespace lockstep::sglang {
namespace {

constexpr const char* kFusionPath = "serving.rules.should_allreduce_fusion";

constexpr int kLayerBoundary = 42301;

constexpr std::int64_t kMostTokens = std::int64_t{1} << 30;  // of all steps

// What is settled before the first operation.
struct Setup {
  const LoweringInput& input;
  const Family& family;
  Parallel parallel;
  Settings settings;
  Revision revision;
  RuleBook book;
};

Diagnostic unknown_fact(const std::string& fact) {
  Diagnostic d = path_fault("serving.revision", fact);
  d.unknown = true;
  return d;
}

void append(Diagnostics& all, const Diagnostics& more) {
  all.insert(all.end(), more.begin(), more.end());
}

// The modes that gathers follow, and on which ranks: one for all, unless each shard decided for
// itself and is gathered from all the same (V0).
std::vector<PaddingRanks> padding_ranks(const ResolvedStep& step, const Parallel& parallel,
                                        Padding busiest) {
  const std::vector<Padding>& modes = step.counts.mode;
  const bool agree =
      std::ranges::all_of(modes, [&](Padding mode) { return mode == modes.front(); });
  if (agree || !needs_tp_gather(parallel)) return {{busiest, {}}};
  std::vector<PaddingRanks> all;
  for (const Padding mode : {Padding::sum_len, Padding::max_len}) {
    PaddingRanks ranks{mode, {}};
    for (int rank = 0; rank < parallel.world(); ++rank) {
      if (modes[static_cast<std::size_t>(parallel.attn_dp_rank(rank))] == mode) {
        ranks.ranks.insert(rank);
      }
    }
    all.push_back(std::move(ranks));
  }
  return all;
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
        padding_ranks_(padding_ranks(resolved, setup.parallel, padding_)),
        emit_(builder, step, prefix_),
        tables_(builder, setup.parallel, batch.shards, resolved.counts.rows, first_token, prefix_),
        decisions_(setup.book, builder,
                   environments(setup.input, setup.parallel, setup.settings, resolved)),
        modes_(scatter_modes(setup.input.model, setup.parallel)) {}

  // The faults of the rules' decisions; empty if the step was emitted.
  Diagnostics run() {
    Diagnostics faults = refuse();
    if (!faults.empty()) return faults;
    const bool sharded = decisions_.whole_model().is(Input::embedding_sharded);
    std::vector<SharedExperts> shared;
    for (int layer = 0; layer < layers(); ++layer) shared.push_back(shared_experts(layer));
    const ModelTerms terms = make_terms(builder_, setup_.input.model, setup_.family,
                                        setup_.parallel, shared, sharded, step_, prefix_);
    const Groups groups{builder_.group("tp"), builder_.group("attn_tp"), builder_.group("moe_ep"),
                        builder_.group("moe_tp")};
    const StepContext context{setup_.input.model,
                              setup_.family,
                              setup_.parallel,
                              setup_.settings,
                              groups,
                              padding_ranks_,
                              emit_,
                              tables_,
                              terms};
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

 private:
  int layers() const { return setup_.input.model.num_hidden_layers; }

  LayerFacts facts(int layer) const {
    return {layer, setup_.input.model.is_sparse(layer), layer + 1 == layers(),
            modes_[static_cast<std::size_t>(layer)]};
  }

  Diagnostics refuse() {
    Diagnostics faults = refuse_model(setup_.family, setup_.input.model, setup_.parallel,
                                      decisions_.book(), decisions_.whole_model());
    if (!faults.empty()) return faults;
    for (int layer = 0; layer < layers(); ++layer) {
      faults = refuse_layer(facts(layer), decisions_.at(facts(layer)));
      if (!faults.empty()) return faults;
    }
    return {};
  }

  Diagnostics refuse_layer(const LayerFacts& layer, const LayerDecision& decision) const {
    if (!decision.fault.empty()) {
      return {path_fault(
          "serving.rules." + decision.fault,
          fmt::format("layer {}: {} must be the same on all ranks", layer.layer, decision.fault))};
    }
    Diagnostics unknown;
    for (const std::string& fact : decision.unknown) unknown.push_back(unknown_fact(fact));
    if (!unknown.empty() || !decision.defers_sum) return unknown;
    if (setup_.parallel.dp_attention && !setup_.revision.includes(41197)) {
      return {
          path_fault(kFusionPath,
                     "a sum deferred to the next layer under DP attention is not modelled before "
                     "#41197")};
    }
    if (layer.last) {
      return {path_fault(kFusionPath, "the last layer has no next one to defer its sum to")};
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
    const bool leaves = decision.defers_sum || decision.carries_return;
    stream.hidden = leaves ? output : return_home(c, layer, decision, output);
    emit_.enter_module(layer.sparse ? "moe" : "mlp");
    emit_.boundary(stream.hidden);
    if (leaves) {
      stream.left = LeftOver{layer, &decision};
    } else {
      join_slices(c, layer, stream);
    }
  }

  const Setup& setup_;
  PlanBuilder& builder_;
  std::string prefix_;
  int step_;
  Padding padding_;
  std::vector<PaddingRanks> padding_ranks_;
  Emitter emit_;
  StepTables tables_;
  Decisions decisions_;
  std::vector<ScatterModes> modes_;
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
    const auto resolved = resolve_step(batch, batch_path(setup.input, s),
                                       {setup.parallel, setup.revision, setup.settings,
                                        setup.input.gpu, setup.input.model.kv_lora_rank > 0});
    if (!resolved) return resolved.faults();
    StepLowering lowering(setup, builder, batch, *resolved, static_cast<int>(s), first_token);
    const Diagnostics faults = lowering.run();
    if (!faults.empty()) return faults;
    steps.push_back({lowering.padding(), resolved->cuda_graph, lowering.requests()});
    for (const ShardBatch& shard : batch.shards) first_token += shard.tokens();
    if (first_token > kMostTokens) {
      return path_fault(batch_path(setup.input, s) + ".tokens",
                        fmt::format("more than {} tokens in all steps", kMostTokens));
    }
    for (const std::string& note : resolved->notes) {
      notes.push_back(setup.input.steps.size() == 1 ? note : fmt::format("step {}: {}", s, note));
    }
  }
  Plan plan = builder.take();
  plan.steps = std::move(steps);
  plan.notes = std::move(notes);
  return plan;
}

// What a reader must know of the answer.
std::vector<std::string> notes_of(const AcceptedLayout& layout, const Settings& settings,
                                  const Revision& revision) {
  std::vector<std::string> notes = layout.notes;
  notes.insert(notes.end(), settings.notes.begin(), settings.notes.end());
  if (revision.includes(kLayerBoundary)) {
    notes.push_back(fmt::format(
        "from #{} on the boundary is taken to complete every sum that a producer ran before",
        kLayerBoundary));
  }
  return notes;
}

// A plan of what is known where lowering ended on facts that nobody knows.
Plan unknown_plan(Plan start, const Diagnostics& facts) {
  for (const Diagnostic& fact : facts) {
    start.unknown.push_back(fact.hint.empty() ? fact.message
                                              : fmt::format("{}; {}", fact.message, fact.hint));
  }
  start.steps.resize(1);
  return start;
}

Result<Plan> lower_with(const LoweringInput& input, const Family& family, const Revision& revision,
                        const Settings& settings, RuleBook book, Origin origin) {
  Result<AcceptedLayout> layout = accept_layout(input.parallel, input.model, revision);
  if (!layout) return layout.faults();
  const Setup setup{input, family, layout->parallel, settings, revision, std::move(book)};
  std::vector<std::string> notes = revision.notes;
  if (origin.system == "sglang") {
    for (std::string& note : notes_of(*layout, settings, revision))
      notes.push_back(std::move(note));
  }
  const Plan start = empty_plan(setup, std::move(origin), std::move(notes));
  Result<Plan> plan = lower_steps(setup, start);
  if (plan || !only_unknown(plan.faults())) return plan;
  return unknown_plan(start, plan.faults());
}

// The family beside the scenario, or the shipped one of the model's architecture.
Result<Family> family_for(const LoweringInput& input) {
  if (input.serving.family) return *input.serving.family;
  return family_of(input.model.architecture);
}

}  // namespace

Result<Plan> lower_sglang(const LoweringInput& input, std::set<int>& asked) {
  Result<Revision> revision = revision_of(input.serving);
  const Result<Family> family = family_for(input);
  Diagnostics faults;
  if (!revision) append(faults, revision.faults());
  if (!family) append(faults, family.faults());
  if (!faults.empty()) return faults;
  revision->asked = &asked;
  const Revision& at = *revision;
  const Result<Settings> settings = read_settings(input.serving, at);
  if (!settings) return settings.faults();
  const std::vector<Rule> rules = rules_of(*family, input.model.architecture);
  Result<RuleBook> book = RuleBook::build(
      rules, [&at](int pull_request) { return at.includes(pull_request); }, input.serving.rules,
      [&at](int pull_request) { return at.merged_by_then(pull_request); });
  if (!book) return book.faults();
  for (std::string& note : toggle_notes(at, rules)) revision->notes.push_back(std::move(note));
  Origin origin{"sglang", asked_text(input.serving), fmt::format("#{}", at.pull_request()),
                std::string(at.epoch())};
  Result<Plan> plan =
      lower_with(input, *family, at, *settings, std::move(*book), std::move(origin));
  if (!plan) return plan;
  for (std::string& note : idle_toggle_notes(at)) plan->notes.push_back(std::move(note));
  return plan;
}

// Padding V2; no model file refuses anything.
Result<Plan> lower_plain(const LoweringInput& input) {
  constexpr int kPaddingOf = 30802;
  if (!input.serving.rules.empty()) {
    return path_fault("serving.rules." + input.serving.rules.begin()->first,
                      "the system `plain` has no rules");
  }
  if (!input.serving.with.empty() || !input.serving.without.empty()) {
    return path_fault(input.serving.with.empty() ? "serving.without" : "serving.with",
                      "the system `plain` has no revisions");
  }
  const Result<Revision> at = resolve_revision(std::to_string(kPaddingOf));
  const Result<Settings> settings = read_settings(input.serving, *at);
  if (!settings) return settings.faults();
  Result<RuleBook> book = RuleBook::build(plain_rules(), [](int) { return true; }, {});
  const Family family = input.serving.family.value_or(Family{});
  return lower_with(input, family, *at, *settings, std::move(*book), Origin{"plain", "", "", ""});
}

}  // namespace lockstep::sglang

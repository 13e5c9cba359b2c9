#include "sim/program/program.h"

#include <algorithm>
#include <map>
#include <utility>

#include "sim/plan/builder.h"
#include "sim/plan/validate.h"
#include "sim/program/expansion.h"
#include "sim/program/setup.h"

namespace lockstep {
namespace {

// Only its dimensions mean anything: a program says by itself what is computed.
Model model_of(const program::Setup& setup) {
  Model model;
  model.name = "program";
  model.num_hidden_layers = 1;
  model.hidden_size = setup.hidden;
  model.num_attention_heads = 1;
  model.vocab_size = 64;
  return model;
}

std::vector<Step> steps_of(const program::Setup& setup) {
  std::vector<Step> steps;
  for (const program::StepSetup& from : setup.steps) {
    Step& step = steps.emplace_back();
    step.cuda_graph = !from.captured.empty();
    for (std::size_t shard = 0; shard < from.requests.size(); ++shard) {
      std::int64_t first = from.first_token_of(static_cast<int>(shard));
      int index = 0;
      for (const int length : from.requests[shard]) {
        step.requests.push_back({static_cast<int>(shard), index++, first, length, 0});
        first += length;
      }
    }
  }
  return steps;
}

Plan empty_plan(const program::Setup& setup, const std::string& name, std::uint64_t seed) {
  Plan plan;
  plan.name = name;
  plan.origin.system = "program";
  plan.model = model_of(setup);
  plan.seed = seed;
  plan.world = setup.world;
  plan.groups = setup.groups;
  plan.steps = steps_of(setup);
  return plan;
}

void set_layers(Plan& plan) {
  int layers = 1;
  for (const Operation& op : plan.operations) layers = std::max(layers, op.site.layer + 1);
  plan.model.num_hidden_layers = layers;
}

// Where a fault of the expanded plan stands in the program: on the line of its operation.
Diagnostics placed(const Plan& plan, const Document& document) {
  Diagnostics faults;
  for (const PlanFault& fault : plan_faults(plan)) {
    Node node = *document.root.find("program");
    const bool of_operation = fault.table == "program" && fault.index >= 0;
    if (of_operation) {
      node.line = plan.operations[static_cast<std::size_t>(fault.index)].line;
      node.column = 1;
    }
    Diagnostic d = document.fault(node, fault.table + ": " + fault.message);
    // A line that is repeated, or stands for several operations, is told once.
    if (std::ranges::find(faults, d) == faults.end()) faults.push_back(std::move(d));
  }
  return faults;
}

}  // namespace

const std::vector<std::string>& program_keys() {
  static const std::vector<std::string> keys{"world",  "mesh",  "groups", "let",  "shards",
                                             "tokens", "steps", "hidden", "rows", "program"};
  return keys;
}

Result<Plan> read_program(const Document& document, const std::string& name, std::uint64_t seed) {
  NodeFaults faults(document);
  Fields top(document.root, faults);
  const program::Setup setup = program::read_setup(top, faults);
  if (!faults.empty()) return faults.take();
  PlanBuilder builder(empty_plan(setup, name, seed));
  const Node* rows = top.optional("rows");
  program::Expansion(setup, rows, faults, builder).run(*top.required("program"));
  if (!faults.empty()) return faults.take();
  Plan plan = builder.take();
  set_layers(plan);
  Diagnostics wrong = placed(plan, document);
  if (!wrong.empty()) return wrong;
  return plan;
}

}  // namespace lockstep

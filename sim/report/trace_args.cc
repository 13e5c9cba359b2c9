#include "sim/report/trace_args.h"

#include <nlohmann/json.hpp>

#include "sim/base/text.h"
#include "sim/plan/json.h"
#include "sim/report/run_tables.h"

namespace lockstep {
namespace {

using Json = nlohmann::ordered_json;

// One overload for each kind of kernel: its shape.
Json shape_json(const Gemm& g) { return {{"m", g.m}, {"n", g.n}, {"k", g.k}, {"batch", g.batch}}; }
Json shape_json(const ExpertsGemm& g) {
  return {{"rows", g.rows},       {"tokens", g.tokens}, {"experts", g.experts},
          {"hit", g.experts_hit}, {"hidden", g.hidden}, {"inter", g.inter}};
}
Json shape_json(const Attention& a) {
  return {{"decode", a.decode},     {"requests", a.requests},   {"tokens", a.tokens},
          {"pairs", a.pairs},       {"kv_tokens", a.kv_tokens}, {"heads", a.heads},
          {"kv_heads", a.kv_heads}, {"qk_dim", a.qk_dim},       {"v_dim", a.v_dim}};
}
Json shape_json(const Elementwise& e) {
  return {{"read_bytes", e.read_bytes}, {"written_bytes", e.written_bytes}};
}
Json shape_json(const TopK& t) {
  return {{"rows", t.rows}, {"experts", t.experts}, {"chosen", t.chosen}};
}

Json kernel_json(const Kernel& kernel) {
  return std::visit([](const auto& k) { return shape_json(k); }, kernel);
}

// "rows all, L0.mlp.down, partial over tp".
std::string state_text(const Plan& plan, const StateSpec& spec) {
  std::vector<std::string> terms;
  for (const TermId term : spec.terms) terms.push_back(plan.term(term).name);
  std::string text = "rows " + plan.layout(spec.rows).name + ", " +
                     (terms.empty() ? std::string("zero") : join(terms, " + "));
  if (spec.partial_over.exists()) text += ", partial over " + plan.group(spec.partial_over).role;
  if (spec.columns_over.exists()) text += ", columns over " + plan.group(spec.columns_over).role;
  return text;
}

Json operation_json(const RunOfPlan& run, int operation) {
  const Plan& plan = run.plan;
  const Operation& op = plan.operations[static_cast<std::size_t>(operation)];
  Json json{{"operation", operation}, {"kind", to_string(op.kind)}};
  json["step"] = op.site.step;
  if (op.site.layer >= 0) json["layer"] = op.site.layer;
  if (!op.site.module.empty()) json["module"] = op.site.module;
  if (op.group.exists()) json["group"] = plan.group(op.group).role;
  for (const Output& out : op.out) {
    if (!out.declared.exists()) continue;
    json[plan.tensor(out.tensor).name] = state_text(plan, plan.spec(out.declared));
  }
  return json;
}

void add_call(Json& json, const TimedCall& timed) {
  json["bytes"] = timed.call.bytes;
  json["ranks"] = timed.call.ranks.size();
  json["library"] = timed.time.library;
  json["algorithm"] = timed.time.algorithm;
  if (!timed.time.protocol.empty()) json["protocol"] = timed.time.protocol;
}

std::string operation_name(const Operation& op) {
  return op.name.empty() ? to_string(op.kind) : op.name;
}

}  // namespace

std::string json_text(const std::string& text) { return dump(Json(text)); }

TraceArgs trace_args(const RunOfPlan& run, int label) {
  const Label& l = run.timed.labels[static_cast<std::size_t>(label)];
  const Operation& op = run.plan.operations[static_cast<std::size_t>(l.operation)];
  TraceArgs args;
  Json json = operation_json(run, l.operation);
  std::string name = operation_name(op);
  if (const TimedCall* call = call_of(run.timed, label)) add_call(json, *call);
  if (l.work >= 0) {
    const Work& work = run.timed.works[static_cast<std::size_t>(l.work)];
    json["rows"] = op.in.empty() ? work.shape.rows_out : work.shape.rows;
    for (std::size_t k = 0; l.kernel < 0 && k < work.kernels.size(); ++k) {
      const TimedKernel& kernel = work.kernels[k];
      args.kernels.push_back("\"name\":" + json_text(std::string(kernel.name)) +
                             ",\"args\":" + dump(kernel_json(kernel.kernel)));
    }
    if (l.kernel >= 0) {
      const TimedKernel& kernel = work.kernels[static_cast<std::size_t>(l.kernel)];
      name += ": " + std::string(kernel.name);
      json.update(kernel_json(kernel.kernel));
    }
  }
  args.name = json_text(name);
  args.args = dump(json);
  return args;
}

}  // namespace lockstep

#include "sim/base/hash.h"
#include "sim/report/accuracy.h"
#include "sim/report/run_report.h"
#include "sim/report/run_tables.h"

namespace lockstep {
namespace {

using Json = nlohmann::ordered_json;

double us(Duration duration) { return in_microseconds(duration); }

Json site_json(const Operation& op) {
  return {{"name", op.name.empty() ? to_string(op.kind) : op.name},
          {"kind", to_string(op.kind)},
          {"step", op.site.step},
          {"layer", op.site.layer >= 0 ? Json(op.site.layer) : Json()},
          {"module", op.site.module}};
}

Json split_json(int rank, const Split& split) {
  return {{"rank", rank},
          {"compute_us", us(split.compute)},
          {"communication_us", us(split.communication)},
          {"wait_us", us(split.wait)},
          {"idle_us", us(split.idle)}};
}

Json operation_json(const RunOfPlan& run, const OperationTime& time) {
  const Operation& op = run.plan.operations[static_cast<std::size_t>(time.operation)];
  Json json{{"operation", time.operation}};
  json.update(site_json(op));
  json["ranks"] = time.ranks;
  json["calls"] = time.calls;
  if (const TimedCall* call = call_of(run.timed, time.label)) {
    json["group"] = op.group.exists() ? Json(run.plan.group(op.group).role) : Json();
    json["library"] = call->time.library;
    json["algorithm"] = call->time.algorithm;
    json["protocol"] = call->time.protocol;
    json["bytes"] = call->call.bytes;
  }
  json["mean_us"] = in_microseconds(time.sum) / time.ranks;
  json["max_us"] = us(time.most);
  json["wait_mean_us"] = in_microseconds(time.wait_sum) / time.ranks;
  json["wait_max_us"] = us(time.wait_most);
  return json;
}

Json step_json(const RunOfPlan& run, std::size_t s) {
  const StepTime& step = run.breakdown.steps[s];
  const double seconds = us(step.duration()) / 1e6;
  const auto rate = [&](std::int64_t tokens) {
    return seconds > 0 ? static_cast<double>(tokens) / seconds : 0.0;
  };
  return {{"step", s},
          {"cuda_graph", run.in_graph(s)},
          {"begin_us", us(step.begin)},
          {"duration_us", us(step.duration())},
          {"prompt_tokens", step.prompt_tokens},
          {"decoded_tokens", step.decoded_tokens},
          {"tokens_per_s", rate(step.tokens())},
          {"tokens_per_s_per_gpu", rate(step.tokens()) / run.plan.world}};
}

Json link_json(const RunOfPlan& run, const ChainLink& link) {
  Json json{{"rank", link.rank}};
  if (link.label < 0) {
    json["kind"] = "host";
  } else {
    const int operation = run.timed.labels[static_cast<std::size_t>(link.label)].operation;
    json["operation"] = operation;
    json.update(site_json(run.plan.operations[static_cast<std::size_t>(operation)]));
  }
  json["begin_us"] = us(link.begin);
  json["duration_us"] = us(link.duration());
  json["share"] =
      us(run.breakdown.makespan) > 0 ? us(link.duration()) / us(run.breakdown.makespan) : 0.0;
  return json;
}

Json waits_json(const RunOfPlan& run) {
  Json waits = Json::array();
  if (!run.timeline.stuck) return waits;
  for (const Stuck::Wait& wait : run.timeline.stuck->waits) {
    const Action& action =
        run.timed.program
            .of_rank[static_cast<std::size_t>(wait.rank)][static_cast<std::size_t>(wait.action)];
    Json json{{"rank", wait.rank}, {"waits_for", wait.waits_for}};
    if (action.label >= 0) {
      const int operation = run.timed.labels[static_cast<std::size_t>(action.label)].operation;
      json["operation"] = operation;
      json.update(site_json(run.plan.operations[static_cast<std::size_t>(operation)]));
    }
    waits.push_back(json);
  }
  return waits;
}

Json stuck_json(const RunOfPlan& run) {
  std::string cause = "refused";
  if (run.timeline.stuck) {
    const bool mismatch = run.timeline.stuck->cause == Stuck::Cause::mismatch;
    cause = mismatch ? "collective-mismatch" : "deadlock";
  }
  return {{"cause", cause}, {"message", stuck_text(run)}, {"waits", waits_json(run)}};
}

void add_results(Json& json, const RunOfPlan& run) {
  json["makespan_us"] = us(run.breakdown.makespan);
  json["trace_hash"] = hex64(run.timeline.trace_hash);
  json["events"] = run.timeline.events;
  json["messages"] = run.timeline.messages;
  Json& steps = json["steps"] = Json::array();
  for (std::size_t s = 0; s < run.breakdown.steps.size(); ++s) steps.push_back(step_json(run, s));
  Json& ranks = json["ranks"] = Json::array();
  for (std::size_t r = 0; r < run.breakdown.ranks.size(); ++r) {
    ranks.push_back(split_json(static_cast<int>(r), run.breakdown.ranks[r]));
  }
  Json& operations = json["operations"] = Json::array();
  for (const OperationTime& time : run.breakdown.operations) {
    operations.push_back(operation_json(run, time));
  }
  Json& chain = json["critical_path"] = Json::array();
  for (const ChainLink& link : run.chain) chain.push_back(link_json(run, link));
}

}  // namespace

Json run_json(const RunOfPlan& run) {
  Json json{{"schema", "lockstep.run/1"},
            {"scenario", run.scenario},
            {"hardware", run.hardware.name},
            {"hardware_accuracy", accuracy_line(run.hardware, AccuracyOf::all)},
            {"fidelity", run.fidelity == Fidelity::messages ? "messages" : "closed-form"},
            {"plan_hash", hex64(hash(run.plan))}};
  if (run.ended()) {
    add_results(json, run);
  } else {
    json["stuck"] = stuck_json(run);
  }
  if (run.memory) json["memory"] = memory_json(*run.memory);
  json["notes"] = run.plan.notes;
  for (const std::string& note : run.timed.notes) json["notes"].push_back(note);
  json["measured"] = {{"wall_ms", run.wall_ms}, {"lower_ms", run.lower_ms}, {"run_ms", run.run_ms}};
  return json;
}

}  // namespace lockstep

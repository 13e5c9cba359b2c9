#include "sim/report/replay_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "sim/base/hash.h"
#include "sim/base/text.h"
#include "sim/report/check_report.h"

namespace lockstep {
namespace {

using Json = nlohmann::ordered_json;
using numeric::Comparison;
using numeric::ReplayVerdict;

// JSON has no infinities and no NaN.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json comparison_json(const Comparison& c) {
  Json terms = Json::array();
  for (const numeric::TermScale& t : c.terms) {
    terms.push_back({{"term", t.term}, {"scale", number(t.scale)}});
  }
  return {{"step", c.site.step},
          {"layer", c.site.layer >= 0 ? Json(c.site.layer) : Json()},
          {"module", c.site.module},
          {"operation", c.operation},
          {"agrees", c.met},
          {"ranks", ranks_json(c.wrong)},
          {"relative_error", number(c.relative_error)},
          {"scale", number(c.scale)},
          {"error_after_scale", number(c.error_after_scale)},
          {"terms", terms}};
}

const Comparison* first_divergence(const numeric::ReplayResult& result) {
  const auto found =
      std::ranges::find_if(result.comparisons, [](const Comparison& c) { return !c.met; });
  return found == result.comparisons.end() ? nullptr : &*found;
}

std::int64_t bytes_of(const Plan& plan, const Operation& op) {
  constexpr std::int64_t kFloat32 = 4;
  if (op.out.empty()) return 0;
  const Output& out = op.out.front();
  std::int64_t rows = 0;
  for (int rank = 0; rank < plan.world; ++rank) {
    if (!executes(op, rank)) continue;
    rows = std::max(rows, row_count(plan.layout(plan.spec(out.declared).rows).rows.at(rank)));
  }
  return rows * plan.column_count(plan.tensor(out.tensor).columns) * kFloat32;
}

Json sent_json(const numeric::Traffic& traffic) {
  Json list = Json::array();
  for (const numeric::Sent& sent : traffic.sent) {
    list.push_back({{"from", sent.from}, {"to", sent.to}, {"bytes", sent.bytes}});
  }
  return list;
}

// Every collective; of a backend that sends also the messages, and what every rank sent.
Json operations_json(const Plan& plan, const numeric::ReplayResult& result) {
  std::map<std::size_t, const numeric::Traffic*> traffic;
  for (const numeric::Traffic& t : result.traffic) {
    traffic[static_cast<std::size_t>(t.operation)] = &t;
  }
  Json list = Json::array();
  for (std::size_t i = 0; i < plan.operations.size(); ++i) {
    const Operation& op = plan.operations[i];
    const auto sent = traffic.find(i);
    if (!is_collective(op.kind) && sent == traffic.end()) continue;
    Json entry = {{"operation", i},
                  {"kind", to_string(op.kind)},
                  {"name", op.name},
                  {"group", plan.group(op.group).role},
                  {"bytes", bytes_of(plan, op)}};
    if (sent != traffic.end()) {
      entry["sent"] = sent_json(*sent->second);
      entry["measured"] = {{"measured_us", sent->second->microseconds}};
    }
    list.push_back(std::move(entry));
  }
  return list;
}

std::string place(const Comparison& c) {
  std::string text =
      c.site.layer >= 0 ? fmt::format("layer {}, {}", c.site.layer, c.site.module) : c.site.module;
  return c.site.step > 0 ? fmt::format("step {}, {}", c.site.step, text) : text;
}

std::string divergence_text(const Comparison& c, const Plan& plan, const Style& style) {
  const Operation& op = plan.operations[static_cast<std::size_t>(c.operation)];
  std::string text = fmt::format("\n{}  {}\n", style.bad("diverges"), style.strong(place(c)));
  text += fmt::format("  at operation {} ({}{}), ranks {}\n", c.operation, to_string(op.kind),
                      c.boundary ? ", boundary" : "", to_string(c.wrong));
  text += fmt::format("  relative error {:.3g}, scale {:.3f}, error after scale {:.2g}\n",
                      c.relative_error, c.scale, c.error_after_scale);
  for (const numeric::TermScale& t : c.terms) {
    text += fmt::format("  {} x {:.3f}\n", t.term, t.scale);
  }
  return text;
}

// What carrying a fault on does to the words that come next.
std::string words_text(const numeric::ReplayResult& result) {
  std::string text;
  for (const numeric::StepWords& w : result.words) {
    text += fmt::format("step {}: {} of {} top-1 tokens changed\n", w.step, w.changed, w.total);
  }
  return text;
}

Json words_json(const numeric::ReplayResult& result) {
  Json steps = Json::array();
  int changed = 0;
  int total = 0;
  for (const numeric::StepWords& w : result.words) {
    steps.push_back({{"step", w.step}, {"changed", w.changed}, {"total", w.total}});
    changed += w.changed;
    total += w.total;
  }
  return {{"changed", changed}, {"total", total}, {"steps", steps}};
}

std::string garbage_text(const numeric::ReplayResult& result, const Plan& plan) {
  std::string text;
  for (const int operation : result.garbage_shows) {
    text += fmt::format("operation {} ({}) shows only where unwritten memory holds large numbers\n",
                        operation,
                        to_string(plan.operations[static_cast<std::size_t>(operation)].kind));
  }
  return text;
}

std::string traffic_text(const numeric::ReplayResult& result) {
  if (result.traffic.empty()) return {};
  std::int64_t bytes = 0;
  double microseconds = 0;
  for (const numeric::Traffic& t : result.traffic) {
    microseconds += t.microseconds;
    for (const numeric::Sent& sent : t.sent) bytes += sent.bytes;
  }
  return fmt::format("{} operations sent {} bytes between ranks, in {:.1f} ms\n",
                     result.traffic.size(), bytes, microseconds / 1000.0);
}

std::string verdict_text(const numeric::ReplayResult& result, const Style& style) {
  const std::string verdict = to_string(result.verdict);
  return result.verdict == ReplayVerdict::agrees ? style.good(verdict) : style.bad(verdict);
}

}  // namespace

std::string replay_text(const ReplayedPlan& replayed, const Style& style, bool all) {
  constexpr std::size_t kShownAtFirst = 3;
  const numeric::ReplayResult& result = replayed.result;
  std::string text =
      fmt::format("{}, replayed on {} ({}, seed {}): {}\n",
                  subject_line(replayed.scenario, replayed.plan.origin), replayed.backend,
                  replayed.dtype, replayed.seed, verdict_text(result, style));
  std::size_t wrong = 0;
  for (const Comparison& c : result.comparisons) {
    if (c.met) continue;
    if (all || wrong < kShownAtFirst) text += divergence_text(c, replayed.plan, style);
    ++wrong;
  }
  if (!all && wrong > kShownAtFirst) {
    text += fmt::format("\nand {} more (--all prints them)\n", wrong - kShownAtFirst);
  }
  if (result.stopped_at >= 0) {
    text += fmt::format("\nstopped at operation {}: {}\n", result.stopped_at, result.stopped_why);
  }
  text += fmt::format("\n{} comparisons, {} wrong, tolerance {:.2g}\n", result.comparisons.size(),
                      wrong, result.tolerance);
  text += garbage_text(result, replayed.plan) + words_text(result);
  return text + traffic_text(result);
}

Json replay_json(const ReplayedPlan& replayed) {
  const numeric::ReplayResult& result = replayed.result;
  Json boundaries = Json::array();
  for (const Comparison& c : result.comparisons) {
    if (c.boundary) boundaries.push_back(comparison_json(c));
  }
  const Comparison* first = first_divergence(result);
  Json json = {{"schema", "lockstep.replay/1"},
               {"scenario", replayed.scenario},
               {"backend", replayed.backend},
               {"dtype", replayed.dtype},
               {"seed", replayed.seed},
               {"verdict", to_string(result.verdict)},
               {"revision", revision_json(replayed.plan.origin)},
               {"plan_hash", hex64(hash(replayed.plan))},
               {"tolerance", result.tolerance},
               {"boundaries", boundaries},
               {"first_divergence", first == nullptr ? Json() : comparison_json(*first)},
               {"operations", operations_json(replayed.plan, result)},
               {"notes", replayed.plan.notes}};
  if (result.stopped_at >= 0) {
    json["stopped_at"] = {{"operation", result.stopped_at}, {"why", result.stopped_why}};
  }
  if (!result.words.empty()) json["tokens"] = words_json(result);
  if (!result.garbage_shows.empty()) json["only_with_finite_garbage"] = result.garbage_shows;
  json["measured"] = {{"wall_ms", replayed.wall_ms}};
  return json;
}

}  // namespace lockstep

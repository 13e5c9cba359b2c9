#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <numeric>

#include "sim/base/text.h"
#include "sim/cost/timeline/nodes.h"
#include "sim/report/accuracy.h"
#include "sim/report/run_report.h"
#include "sim/report/run_tables.h"

namespace lockstep {
namespace {

constexpr std::size_t kShownRanks = 8;
constexpr std::size_t kShownLinks = 8;

std::string count_text(std::int64_t count, const char* one) {
  return fmt::format("{} {}{}", count, one, count == 1 ? "" : "s");
}

std::string percent(Duration part, Duration whole) {
  if (whole == Duration::zero()) return "-";
  return fmt::format(
      "{:.1f} %", 100.0 * static_cast<double>(part.count()) / static_cast<double>(whole.count()));
}

std::string title(const RunOfPlan& run, const Style& style) {
  const Plan& plan = run.plan;
  std::string text =
      fmt::format("{}  {}, {}, {} ({})\n", style.strong(run.scenario),
                  count_text(plan.world, "rank"), count_text(plan.model.num_hidden_layers, "layer"),
                  run.hardware.name, nodes_text(run.hardware, plan.world));
  text += style.faint(accuracy_line(run.hardware, AccuracyOf::all)) + "\n";
  for (const auto* notes : {&plan.notes, &run.timed.notes}) {
    for (const std::string& note : *notes) text += style.faint("note: " + note) + "\n";
  }
  return text;
}

std::string tokens_text(std::int64_t tokens, const char* what, Duration time) {
  if (tokens == 0 || time == Duration::zero()) return "";
  const double seconds = in_microseconds(time) / 1e6;
  return fmt::format("  {} {}, {:.0f} tokens/s", tokens, what,
                     static_cast<double>(tokens) / seconds);
}

std::string steps_text(const RunOfPlan& run, const Style& style) {
  std::string text =
      style.strong(fmt::format("makespan {:.1f} us\n", in_microseconds(run.breakdown.makespan)));
  const std::vector<StepTime>& steps = run.breakdown.steps;
  for (std::size_t s = 0; s < steps.size(); ++s) {
    const StepTime& step = steps[s];
    text += fmt::format("step {}{}: {:.1f} us{}{}\n", s, run.in_graph(s) ? " in a CUDA graph" : "",
                        in_microseconds(step.duration()),
                        tokens_text(step.prompt_tokens, "prompt tokens", step.duration()),
                        tokens_text(step.decoded_tokens, "decoded", step.duration()));
  }
  return text;
}

std::string split_line(const std::string& name, const Split& split, Duration whole) {
  return fmt::format("  {:<22}{:>12.1f}{:>12.1f}{:>12.1f}{:>12.1f}{:>10}\n", name,
                     in_microseconds(split.compute), in_microseconds(split.communication),
                     in_microseconds(split.wait), in_microseconds(split.idle),
                     percent(split.compute, whole));
}

Split mean_of(const std::vector<Split>& ranks) {
  const auto mean = [&](Duration Split::*part) {
    WideInteger sum = 0;
    for (const Split& split : ranks) sum += (split.*part).count();
    return Duration::of(sum / static_cast<std::int64_t>(ranks.size()));
  };
  return {mean(&Split::compute), mean(&Split::communication), mean(&Split::wait),
          mean(&Split::idle)};
}

// Every rank, or where there are many those that compute longest and shortest.
std::string ranks_text(const RunOfPlan& run, const Style& style, bool all) {
  const std::vector<Split>& ranks = run.breakdown.ranks;
  std::string text =
      style.strong(fmt::format("\n{:<24}{:>12}{:>12}{:>12}{:>12}{:>10}\n", "time of a rank, us",
                               "compute", "transfer", "wait", "idle", "computes"));
  std::vector<std::size_t> shown(ranks.size());
  std::iota(shown.begin(), shown.end(), 0);
  if (!all && ranks.size() > kShownRanks) {
    const auto less = [&](std::size_t a, std::size_t b) {
      return ranks[a].compute < ranks[b].compute;
    };
    const auto [least, most] = std::ranges::minmax_element(shown, less);
    shown = *least == *most ? std::vector{*least} : std::vector{*most, *least};
  }
  for (const std::size_t r : shown) {
    text += split_line(fmt::format("rank {}", r), ranks[r], run.breakdown.makespan);
  }
  text += split_line("mean", mean_of(ranks), run.breakdown.makespan);
  if (shown.size() < ranks.size()) {
    text += style.faint(
        fmt::format("  of {} ranks, those that compute most and least (--all)\n", ranks.size()));
  }
  return text;
}

std::string table_text(const std::string& name, const std::vector<TableRow>& rows,
                       const Style& style) {
  std::string text =
      style.strong(fmt::format("\n{:<48}{:>8}{:>12}{:>12}{:>12}\n", name + ", us a rank", "calls",
                               "compute", "transfer", "wait"));
  for (const TableRow& row : rows) {
    text += fmt::format("  {:<46}{:>8}{:>12.1f}{:>12.1f}{:>12.1f}\n", row.name, row.calls,
                        row.compute_us, row.communication_us, row.wait_us);
  }
  return text;
}

std::string tables_text(const RunOfPlan& run, const Style& style, bool all) {
  std::vector<TableRow> kinds = table_by(run, kind_name);
  std::ranges::stable_sort(kinds, std::ranges::greater{}, &TableRow::total_us);
  std::string text = table_text("by operation", kinds, style);
  text += table_text(
      "by module",
      table_by(run,
               [](const Operation& op) { return op.site.module.empty() ? "-" : op.site.module; }),
      style);
  if (!all) return text;
  return text + table_text("by layer",
                           table_by(run,
                                    [](const Operation& op) {
                                      return op.site.layer < 0
                                                 ? "outside the layers"
                                                 : fmt::format("layer {}", op.site.layer);
                                    }),
                           style);
}

std::string link_name(const RunOfPlan& run, const ChainLink& link) {
  if (link.label < 0) return "the host launches";
  const int operation = run.timed.labels[static_cast<std::size_t>(link.label)].operation;
  return kind_name(run.plan.operations[static_cast<std::size_t>(operation)]);
}

// The chain in sum by operation; one link after the other is in the JSON.
std::string chain_text(const RunOfPlan& run, const Style& style) {
  struct Part {
    std::string name;
    Duration sum{};
    int links = 0;
  };
  std::vector<Part> parts;
  for (const ChainLink& link : run.chain) {
    const std::string name = link_name(run, link);
    auto part = std::ranges::find(parts, name, &Part::name);
    if (part == parts.end()) part = parts.insert(parts.end(), {name});
    part->sum += link.duration();
    ++part->links;
  }
  std::ranges::stable_sort(parts, std::ranges::greater{}, &Part::sum);
  std::string text = style.strong("\ncritical path") + style.faint("  (what it consists of)\n");
  for (std::size_t i = 0; i < std::min(kShownLinks, parts.size()); ++i) {
    text +=
        fmt::format("  {:<46}{:>8} times{:>12.1f} us{:>10}\n", parts[i].name, parts[i].links,
                    in_microseconds(parts[i].sum), percent(parts[i].sum, run.breakdown.makespan));
  }
  if (parts.size() > kShownLinks) {
    text +=
        style.faint(fmt::format("  and {} more (--json has all)\n", parts.size() - kShownLinks));
  }
  return text;
}

}  // namespace

std::string run_text(const RunOfPlan& run, const Style& style, bool all) {
  if (!run.ended()) return title(run, style) + style.bad("cannot end") + "\n" + stuck_text(run);
  const std::string memory = run.memory ? memory_text(*run.memory, style) : "";
  return title(run, style) + steps_text(run, style) + memory + ranks_text(run, style, all) +
         tables_text(run, style, all) + chain_text(run, style);
}

}  // namespace lockstep

#include "sim/report/collective_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/base/text.h"
#include "sim/cost/bus_rate.h"

namespace lockstep {
namespace {

bool is_rooted(Collective kind) {
  return kind == Collective::broadcast || kind == Collective::reduce;
}

// Of an all_to_allv the call has the bytes of all ranks; nccl-tests counts those of one, the mean.
std::int64_t counted_bytes(const CollectiveCall& call) {
  return call.kind == Collective::all_to_allv ? call.bytes / std::ssize(call.ranks) : call.bytes;
}

// nccl-tests counts the elements of one block where there are blocks.
std::int64_t count_of(const CollectiveCall& call) {
  const std::int64_t elements = counted_bytes(call) / call.element_bytes;
  return is_of_blocks(call.kind) ? elements / std::ssize(call.ranks) : elements;
}

std::vector<std::string> libraries_of(const CollectiveTable& table) {
  std::vector<std::string> names;
  for (const CollectiveRow& row : table.rows) {
    const std::string& name = row.prediction.time.library;
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
  return names;
}

// Whose times these are.
std::string choice(const CollectiveTable& table) {
  if (table.fidelity) {
    return fmt::format("algorithm {}, {}", table.algorithm, to_string(*table.fidelity));
  }
  const std::string libraries = join(libraries_of(table), " and ");
  if (!table.algorithm.empty())
    return fmt::format("algorithm {} of {}", table.algorithm, libraries);
  return "the choice of " + libraries;
}

std::string fallback_text(const CollectiveTable& table) {
  if (table.fallback.empty()) return "";
  const auto other = std::ranges::find_if(table.rows, [&](const CollectiveRow& row) {
    return row.prediction.time.library != table.library;
  });
  return fmt::format("# from {} bytes on {}: {}\n", counted_bytes(other->call),
                     other->prediction.time.library, table.fallback);
}

std::string head(const CollectiveTable& table) {
  const CollectiveCall& call = table.rows.front().call;
  const auto [least, most] = std::ranges::minmax(
      table.rows, {}, [](const CollectiveRow& row) { return counted_bytes(row.call); });
  std::string text = fmt::format(
      "# lockstep collective {}: predicted, in the format of nccl-tests\n"
      "# nThread 1 nGpus {} minBytes {} maxBytes {} launch {}\n#\n"
      "# hardware {}, {} ranks on {} node{}, {}\n",
      to_string(table.kind), call.ranks.size(), counted_bytes(least.call), counted_bytes(most.call),
      to_string(call.launch), table.hardware, call.ranks.size(), table.nodes,
      table.nodes == 1 ? "" : "s", choice(table));
  text += fallback_text(table);
  if (!table.accuracy.empty()) text += fmt::format("# {}\n", table.accuracy);
  text += "#\n";
  text += fmt::format("#{:>57}{:>33}{:>37}\n", "", "out-of-place", "in-place");
  text += fmt::format("#{:>12}{:>14}{:>10}{:>8}{:>8}", "size", "count", "type", "redop", "root");
  for (int i = 0; i < 2; ++i) {
    text += fmt::format("{:>12}{:>9}{:>9}{:>7}", "time", "algbw", "busbw", "#wrong");
  }
  text += fmt::format("\n#{:>12}{:>14}{:>26}", "(B)", "(elements)", "");
  for (int i = 0; i < 2; ++i) {
    text += fmt::format("{:>12}{:>9}{:>9}{:>7}", "(us)", "(GB/s)", "(GB/s)", "");
  }
  return text + "\n";
}

std::string line(const CollectiveTable& table, const CollectiveRow& row) {
  const std::string times =
      fmt::format("{:>12.2f}{:>9.2f}{:>9.2f}{:>7}", in_microseconds(row.prediction.time.total()),
                  algbw_GBps(row), busbw_GBps(row), "N/A");
  return fmt::format("{:>13}{:>14}{:>10}{:>8}{:>8}{}{}\n", counted_bytes(row.call),
                     count_of(row.call), table.dtype, sums(table.kind) ? "sum" : "none",
                     is_rooted(table.kind) ? 0 : -1, times, times);
}

nlohmann::ordered_json holds_json(const Prediction& prediction) {
  if (!prediction.holds) return nullptr;
  switch (*prediction.holds) {
    case ClosedForm::Holds::exactly:
      return "exactly";
    case ClosedForm::Holds::at_most:
      return "at_most";
    case ClosedForm::Holds::at_least:
      return "at_least";
  }
  return nullptr;
}

nlohmann::ordered_json text_or_null(const std::string& text) {
  return text.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(text);
}

nlohmann::ordered_json row_json(const CollectiveRow& row) {
  const CollectiveTime& time = row.prediction.time;
  nlohmann::ordered_json json;
  json["bytes"] = counted_bytes(row.call);
  json["count"] = count_of(row.call);
  if (row.call.tokens > 0) json["tokens"] = row.call.tokens;
  json["time_us"] = in_microseconds(time.total());
  json["algbw_GBps"] = algbw_GBps(row);
  json["busbw_GBps"] = busbw_GBps(row);
  json["messages"] = nullptr;
  if (row.prediction.messages) json["messages"] = *row.prediction.messages;
  json["library"] = time.library;
  json["algorithm"] = time.algorithm;
  json["protocol"] = time.protocol;
  json["launch_us"] = in_microseconds(time.launch);
  json["latency_us"] = in_microseconds(time.latency);
  json["transfer_us"] = in_microseconds(time.transfer);
  json["holds"] = holds_json(row.prediction);
  return json;
}

}  // namespace

double algbw_GBps(const CollectiveRow& row) {
  const double picoseconds = static_cast<double>(row.prediction.time.total().count());
  return picoseconds > 0 ? static_cast<double>(counted_bytes(row.call)) * 1e3 / picoseconds : 0;
}

double busbw_GBps(const CollectiveRow& row) {
  const auto ranks = static_cast<int>(row.call.ranks.size());
  return bus_rate(row.call.kind, ranks, algbw_GBps(row));
}

std::string collective_text(const CollectiveTable& table) {
  std::string text = head(table);
  double sum = 0;
  for (const CollectiveRow& row : table.rows) {
    text += line(table, row);
    sum += busbw_GBps(row);
  }
  text += "# Out of bounds values : 0 OK\n";
  text += fmt::format("# Avg bus bandwidth    : {:.4f}\n#\n",
                      sum / static_cast<double>(table.rows.size()));
  return text;
}

nlohmann::ordered_json collective_json(const CollectiveTable& table, double wall_ms) {
  const CollectiveCall& call = table.rows.front().call;
  nlohmann::ordered_json json;
  json["schema"] = "lockstep.collective/1";
  json["collective"] = to_string(table.kind);
  json["ranks"] = call.ranks.size();
  json["nodes"] = table.nodes;
  json["hardware"] = table.hardware;
  json["hardware_accuracy"] = text_or_null(table.accuracy);
  json["dtype"] = table.dtype;
  json["launch"] = to_string(call.launch);
  json["library"] = text_or_null(join(libraries_of(table), "+"));
  json["fallback"] = text_or_null(table.fallback);
  json["algorithm"] = text_or_null(table.algorithm);
  json["fidelity"] = nullptr;
  if (table.fidelity) json["fidelity"] = to_string(*table.fidelity);
  json["rows"] = nlohmann::ordered_json::array();
  for (const CollectiveRow& row : table.rows) json["rows"].push_back(row_json(row));
  json["measured"] = {{"wall_ms", wall_ms}};
  return json;
}

}  // namespace lockstep

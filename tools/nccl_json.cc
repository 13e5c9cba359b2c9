#include "tools/nccl_json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "sim/cost/nccl/log_run.h"
#include "tools/foreign_json.h"

namespace lockstep::tools {
namespace {

using Json = nlohmann::ordered_json;

std::int64_t number_or(const Json& json, const char* key, std::int64_t fallback) {
  if (!json.is_object() || !json.contains(key)) return fallback;
  const Json& value = json.at(key);
  if (!value.is_number_integer()) throw Unlike{fmt::format("'{}' must be a whole number", key)};
  return value.get<std::int64_t>();
}

std::string text_or(const Json& json, const char* key) {
  const bool is_text = json.is_object() && json.contains(key) && json.at(key).is_string();
  return is_text ? json.at(key).get<std::string>() : "";
}

bool is_on(const Json& json, const char* key) {
  return json.contains(key) && json.at(key).is_boolean() && json.at(key).get<bool>();
}

void take_settings(const Json& config, NcclDraft& draft) {
  draft.threads = number_or(config, "nthreads", 1);
  draft.gpus = number_or(config, "ngpus", 1);
  draft.aggregated = number_or(config, "aggregated_iterations", 1);
  draft.waits = is_on(config, "blocking_collectives");
  if (number_or(config, "graph", 0) > 0) draft.launch = LaunchStyle::graph;
  if (!config.contains("devices")) return;
  for (const Json& device : config.at("devices")) {
    draft.ranks[number_or(device, "rank", 0)] = {number_or(device, "group", 0),
                                                 text_or(device, "hostname")};
  }
}

Printed printed_of(const Json& figures, const char* key) {
  const Json& value = member(figures, key);
  return value.is_number() ? printed(value.dump()) : Printed{};
}

std::string wrong_of(const Json& figures) {
  if (!figures.contains("nwrong") || !figures.at("nwrong").is_number()) return "N/A";
  return figures.at("nwrong").dump();
}

NcclRow row_of(const Json& result, int number, NcclDraft& draft) {
  const auto has = [&](const char* key) {
    return result.contains(key) && result.at(key).is_object();
  };
  NcclRow row;
  row.line = number;
  row.bytes = number_or(result, "size", 0);
  row.count = number_or(result, "count", 0);
  row.element_bytes = bytes_of_type(text_or(result, "type"));
  if (row.element_bytes == 0) throw Unlike{"'type' is no type of nccl-tests"};
  row.operation = text_or(result, "redop");
  const Json& figures = member(result, has("out_of_place") ? "out_of_place" : "in_place");
  const bool of_host = figures.is_object() && figures.contains("cpu_time");
  draft.columns.host_time |= of_host;
  row.time = printed_of(figures, of_host ? "cpu_time" : "time");
  row.algorithm = printed_of(figures, "alg_bw");
  row.bus = printed_of(figures, "bus_bw");
  for (const char* place : {"out_of_place", "in_place"}) {
    if (has(place)) row.wrong.push_back(wrong_of(result.at(place)));
  }
  return row;
}

NcclDraft draft_of(const Json& json) {
  NcclDraft draft;
  draft.columns.counts_wrong = true;
  if (json.contains("args") && json.at("args").is_array() && !json.at("args").empty()) {
    const Json& program = json.at("args").front();
    const std::string name = program.is_string() ? program.get<std::string>() : "";
    draft.name = test_in_line("# Collective test starting: " + name);
  }
  if (json.contains("config")) take_settings(json.at("config"), draft);
  const Json& results = member(json, "results");
  if (!results.is_array()) throw Unlike{"'results' must be a list"};
  int number = 0;
  for (const Json& result : results) draft.rows.push_back(row_of(result, ++number, draft));
  if (draft.rows.empty()) throw Unlike{"'results' is empty"};
  return draft;
}

Diagnostic fault_in(const std::string& file, std::string what) {
  return {{file, 0, 0}, "", std::move(what), "", "give what nccl-tests wrote with -J, or printed"};
}

}  // namespace

bool is_nccl_json(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string::npos && text[first] == '{';
}

Result<NcclLog> parse_nccl_json(const std::string& text, const std::string& file,
                                const std::string& kind) {
  NcclDraft draft;
  const auto fault = read_json(text, [&](const Json& json) { draft = draft_of(json); });
  if (fault) return fault_in(file, *fault);
  NcclLog log;
  Diagnostics faults;
  const std::string name = file.substr(file.find_last_of('/') + 1);
  finish_run(draft, {file, test_in_name(name), test_in_name(kind)}, log, faults);
  if (!faults.empty()) return faults;
  return log;
}

}  // namespace lockstep::tools

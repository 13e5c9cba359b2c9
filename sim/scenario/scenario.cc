#include "sim/scenario/scenario.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "sim/base/text.h"
#include "sim/program/program.h"
#include "sim/scenario/batch_section.h"
#include "sim/scenario/checker.h"
#include "sim/scenario/expect_section.h"
#include "sim/scenario/hardware_section.h"
#include "sim/scenario/model_section.h"
#include "sim/scenario/server_flags.h"
#include "sim/scenario/settings.h"

namespace lockstep {
namespace {

// Keys of other kinds of files, and files that are none of ours: one clear sentence instead of a
// fault for every key.
bool is_scenario(Checker& checker, const Node& root) {
  const Node* plan = root.find("plan");
  if (plan != nullptr) {
    checker.fault(*plan, "this is a plan file, not a scenario",
                  "only check, replay and plan accept plan files");
  } else if (!root.is_map() || root.find("lockstep") == nullptr) {
    checker.fault(root, "this is not a scenario: 'lockstep: 1' is missing",
                  "write 'lockstep: 1' at the top");
  } else {
    return true;
  }
  return false;
}

// With faults in `parallel`, the batch decides, so that no fault is reported for its consequences.
int shards_of_lists(const Node& root) {
  const Node* batch = root.find("batch");
  const Node* steps = root.find("steps");
  if (batch == nullptr && steps != nullptr && !steps->items.empty()) batch = &steps->items[0];
  if (batch == nullptr) return 1;
  for (const char* name : {"tokens", "requests", "forward_mode"}) {
    const Node* list = batch->find(name);
    if (list != nullptr && list->is_sequence()) return static_cast<int>(list->items.size());
  }
  return 1;
}

// Keys that say what to lower: a program says what is done by itself.
void refuse_lowering_keys(Checker& checker, const Node& root) {
  for (const char* name : {"model", "serving", "parallel", "batch"}) {
    if (const Node* value = root.find(name)) {
      checker.fault(*value, fmt::format("a scenario has a program or '{}', not both", name));
    }
  }
}

void read_parallel_and_batch(Checker& checker, const Node& root, LoweringInput& input) {
  const std::size_t before = checker.faults_so_far();
  input.parallel = read_parallel(checker, root);
  const bool sound = checker.faults_so_far() == before;
  const int shards = sound ? shard_count(input.parallel) : shards_of_lists(root);
  input.steps = read_steps(checker, root, shards);
}

Scenario read_scenario(Checker& checker, FaultList& faults, const Node& root,
                       const std::string& file) {
  Scenario scenario;
  int version = 0;
  checker.refuse_unknown_keys(root, "");
  checker.read(root, "", "lockstep", version);
  scenario.name = std::filesystem::path(file).stem().string();
  checker.read(root, "", "name", scenario.name);
  checker.read(root, "", "about", scenario.about);
  checker.read(root, "", "seed", scenario.input.seed);
  scenario.expect = read_expect(checker, root);
  scenario.bug = read_bug(checker, root);
  scenario.patches = patches_of(root);
  check_patches(checker, root);
  read_hardware(checker, root, scenario);
  if (root.find("program") != nullptr) {
    refuse_lowering_keys(checker, root);
    Result<Plan> program = read_program(checker.document(), scenario.name, scenario.input.seed);
    if (!program) faults.add_all(program.faults());
    if (program) scenario.program = std::move(*program);
    return scenario;
  }
  if (const Node* model = root.find("model")) {
    if (auto read = read_model(checker, faults, *model, file)) scenario.input.model = *read;
  } else {
    checker.fault(root, "'model' is missing: what is computed", "for example 'model: kimi-k2.6'");
  }
  scenario.input.serving = read_serving(checker, root);
  read_parallel_and_batch(checker, root, scenario.input);
  scenario.input.name = scenario.name;
  scenario.input.gpu = scenario.hardware.generation;
  scenario.input.gpus_per_node = static_cast<int>(scenario.hardware.node.host_gpus);
  return scenario;
}

Result<Scenario> check_scenario(Document document, const std::vector<Setting>& settings) {
  FaultList faults;
  apply_settings(document.root, settings, faults);
  const std::vector<std::string> written = as_written(settings);
  Checker checker(document, faults, written);
  if (!is_scenario(checker, document.root)) return faults.take_sorted();
  Scenario scenario = read_scenario(checker, faults, document.root, document.file);
  if (!faults.empty()) return faults.take_sorted();
  scenario.source = std::move(document);
  return scenario;
}

// "steps[0].tokens" and "steps.0.tokens" are the same path.
std::vector<std::string> path_parts(std::string path) {
  for (char& c : path) {
    if (c == '[' || c == ']') c = '.';
  }
  std::vector<std::string> parts;
  for (std::string& part : split(path, '.')) {
    if (!part.empty()) parts.push_back(std::move(part));
  }
  return parts;
}

// The node of the longest prefix of `path` that the file has; nullptr if it has none of it.
const Node* node_at(const Node& root, const std::string& path) {
  const Node* node = &root;
  for (const std::string& part : path_parts(path)) {
    const Node* next = node->find(part);
    const auto index = parse_integer(part);
    const bool in_list = node->is_sequence() && index && *index >= 0 &&
                         *index < static_cast<long long>(node->items.size());
    if (in_list) next = &node->items[static_cast<std::size_t>(*index)];
    if (next == nullptr) break;
    node = next;
  }
  return node == &root ? nullptr : node;
}

}  // namespace

Result<Scenario> parse_scenario(std::string text, const std::string& file,
                                const std::vector<Setting>& settings) {
  Result<Document> document = parse_yaml(std::move(text), file);
  if (!document) return document.faults();
  return check_scenario(std::move(*document), settings);
}

Result<Scenario> parse_scenario(Document document, const std::vector<Setting>& settings) {
  return check_scenario(std::move(document), settings);
}

Result<Scenario> load_scenario(const std::string& path, const std::vector<Setting>& settings) {
  Result<Document> document = read_yaml(path);
  if (!document) return document.faults();
  return check_scenario(std::move(*document), settings);
}

Result<Scenario> with_settings(const Scenario& scenario, const std::vector<Setting>& settings) {
  Document document = scenario.source;
  forget_settings(document.root);
  return check_scenario(std::move(document), settings);
}

Result<Plan> lower(const Scenario& scenario) {
  if (scenario.program) return *scenario.program;
  Result<Plan> plan = lower(scenario.input);
  if (plan) return plan;
  Diagnostics faults = plan.faults();
  for (Diagnostic& fault : faults) {
    fault.place.file = scenario.source.file;
    const Node* node = node_at(scenario.source.root, fault.path);
    if (node == nullptr || node->line <= 0) continue;
    const Diagnostic placed = scenario.source.fault(*node, {});
    fault.place = placed.place;
    fault.source_line = placed.source_line;
  }
  return faults;
}

}  // namespace lockstep

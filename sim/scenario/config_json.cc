#include "sim/scenario/config_json.h"

#include <algorithm>

#include "sim/base/text.h"
#include "sim/scenario/config_tables.h"
#include "sim/scenario/keys.h"

namespace lockstep {
namespace {

// The node at `path` ("rope_parameters.rope_theta"); nullptr if there is none.
const Node* find_below(const Node* node, std::string_view path) {
  for (const std::string& name : split(path, '.')) {
    if (node == nullptr) return nullptr;
    node = node->find(name);
  }
  return node;
}

std::string text_below(const Node& node, std::string_view path) {
  const Node* found = find_below(&node, path);
  return found != nullptr && found->is_scalar() ? found->text : std::string();
}

const Node& text_part(const Node& file) {
  const Node* text = file.find("text_config");
  return text != nullptr && text->is_map() ? *text : file;
}

Node scalar_at(const Node& place, std::string_view text) {
  Node node;
  node.kind = Node::Kind::scalar;
  node.text = std::string(text);
  node.line = place.line;
  node.column = place.column;
  return node;
}

// The first of `names` that `map` has; nullptr if it has none.
const Node* first_of(const Node& map, std::string_view names) {
  for (const std::string& name : split(names, '|')) {
    if (const Node* found = find_below(&map, name)) return found;
  }
  return nullptr;
}

void add(Node& map, std::string_view key, Node value) {
  map.keys.push_back(scalar_at(value, key));
  map.items.push_back(std::move(value));
}

// Adds to `kept` what `part` has for `rule`.
void take(const Node& part, const PublishedKey& rule, Node& kept) {
  if (!rule.only_if.empty()) {
    const Node* condition = part.find(rule.only_if);
    if (condition == nullptr || !condition->as_bool().value_or(false)) return;
  }
  const Node* found = rule.names.empty() ? nullptr : first_of(part, rule.names);
  const KeyType type = find_key("model", rule.key)->type;
  if (found != nullptr && found->is_null()) {
    if (type == KeyType::integer || type == KeyType::integer_list) return;
    if (type == KeyType::boolean) return add(kept, rule.key, scalar_at(*found, "false"));
    found = nullptr;
  }
  if (found != nullptr) {
    add(kept, rule.key, *found);
  } else if (!rule.fallback.empty()) {
    add(kept, rule.key, scalar_at(part, rule.fallback));
  }
}

// compressed-tensors: "int4" of 4-bit integers, "fp8" of 8-bit floats. Two formats of 4-bit floats
// differ in the size of their groups.
std::string compressed_tensors(const Node& config) {
  const std::string group = "config_groups.group_0.weights.";
  const std::string type = text_below(config, group + "type");
  const std::string bits = text_below(config, group + "num_bits");
  if (type == "float" && bits == "8") return "fp8";
  if (type == "float" && bits == "4") {
    return text_below(config, group + "group_size") == "32" ? "mxfp4" : "nvfp4";
  }
  return type.empty() || bits.empty() ? "compressed-tensors" : type + bits;
}

std::string modelopt(const Node& config) {
  std::string algorithm = text_below(config, "quant_algo");
  if (algorithm.empty()) algorithm = text_below(config, "quantization.quant_algo");
  if (algorithm == "NVFP4") return "nvfp4";
  return algorithm == "FP8" ? "fp8" : "modelopt";
}

}  // namespace

const Node* architectures_of(const Node& file) {
  for (const Node* part : {&file, &text_part(file)}) {
    const Node* list = part->find("architectures");
    if (list != nullptr && !list->is_null()) return list;
  }
  return nullptr;
}

Node model_keys_of(const Node& file, std::string_view architecture) {
  const Node& part = text_part(file);
  Node kept = part;
  kept.keys.clear();
  kept.items.clear();
  const PublishedModel* model = find_published_model(architecture);
  const auto own = model == nullptr ? std::span<const PublishedKey>() : model->keys;
  for (const PublishedKey& rule : common_published_keys()) {
    if (std::ranges::count(own, rule.key, &PublishedKey::key) == 0) take(part, rule, kept);
  }
  for (const PublishedKey& rule : own) take(part, rule, kept);
  return kept;
}

std::string quantization_of(Checker& checker, const Node& file) {
  const Node* config = file.find("quantization_config");
  if (config == nullptr) config = text_part(file).find("quantization_config");
  if (config == nullptr || config->is_null()) return "none";
  if (!checker.is_map(*config, "quantization_config")) return "none";
  const std::string method = text_below(*config, "quant_method");
  if (method == "compressed-tensors") return compressed_tensors(*config);
  if (method == "modelopt_fp4") return "nvfp4";
  const bool unnamed = method.empty() && !text_below(*config, "quant_algo").empty();
  if (method == "modelopt" || unnamed) return modelopt(*config);
  if (method.empty()) {
    checker.fault(*config, "'quantization_config' names no 'quant_method'",
                  "such as fp8, compressed-tensors, modelopt, mxfp4, awq or gptq");
    return "none";
  }
  return method;
}

}  // namespace lockstep

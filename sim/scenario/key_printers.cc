// The key table as Markdown and as JSON Schema.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "sim/base/text.h"
#include "sim/scenario/keys.h"

namespace lockstep {
namespace {

using Json = nlohmann::ordered_json;

std::string range_text(const Key& key, std::string_view noun) {
  if (key.least == key.most) return fmt::format("{}", key.least);
  if (key.most == INT64_MAX) return fmt::format("{} of at least {}", noun, key.least);
  return fmt::format("{} from {} to {}", noun, key.least, key.most);
}

std::string choice_text(const Key& key) { return fmt::format("{}", join(choices_of(key), ", ")); }

Json integer_schema(const Key& key) {
  return {{"type", "integer"}, {"minimum", key.least}, {"maximum", key.most}};
}

Json choice_schema(const Key& key) { return {{"enum", choices_of(key)}}; }

Json list_schema(Json items) { return {{"type", "array"}, {"items", std::move(items)}}; }

// A map of any names.
Json object_schema(Json values) {
  return {{"type", "object"}, {"additionalProperties", std::move(values)}};
}

Json either(Json a, Json b) { return {{"anyOf", {std::move(a), std::move(b)}}}; }

Json value_schema(const Key& key);

// The steps of a program.
Json program_steps_schema() {
  return list_schema({{"type", "object"},
                      {"properties", {{"tokens", Json::object()}, {"graph", Json::object()}}},
                      {"additionalProperties", false}});
}

Json map_schema(std::string_view section) {
  Json properties = Json::object();
  for (const Key& key : all_keys()) {
    if (key.section() == section) properties[std::string(key.name())] = value_schema(key);
  }
  return {{"type", "object"}, {"additionalProperties", false}, {"properties", properties}};
}

Json type_schema(const Key& key) {
  const Json text = {{"type", "string"}};
  switch (key.type) {
    case KeyType::text:
      return text;
    case KeyType::integer:
      return integer_schema(key);
    case KeyType::number:
      return {{"type", "number"}};
    case KeyType::boolean:
      return {{"type", "boolean"}};
    case KeyType::choice:
      return choice_schema(key);
    case KeyType::toggle:
      return {{"enum", {"auto", true, false}}};
    case KeyType::map:
      return map_schema(key.path);
    case KeyType::text_map:
      return {{"type", "object"}};
    case KeyType::preset_or_map:
      return either(text, map_schema(key.path));
    case KeyType::revision:
    case KeyType::factor:
      return {{"type", {"string", "integer"}}};
    case KeyType::integer_or_list:
      return either(integer_schema(key), list_schema(integer_schema(key)));
    case KeyType::choice_or_list:
      return either(choice_schema(key), list_schema(choice_schema(key)));
    case KeyType::integer_list:
      return list_schema(integer_schema(key));
    case KeyType::text_list:
      return list_schema(text);
    case KeyType::requests:
      return list_schema(list_schema(map_schema(key.path)));
    case KeyType::batches:
      return either(list_schema(map_schema("batch")), program_steps_schema());
    case KeyType::layers:
      return either({{"type", {"string", "integer"}}}, list_schema({{"type", "integer"}}));
    case KeyType::violations:
      return list_schema(map_schema("expect.first"));
    case KeyType::program:
      return Json::object();
    case KeyType::text_or_list:
      return either(text, list_schema(text));
    case KeyType::settings:
      return {{"type", "object"}};
    case KeyType::line_map:
      return object_schema({{"type", "object"}});
    case KeyType::lines_map:
      return object_schema(list_schema({{"type", "object"}}));
    case KeyType::expectation:
      return map_schema("expect");
    case KeyType::patches:
      return list_schema(map_schema("fix"));
  }
  return text;
}

Json value_schema(const Key& key) {
  Json schema = {{"description", key.meaning}};
  schema.update(type_schema(key));
  return schema;
}

// A cell of a Markdown table: `|` would end it.
std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

}  // namespace

std::string type_text(const Key& key) {
  switch (key.type) {
    case KeyType::text:
      return "text";
    case KeyType::integer:
      return range_text(key, "an integer");
    case KeyType::number:
      return "a number";
    case KeyType::boolean:
      return "true or false";
    case KeyType::choice:
      return "one of " + choice_text(key);
    case KeyType::toggle:
      return "one of auto, true, false";
    case KeyType::map:
      return "a map";
    case KeyType::text_map:
      return "a map of names to expressions";
    case KeyType::preset_or_map:
      return "the name of a preset or a map";
    case KeyType::revision:
      return "a pull request's number, the same with ^, an ISO date or latest";
    case KeyType::integer_or_list:
      return range_text(key, "an integer") + ", or a list of them";
    case KeyType::choice_or_list:
      return "one of " + choice_text(key) + ", or a list of them";
    case KeyType::integer_list:
      return "a list of integers from " + fmt::format("{} to {}", key.least, key.most);
    case KeyType::text_list:
      return "a list of names";
    case KeyType::requests:
      return "a list of lists of requests";
    case KeyType::batches:
      return "a list of batches";
    case KeyType::layers:
      return "a layer, a range such as 0-60, or a list of layers";
    case KeyType::factor:
      return "an integer or a fraction such as 1/4";
    case KeyType::violations:
      return "a list of violations";
    case KeyType::program:
      return "see Programs";
    case KeyType::text_or_list:
      return "text, or a list of texts";
    case KeyType::settings:
      return "a map of paths to values";
    case KeyType::line_map:
      return "a map of names to lines";
    case KeyType::lines_map:
      return "a map of names to lists of lines";
    case KeyType::expectation:
      return "a map with the keys of `expect`";
    case KeyType::patches:
      return "a list of maps with the keys of `fix`";
  }
  return "text";
}

std::string key_table() {
  std::string table = "| key | type | default | unit | source | meaning |\n";
  table += "|---|---|---|---|---|---|\n";
  for (const Key& key : all_keys()) {
    table += fmt::format("| `{}` | {} | {} | {} | {} | {} |\n", key.path, cell(type_text(key)),
                         cell(key.fallback), key.unit, key.source, cell(key.meaning));
  }
  return table;
}

std::string json_schema() {
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                 {"title", "Lockstep scenario"}};
  schema.update(map_schema(""));
  schema["required"] = {"lockstep"};
  schema["oneOf"] = {Json{{"required", {"model", "batch"}}}, Json{{"required", {"model", "steps"}}},
                     Json{{"required", {"program"}}}};
  return schema.dump(2) + "\n";
}

}  // namespace lockstep

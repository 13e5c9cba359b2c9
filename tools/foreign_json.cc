#include "tools/foreign_json.h"

#include <fmt/format.h>

namespace lockstep::tools {

using Json = nlohmann::ordered_json;

const Json& member(const Json& json, const char* key) {
  if (!json.is_object() || !json.contains(key)) throw Unlike{fmt::format("'{}' is missing", key)};
  return json[key];
}

std::string text_of(const Json& json, const char* key) {
  const Json& value = member(json, key);
  if (!value.is_string()) throw Unlike{fmt::format("'{}' must be a text", key)};
  return value;
}

double number_of(const Json& json, const char* key) {
  const Json& value = member(json, key);
  if (!value.is_number()) throw Unlike{fmt::format("'{}' must be a number", key)};
  return value;
}

std::optional<std::string> read_json(const std::string& text,
                                     const std::function<void(const Json& json)>& read) {
  try {
    read(Json::parse(text));
  } catch (const Json::parse_error& error) {
    return fmt::format("not JSON, from its byte {} on", error.byte);
  } catch (const Json::out_of_range&) {
    return "a number in it is too large";
  } catch (const Unlike& unlike) {
    return unlike.what;
  }
  return std::nullopt;
}

}  // namespace lockstep::tools

// JSON files that others may have written: what is not as it should be is told in words.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace lockstep::tools {

// Thrown where a file is not as its kind of file is.
struct Unlike {
  std::string what;
};

// All throw Unlike.
const nlohmann::ordered_json& member(const nlohmann::ordered_json& json, const char* key);
std::string text_of(const nlohmann::ordered_json& json, const char* key);
double number_of(const nlohmann::ordered_json& json, const char* key);

// Calls `read` with what `text` holds. What is wrong with the text, or what `read` throws as
// Unlike, in words; nothing if it went well.
std::optional<std::string> read_json(
    const std::string& text, const std::function<void(const nlohmann::ordered_json& json)>& read);

}  // namespace lockstep::tools

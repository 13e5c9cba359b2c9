// Small text helpers shared by messages and printers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

// The candidate with the smallest edit distance to `name`, if it is near enough to be a likely
// misspelling (distance at most a third of the longer length, at least 1); ties go to the first.
std::optional<std::string> nearest(std::string_view name,
                                   const std::vector<std::string>& candidates);

std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::vector<std::string> split(std::string_view text, char separator);

// "1,048,576".
std::string with_commas(std::int64_t number);

// A whole decimal integer (optional '-', no '+', no spaces); nullopt otherwise or out of range.
std::optional<long long> parse_integer(std::string_view text);

}  // namespace lockstep

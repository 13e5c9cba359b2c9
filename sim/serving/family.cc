#include "sim/serving/family.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "sim/base/require.h"
#include "sim/base/text.h"

namespace lockstep {
namespace {

bool is_word_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// True if `word` stands in the file's line of architectures, not as a part of a longer word. Spares
// parsing every family for one architecture.
bool names_architecture(std::string_view text, std::string_view word) {
  constexpr std::string_view kKey = "\narchitectures:";
  const std::size_t begin = text.find(kKey);
  if (word.empty() || begin == std::string_view::npos) return false;
  text = text.substr(begin + kKey.size());
  text = text.substr(0, text.find('\n'));
  for (std::size_t at = text.find(word); at != std::string_view::npos;
       at = text.find(word, at + 1)) {
    const bool starts = at == 0 || !is_word_character(text[at - 1]);
    const std::size_t end = at + word.size();
    if (starts && (end == text.size() || !is_word_character(text[end]))) return true;
  }
  return false;
}

// REQUIRES: a shipped family is right, its architectures on one line; a test reads them all.
Family parsed(const FamilyText& file) {
  const Result<Document> document =
      parse_yaml(std::string(file.text), fmt::format("family {}", file.name));
  LOCKSTEP_ASSERT(static_cast<bool>(document));
  Result<Family> family = read_family(*document);
  LOCKSTEP_ASSERT(static_cast<bool>(family));
  return std::move(*family);
}

}  // namespace

Result<Family> family_of(std::string_view architecture) {
  for (const FamilyText& file : family_texts()) {
    if (names_architecture(file.text, architecture)) return parsed(file);
  }
  const std::vector<std::string> known = modelled_architectures();
  Diagnostic fault;
  fault.path = "model.architecture";
  fault.message = fmt::format("the model family of `{}` is not modelled yet", architecture);
  const auto near = nearest(architecture, known);
  fault.hint = fmt::format("{}{}; or describe the family in a file and name it in serving.family",
                           near ? fmt::format("the nearest that is: {}; ", *near) : std::string{},
                           "modelled are " + join(known, ", "));
  return fault;
}

bool is_modelled(std::string_view architecture) {
  return std::ranges::any_of(family_texts(), [architecture](const FamilyText& file) {
    return names_architecture(file.text, architecture);
  });
}

std::vector<std::string> modelled_architectures() {
  std::vector<std::string> all;
  for (const FamilyText& file : family_texts()) {
    for (std::string& name : parsed(file).architectures) all.push_back(std::move(name));
  }
  std::ranges::sort(all);
  return all;
}

}  // namespace lockstep

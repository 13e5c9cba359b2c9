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

// True if `word` stands in `text`, not as a part of a longer word. Spares parsing every family for
// one architecture.
bool mentions(std::string_view text, std::string_view word) {
  for (std::size_t at = text.find(word); at != std::string_view::npos;
       at = text.find(word, at + 1)) {
    const bool starts = at == 0 || !is_word_character(text[at - 1]);
    const std::size_t end = at + word.size();
    if (starts && (end == text.size() || !is_word_character(text[end]))) return true;
  }
  return false;
}

// REQUIRES: a shipped family is right; a test reads them all.
Family parsed(const FamilyText& file) {
  const Result<Document> document =
      parse_yaml(std::string(file.text), fmt::format("family {}", file.name));
  LOCKSTEP_ASSERT(static_cast<bool>(document));
  Result<Family> family = read_family(*document);
  LOCKSTEP_ASSERT(static_cast<bool>(family));
  return std::move(*family);
}

bool names(const Family& family, std::string_view architecture) {
  return std::ranges::find(family.architectures, architecture) != family.architectures.end();
}

}  // namespace

Result<Family> family_of(std::string_view architecture) {
  if (!architecture.empty()) {
    for (const FamilyText& file : family_texts()) {
      if (!mentions(file.text, architecture)) continue;
      Family family = parsed(file);
      if (names(family, architecture)) return family;
    }
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

std::vector<std::string> modelled_architectures() {
  std::vector<std::string> all;
  for (const FamilyText& file : family_texts()) {
    for (std::string& name : parsed(file).architectures) all.push_back(std::move(name));
  }
  std::ranges::sort(all);
  return all;
}

}  // namespace lockstep

#include "sim/scenario/shell_words.h"

#include <fmt/format.h>

#include <optional>
#include <string_view>
#include <utility>

namespace lockstep {
namespace {

Diagnostic refusal(std::string message, std::string hint) {
  Diagnostic fault;
  fault.place.file = "command line";
  fault.message = std::move(message);
  fault.hint = std::move(hint);
  return fault;
}

class Splitter {
 public:
  explicit Splitter(std::string_view text) : text_(text) {}

  Result<std::vector<std::string>> split() {
    while (at_ < text_.size()) {
      if (std::optional<Diagnostic> fault = step()) return std::move(*fault);
    }
    end_word();
    return std::move(words_);
  }

 private:
  std::optional<Diagnostic> step() {
    const char c = text_[at_++];
    if (c == '\'' || c == '"') return quoted(c);
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      end_word();
    } else if (std::string_view("|&;<>").find(c) != std::string_view::npos) {
      return refusal(fmt::format("'{}' is a shell operator; one plain command is read", c),
                     "leave out pipes and redirections");
    } else if (c == '\\') {
      escaped();
    } else {
      add(c);
    }
    return std::nullopt;
  }

  std::optional<Diagnostic> quoted(char quote) {
    word_ = word_ ? word_ : std::string();
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == quote) return std::nullopt;
      const bool escape = quote == '"' && c == '\\' && at_ < text_.size() &&
                          std::string_view("\"\\$`").find(text_[at_]) != std::string_view::npos;
      add(escape ? text_[at_++] : c);
    }
    return refusal(fmt::format("a {} is not closed", quote), "add the closing quote");
  }

  void escaped() {
    if (at_ == text_.size()) return;
    if (text_.substr(at_).starts_with("\r\n")) ++at_;
    const char c = text_[at_++];
    if (c != '\n') add(c);
  }

  void add(char c) {
    if (!word_) word_.emplace();
    *word_ += c;
  }
  void end_word() {
    if (word_) words_.push_back(std::move(*word_));
    word_.reset();
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::optional<std::string> word_;
  std::vector<std::string> words_;
};

}  // namespace

Result<std::vector<std::string>> shell_words(const std::string& command_line) {
  return Splitter(command_line).split();
}

}  // namespace lockstep

#include "sim/scenario/shell_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <string_view>
#include <utility>

namespace lockstep {
namespace {

class Splitter {
 public:
  Splitter(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  Result<std::vector<ShellCommand>> split() {
    while (at_ < text_.size()) {
      if (std::optional<Diagnostic> fault = step()) return std::move(*fault);
    }
    end_command();
    return std::move(commands_);
  }

 private:
  using Fault = std::optional<Diagnostic>;

  Fault step() {
    const std::size_t start = at_;
    const char c = text_[at_++];
    begin_line(c);
    if (c == '\'' || c == '"') return quoted(c, start);
    if (c == '$' || c == '`') return expansion(c, start);
    if (c == '>' || c == '<') return redirection(c, start);
    if (c == '\\') {
      escaped();
    } else if (c == '#' && !word_) {
      skip_line();
    } else if (c == '\n') {
      end_word();
      line_ended_ = true;
    } else if (c == ' ' || c == '\t' || c == '\r' || (c == '&' && peek() == '>')) {
      end_word();
    } else if (c == ';' || c == '&' || c == '|') {
      end_command();
    } else {
      add(c);
    }
    return std::nullopt;
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  Fault quoted(char quote, std::size_t start) {
    begin_word();
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == quote) return std::nullopt;
      const bool escape = quote == '"' && c == '\\' && at_ < text_.size();
      if (escape && peek() == '\n') {
        ++at_;
      } else if (escape && std::string_view("\"\\$`").find(peek()) != std::string_view::npos) {
        add(text_[at_++]);
      } else {
        add(c);
      }
    }
    return fault(start, fmt::format("a {} is not closed", quote), "add the closing quote");
  }

  // $(...), ${...} and `...` are kept whole, so that what is in them makes no words.
  Fault expansion(char c, std::size_t start) {
    add(c);
    const char open = c == '`' ? '`' : peek();
    if (c == '$' && open != '(' && open != '{') return std::nullopt;
    const char close = open == '(' ? ')' : open == '{' ? '}' : '`';
    if (c == '$') add(text_[at_++]);
    int depth = 1;
    while (at_ < text_.size() && depth > 0) {
      const char next = text_[at_++];
      if (next == close) {
        --depth;
      } else if (next == open) {
        ++depth;
      }
      add(next);
    }
    if (depth == 0) return std::nullopt;
    return fault(start, fmt::format("a {} is not closed", open), fmt::format("add the {}", close));
  }

  Fault redirection(char c, std::size_t start) {
    if (c == '<' && peek() == '<') {
      return fault(start, "a here-document is not read", "give the command alone");
    }
    const bool is_descriptor = word_ && std::ranges::all_of(*word_, [](unsigned char digit) {
                                 return std::isdigit(digit) != 0;
                               });
    if (is_descriptor) word_.reset();
    end_word();
    while (peek() == '>' || peek() == '&') ++at_;
    drops_next_ = true;
    return std::nullopt;
  }

  void escaped() {
    std::size_t end = at_;
    while (end < text_.size() &&
           std::string_view(" \t\r").find(text_[end]) != std::string_view::npos) {
      ++end;
    }
    if (end == text_.size() || text_[end] == '\n') {  // blanks behind the backslash are a slip
      at_ = std::min(end + 1, text_.size());
    } else {
      add(text_[at_++]);
    }
  }

  void skip_line() {
    while (at_ < text_.size() && text_[at_] != '\n') ++at_;
  }

  // A new line ends the command, unless its first word begins with a dash.
  void begin_line(char c) {
    const bool says_nothing = std::string_view(" \t\r\n\\#").find(c) != std::string_view::npos;
    if (!line_ended_ || says_nothing) return;
    line_ended_ = false;
    if (c != '-') end_command();
  }

  void begin_word() {
    if (word_) return;
    word_.emplace();
    if (command_.words.empty()) command_.line = line_of_word();
  }
  void add(char c) {
    begin_word();
    *word_ += c;
  }
  void end_word() {
    if (word_ && !drops_next_) command_.words.push_back(std::move(*word_));
    if (word_) drops_next_ = false;
    word_.reset();
  }
  void end_command() {
    end_word();
    drops_next_ = false;
    if (!command_.words.empty()) commands_.push_back(std::move(command_));
    command_ = {};
  }

  int line_of_word() {
    line_ += static_cast<int>(std::ranges::count(text_.substr(counted_, at_ - counted_), '\n'));
    counted_ = at_;
    return line_;
  }

  Diagnostic fault(std::size_t at, std::string message, std::string hint) {
    const auto lines = std::ranges::count(text_.substr(0, at), '\n');
    const std::size_t before = text_.substr(0, at).rfind('\n');
    const std::size_t start = before == std::string_view::npos ? 0 : before + 1;
    return {{file_, static_cast<int>(lines) + 1, static_cast<int>(at - start) + 1},
            "",
            std::move(message),
            "",
            std::move(hint)};
  }

  std::string_view text_;
  const std::string& file_;
  std::size_t at_ = 0;
  int line_ = 1;
  std::size_t counted_ = 0;
  bool drops_next_ = false;
  bool line_ended_ = false;
  std::optional<std::string> word_;
  ShellCommand command_;
  std::vector<ShellCommand> commands_;
};

}  // namespace

Result<std::vector<ShellCommand>> shell_commands(const std::string& text, const std::string& file) {
  return Splitter(text, file).split();
}

}  // namespace lockstep

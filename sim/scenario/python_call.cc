#include "sim/scenario/python_call.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

#include "sim/base/text.h"

namespace lockstep {
namespace {

bool is_quote(char c) { return c == '\'' || c == '"'; }
bool is_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// The length of the value that `text` starts with, up to a comma or a closing bracket outside
// brackets and quotes; nullopt if the text ends before that.
std::optional<std::size_t> value_length(std::string_view text) {
  std::size_t depth = 0;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      if (c == '\\') {
        ++i;
      } else if (c == quote) {
        quote = 0;
      }
    } else if (is_quote(c)) {
      quote = c;
    } else if (c == '(' || c == '[' || c == '{') {
      ++depth;
    } else if (c == ')' || c == ']' || c == '}') {
      if (depth == 0) return i;
      --depth;
    } else if (c == ',' && depth == 0) {
      return i;
    }
  }
  return std::nullopt;
}

// The characters that Python escapes when it prints a text; the rest stay as they were printed.
std::string unescaped(std::string_view text) {
  constexpr std::string_view kEscapes = "\\'\"nt";
  constexpr std::string_view kMeanings = "\\'\"\n\t";
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t escape = text[i] == '\\' && i + 1 < text.size() ? kEscapes.find(text[i + 1])
                                                                      : std::string_view::npos;
    plain += escape == std::string_view::npos ? text[i] : kMeanings[escape];
    if (escape != std::string_view::npos) ++i;
  }
  return plain;
}

bool is_one_text(std::string_view literal) {
  if (literal.size() < 2 || !is_quote(literal.front())) return false;
  std::size_t i = 1;
  while (i < literal.size() && literal[i] != literal.front()) i += literal[i] == '\\' ? 2 : 1;
  return i + 1 == literal.size();
}

bool is_number(std::string_view literal) {
  const bool starts =
      !literal.empty() && (std::isdigit(static_cast<unsigned char>(literal[0])) != 0 ||
                           literal[0] == '-' || literal[0] == '.');
  return starts && std::ranges::all_of(literal, [](char c) {
           return is_name(c) || c == '.' || c == '-' || c == '+';
         });
}

PythonValue scalar(std::string_view literal) {
  using Kind = PythonValue::Kind;
  if (literal == "None") return {};
  if (literal == "True") return {Kind::truth, "true", {}};
  if (literal == "False") return {Kind::truth, "false", {}};
  if (is_one_text(literal)) {
    return {Kind::scalar, unescaped(literal.substr(1, literal.size() - 2)), {}};
  }
  return {is_number(literal) ? Kind::scalar : Kind::other, std::string(literal), {}};
}

PythonValue value_of(std::string_view literal) {
  literal = trimmed(literal);
  const bool is_list = literal.size() >= 2 && ((literal.front() == '[' && literal.back() == ']') ||
                                               (literal.front() == '(' && literal.back() == ')'));
  if (!is_list) return scalar(literal);
  PythonValue list{PythonValue::Kind::list, std::string(literal), {}};
  std::string_view rest = literal.substr(1);
  while (!rest.empty()) {
    const std::optional<std::size_t> length = value_length(rest);
    if (!length) break;
    const PythonValue item = scalar(trimmed(rest.substr(0, *length)));
    if (item.kind == PythonValue::Kind::other && !item.text.empty()) {
      return {PythonValue::Kind::other, std::string(literal), {}};
    }
    const bool is_item = item.kind != PythonValue::Kind::other;
    if (is_item) list.items.push_back(item.kind == PythonValue::Kind::none ? "None" : item.text);
    rest.remove_prefix(*length + 1);
  }
  return list;
}

class Reader {
 public:
  explicit Reader(std::string_view text) {
    std::ranges::copy_if(text, std::back_inserter(text_),
                         [](char c) { return c != '\n' && c != '\r'; });
  }

  PythonCall read() {
    while (step()) {
    }
    return std::move(call_);
  }

 private:
  // Reads one argument and what parts it from the next; false at the end.
  bool step() {
    skip_blanks();
    if (peek() == ')') {
      call_.closed = true;
      ++call_.end;
      return false;
    }
    if (text_.compare(call_.end, 3, "...") == 0) {
      call_.elided = true;
      call_.end += 3;
      return separator();
    }
    return argument() && separator();
  }

  bool argument() {
    std::size_t at = call_.end;
    while (at < text_.size() && is_name(text_[at])) ++at;
    const std::string name = text_.substr(call_.end, at - call_.end);
    while (at < text_.size() && text_[at] == ' ') ++at;
    if (name.empty() || at >= text_.size() || text_[at] != '=') return false;
    const std::string_view value = std::string_view(text_).substr(at + 1);
    const std::optional<std::size_t> length = value_length(value);
    if (!length) return false;
    call_.arguments.push_back({name, value_of(value.substr(0, *length))});
    call_.end = at + 1 + *length;
    return true;
  }

  bool separator() {
    skip_blanks();
    if (peek() != ',') return peek() == ')';
    ++call_.end;
    return true;
  }

  void skip_blanks() {
    while (peek() == ' ' || peek() == '\t') ++call_.end;
  }
  char peek() const { return call_.end < text_.size() ? text_[call_.end] : '\0'; }

  std::string text_;
  PythonCall call_;
};

}  // namespace

PythonCall read_python_call(std::string_view text) { return Reader(text).read(); }

}  // namespace lockstep

#include "sim/program/expression.h"

#include <fmt/format.h>

#include <array>
#include <cctype>

#include "sim/base/text.h"

namespace lockstep::program {
namespace {

constexpr std::size_t kMostCharacters = 1000;
constexpr int kDeepest = 40;

bool is_name_character(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

std::int64_t floor_of(Rational r) {
  const std::int64_t whole = r.numerator() / r.denominator();
  return whole - (r.numerator() % r.denominator() < 0 ? 1 : 0);
}

int sign_of(Rational r) { return r.numerator() < 0 ? -1 : r.numerator() > 0 ? 1 : 0; }

class Evaluator {
 public:
  Evaluator(std::string_view text, const Lookup& lookup) : text_(text), lookup_(lookup) {}

  Evaluated run() {
    if (text_.size() > kMostCharacters) return {0, "longer than 1,000 characters"};
    Rational value = disjunction();
    skip_spaces();
    if (fault_.empty() && at_ < text_.size()) fail(fmt::format("'{}'", text_.substr(at_)));
    if (fault_.empty() && value.overflowed()) fault_ = "the value does not fit in 64 bits";
    return {value, fault_};
  }

 private:
  void skip_spaces() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  void fail(const std::string& unexpected) {
    if (fault_.empty()) fault_ = "did not expect " + unexpected;
  }

  // Takes `token` if it comes next; a word only where it ends.
  bool take(std::string_view token) {
    skip_spaces();
    if (!text_.substr(at_).starts_with(token)) return false;
    const std::size_t end = at_ + token.size();
    const bool word = is_name_character(token.front());
    if (word && end < text_.size() && is_name_character(text_[end])) return false;
    at_ = end;
    return true;
  }

  Rational disjunction() {
    Rational value = conjunction();
    while (take("or")) {
      const Rational other = conjunction();
      value = sign_of(value) != 0 || sign_of(other) != 0 ? 1 : 0;
    }
    return value;
  }

  Rational conjunction() {
    Rational value = negation();
    while (take("and")) {
      const Rational other = negation();
      value = sign_of(value) != 0 && sign_of(other) != 0 ? 1 : 0;
    }
    return value;
  }

  Rational negation() {
    if (!take("not")) return comparison();
    if (++depth_ > kDeepest) return too_deep();
    const Rational value = negation();
    --depth_;
    return sign_of(value) == 0 ? 1 : 0;
  }

  Rational comparison() {
    const Rational left = sum();
    for (const std::string_view op :
         std::array<std::string_view, 6>{"==", "!=", "<=", ">=", "<", ">"}) {
      if (!take(op)) continue;
      const Rational difference = left - sum();
      if (difference.overflowed()) return difference;
      const int sign = sign_of(difference);
      const bool holds = op == "=="   ? sign == 0
                         : op == "!=" ? sign != 0
                         : op == "<=" ? sign <= 0
                         : op == ">=" ? sign >= 0
                         : op == "<"  ? sign < 0
                                      : sign > 0;
      return holds ? 1 : 0;
    }
    return left;
  }

  Rational sum() {
    Rational value = product();
    for (;;) {
      if (take("+")) {
        value = value + product();
      } else if (take("-")) {
        value = value - product();
      } else {
        return value;
      }
    }
  }

  Rational product() {
    Rational value = factor();
    for (;;) {
      const bool whole = take("//");
      const bool rest = !whole && take("%");
      if (!whole && !rest && take("*")) {
        value = value * factor();
      } else if (whole || rest || take("/")) {
        value = quotient(value, factor(), whole, rest);
      } else {
        return value;
      }
    }
  }

  Rational quotient(Rational value, Rational divisor, bool whole, bool rest) {
    if (divisor.is_zero()) {
      if (fault_.empty()) fault_ = "division by zero";
      return 0;
    }
    const Rational exact = value / divisor;
    if (exact.overflowed() || (!whole && !rest)) return exact;
    const Rational floor = floor_of(exact);
    return whole ? floor : value - floor * divisor;
  }

  Rational factor() {
    if (++depth_ > kDeepest) return too_deep();
    const Rational value = unnested_factor();
    --depth_;
    return value;
  }

  Rational too_deep() {
    if (fault_.empty()) fault_ = "nested deeper than 40";
    at_ = text_.size();
    return 0;
  }

  Rational unnested_factor() {
    if (take("-")) return Rational(0) - factor();
    if (take("(")) {
      const Rational value = disjunction();
      if (!take(")") && fault_.empty()) fault_ = "')' is missing";
      return value;
    }
    skip_spaces();
    std::size_t end = at_;
    while (end < text_.size() && is_name_character(text_[end])) ++end;
    const std::string_view word = text_.substr(at_, end - at_);
    if (word.empty()) {
      fail(at_ < text_.size() ? fmt::format("'{}'", text_.substr(at_)) : "the end");
      at_ = text_.size();
      return 0;
    }
    at_ = end;
    if (word == "true") return 1;
    if (word == "false") return 0;
    if (const auto number = parse_integer(word)) return Rational(*number);
    return named(word);
  }

  Rational named(std::string_view word) {
    std::string_view argument;
    if (take("(")) {
      const std::size_t end = text_.find(')', at_);
      if (end == std::string_view::npos) {
        if (fault_.empty()) fault_ = "')' is missing";
        at_ = text_.size();
        return 0;
      }
      argument = text_.substr(at_, end - at_);
      at_ = end + 1;
    }
    const auto value = lookup_(word, argument);
    if (!value && fault_.empty()) {
      fault_ = argument.empty() ? fmt::format("there is no '{}'", word)
                                : fmt::format("there is no '{}({})'", word, argument);
    }
    return value.value_or(0);
  }

  std::string_view text_;
  const Lookup& lookup_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::string fault_;
};

}  // namespace

Evaluated evaluate(std::string_view text, const Lookup& lookup) {
  return Evaluator(text, lookup).run();
}

}  // namespace lockstep::program

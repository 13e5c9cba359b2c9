// Expression::parse: recursive descent, types checked on the way, first fault reported.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "sim/base/text.h"
#include "sim/serving/expression.h"

namespace lockstep {
namespace {

bool is_name_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// What a subexpression is. A bare symbol gets its meaning from what it is compared with.
struct Typed {
  ValueType type = ValueType::boolean;
  std::optional<Input> input;    // the subexpression is this input
  std::optional<Symbol> symbol;  // the subexpression is this bare symbol
  std::size_t column = 0;
};

std::string_view to_string(ValueType type) {
  switch (type) {
    case ValueType::boolean:
      return "true or false";
    case ValueType::integer:
      return "a number";
    case ValueType::symbol:
      return "a named value";
  }
  return {};
}

std::string domain_text(Input input) {
  std::vector<std::string> names;
  for (const Symbol s : info(input).domain) names.emplace_back(lockstep::to_string(s));
  return join(names, ", ");
}

}  // namespace

class ExpressionParser {
 public:
  explicit ExpressionParser(std::string_view text) : text_(text) {}

  Result<Expression> run() {
    if (text_.size() > Expression::kMaxLength) {
      fail(0, fmt::format("expression longer than {} characters", Expression::kMaxLength));
    } else {
      advance();
      const Typed whole = disjunction();
      if (!token_.empty()) fail(column_, fmt::format("`{}` is not expected here", token_));
      want(whole, ValueType::boolean, "a rule");
    }
    if (fault_) return *fault_;
    expression_.text_ = text_;
    return std::move(expression_);
  }

 private:
  using Op = Expression::Op;

  void fail(std::size_t column, std::string message, std::string hint = {}) {
    if (fault_) return;
    fault_ = Diagnostic{};
    fault_->message = fmt::format("{} (column {} of `{}`)", message, column + 1,
                                  text_.substr(0, Expression::kMaxLength));
    fault_->hint = std::move(hint);
    token_ = {};
    next_ = text_.size();
  }

  // Reads the next token; empty at the end.
  void advance() {
    while (next_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[next_])) != 0) {
      ++next_;
    }
    column_ = next_;
    std::size_t length = 0;
    while (next_ + length < text_.size() && is_name_character(text_[next_ + length])) ++length;
    if (length == 0 && next_ < text_.size()) {
      const std::string_view two = text_.substr(next_, 2);
      length = two == "==" || two == "!=" || two == "<=" || two == ">=" ? 2 : 1;
    }
    token_ = text_.substr(next_, length);
    next_ += length;
  }

  bool accept(std::string_view token) {
    if (token_ != token) return false;
    advance();
    return true;
  }

  void emit(Op op, std::int64_t value = 0) { expression_.code_.push_back({op, value}); }

  void want(const Typed& have, ValueType type, std::string_view what) {
    if (fault_ || (have.type == type && !have.symbol)) return;
    fail(have.column,
         fmt::format("{} must be {}, this is {}", what, to_string(type), to_string(have.type)));
  }

  Typed disjunction() {
    Typed left = conjunction();
    while (token_ == "or") {
      advance();
      left = both(left, conjunction(), Op::logical_or, ValueType::boolean, "an operand of `or`");
    }
    return left;
  }

  Typed conjunction() {
    Typed left = negation();
    while (token_ == "and") {
      advance();
      left = both(left, negation(), Op::logical_and, ValueType::boolean, "an operand of `and`");
    }
    return left;
  }

  Typed negation() {
    if (token_ != "not") return comparison();
    if (!deeper()) return {};
    advance();
    const Typed operand = negation();
    want(operand, ValueType::boolean, "the operand of `not`");
    emit(Op::logical_not);
    --depth_;
    return {ValueType::boolean, {}, {}, operand.column};
  }

  std::optional<Op> comparison_operator() const {
    if (token_ == "==") return Op::equal;
    if (token_ == "!=") return Op::unequal;
    if (token_ == "<") return Op::less;
    if (token_ == "<=") return Op::less_equal;
    if (token_ == ">") return Op::greater;
    if (token_ == ">=") return Op::greater_equal;
    return std::nullopt;
  }

  Typed comparison() {
    const Typed left = sum();
    const std::optional<Op> op = comparison_operator();
    if (!op) return left;
    advance();
    const Typed right = sum();
    if (comparison_operator()) fail(column_, "comparisons do not chain: write `a < b and b < c`");
    if (*op == Op::equal || *op == Op::unequal) {
      check_comparable(left, right);
    } else {
      want(left, ValueType::integer, "an operand of an order comparison");
      want(right, ValueType::integer, "an operand of an order comparison");
    }
    emit(*op);
    return {ValueType::boolean, {}, {}, left.column};
  }

  void check_comparable(const Typed& left, const Typed& right) {
    if (left.type != right.type) {
      fail(right.column,
           fmt::format("{} is compared with {}", to_string(left.type), to_string(right.type)));
      return;
    }
    if (left.type != ValueType::symbol) return;
    const Typed& named = left.input ? left : right;
    const Typed& other = left.input ? right : left;
    if (!named.input) {
      fail(left.column, "two named values are compared: one side must be an input");
    } else if (other.symbol) {
      const auto domain = info(*named.input).domain;
      if (std::ranges::find(domain, *other.symbol) == domain.end()) {
        fail(other.column,
             fmt::format("`{}` is one of {}, never {}", info(*named.input).name,
                         domain_text(*named.input), lockstep::to_string(*other.symbol)));
      }
    }
  }

  Typed sum() {
    Typed left = product();
    while (token_ == "+") {
      advance();
      left = both(left, product(), Op::add, ValueType::integer, "an operand of `+`");
    }
    return left;
  }

  Typed product() {
    Typed left = primary();
    while (token_ == "*") {
      advance();
      left = both(left, primary(), Op::multiply, ValueType::integer, "an operand of `*`");
    }
    return left;
  }

  Typed both(const Typed& left, const Typed& right, Op op, ValueType type, std::string_view what) {
    want(left, type, what);
    want(right, type, what);
    emit(op);
    return {type, {}, {}, left.column};
  }

  bool deeper() {
    if (++depth_ <= Expression::kMaxDepth) return true;
    fail(column_, fmt::format("nested deeper than {}", Expression::kMaxDepth));
    return false;
  }

  Typed primary() {
    if (fault_) return {};
    const std::size_t column = column_;
    if (token_.empty()) {
      fail(column, "the expression ends too early");
      return {};
    }
    if (accept("(")) {
      if (!deeper()) return {};
      Typed inner = disjunction();
      if (!accept(")")) fail(column_, "`)` is missing");
      --depth_;
      return inner;
    }
    if (!is_name_character(token_.front())) {
      fail(column, fmt::format("`{}` is not expected here", token_));
      return {};
    }
    const std::string_view token = token_;
    advance();
    return operand(token, column);
  }

  Typed operand(std::string_view token, std::size_t column) {
    if (std::isdigit(static_cast<unsigned char>(token.front())) != 0) {
      const auto number = parse_integer(token);
      if (!number) fail(column, fmt::format("`{}` is not a 64-bit number", token));
      emit(Op::literal, number.value_or(0));
      return {ValueType::integer, {}, {}, column};
    }
    if (token == "true" || token == "false") {
      emit(Op::literal, token == "true");
      return {ValueType::boolean, {}, {}, column};
    }
    if (token == "unknown") {
      emit(Op::literal, kUnknown);
      return {ValueType::boolean, {}, {}, column};
    }
    if (const auto input = parse_input(token)) {
      emit(Op::input, static_cast<std::int64_t>(*input));
      auto& inputs = expression_.inputs_;
      if (std::ranges::find(inputs, *input) == inputs.end()) inputs.push_back(*input);
      return {info(*input).type, *input, {}, column};
    }
    if (const auto symbol = parse_symbol(token)) {
      emit(Op::literal, static_cast<std::int64_t>(*symbol));
      return {ValueType::symbol, {}, *symbol, column};
    }
    const auto near = nearest(token, known_names());
    fail(column, fmt::format("`{}` is neither an input nor a named value", token),
         near ? fmt::format("did you mean `{}`?", *near) : std::string{});
    return {};
  }

  std::string_view text_;
  std::size_t next_ = 0;
  std::string_view token_;
  std::size_t column_ = 0;
  int depth_ = 0;
  std::optional<Diagnostic> fault_;
  Expression expression_;
};

Result<Expression> Expression::parse(std::string_view text) { return ExpressionParser(text).run(); }

}  // namespace lockstep

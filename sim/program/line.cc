#include "sim/program/line.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "sim/plan/validate.h"

namespace lockstep::program {
namespace {

const std::vector<Word>& all_words() {
  static const std::vector<Word> words = [] {
    std::vector<Word> all;
    for (const auto* some :
         {&function_words(), &row_words(), &collective_words(), &point_to_point_words()}) {
      all.insert(all.end(), some->begin(), some->end());
    }
    return all;
  }();
  return words;
}

const Word* word_of(const Node& node) {
  for (const Node& key : node.keys) {
    const auto found = std::ranges::find(all_words(), key.text, &Word::word);
    if (found != all_words().end()) return &*found;
  }
  return nullptr;
}

}  // namespace

Line::Line(const Node& node, std::string word, Expansion& expansion, const Context& context)
    : node_(node),
      word_(std::move(word)),
      expansion_(expansion),
      fields_(node, expansion.faults()) {
  fields_.optional(word_);
  ranks_ = ranks_of(fields_, expansion, context);
  site_.step = expansion.step();
  site_.layer = fields_.int_or("layer", context.layer);
  site_.module = fields_.text("module", context.module);
  const std::string shown = value().is_scalar() ? value().text
                            : !value().items.empty() && value().items[0].is_scalar()
                                ? value().items[0].text
                                : "";
  name_ = fields_.text("name", shown.empty() ? word_ : word_ + " " + shown);
  read_order();
}

void Line::read_order() {
  stream_ = static_cast<int>(fields_.integer_or("stream", 0, 0, kLargestStream));
  if (const Node* after = fields_.optional("after")) {
    const Node* first = after->is_sequence() ? after->items.data() : after;
    const std::size_t count = after->is_sequence() ? after->items.size() : 1;
    for (std::size_t i = 0; i < count; ++i) {
      waits_.push_back(expansion_.event(scalar_text(first[i], faults())));
    }
  }
  if (fields_.optional("records") != nullptr) records_ = expansion_.event(fields_.text("records"));
}

std::vector<Variable*> Line::operands() {
  std::vector<Variable*> all;
  if (value().is_sequence()) {
    for (const Node& one : value().items) all.push_back(seen(one));
  } else {
    all.push_back(seen(value()));
  }
  if (std::ranges::find(all, nullptr) != all.end()) all.clear();
  return all;
}

Variable* Line::operand() {
  if (value().is_sequence()) {
    faults().add(value(), fmt::format("{} takes one tensor", word_));
    return nullptr;
  }
  return seen(value());
}

Variable* Line::seen(const Node& node) {
  Variable* v = expansion_.written(node);
  if (v != nullptr) v->look_from(ranks_.front());
  return v;
}

std::vector<int> Line::all_ranks() const {
  std::vector<int> all(static_cast<std::size_t>(expansion_.setup().world));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

Variable& Line::result(Variable& in_place) {
  const Node* out = fields_.optional("out");
  return out == nullptr ? in_place : expansion_.variable(scalar_text(*out, faults()));
}

std::int64_t Line::number(std::string_view key, std::int64_t fallback, std::int64_t least,
                          std::int64_t most) {
  const Node* node = fields_.optional(key);
  if (node == nullptr || ranks_.empty()) return fallback;
  const std::vector<std::int64_t> by_rank = number_by_rank(*node, least, most);
  const auto differs = [&](int rank) {
    return by_rank[static_cast<std::size_t>(rank)] !=
           by_rank[static_cast<std::size_t>(ranks_.front())];
  };
  if (std::ranges::any_of(ranks_, differs)) {
    faults().add(*node, fmt::format("{} must be the same on all ranks", key));
  }
  return by_rank[static_cast<std::size_t>(ranks_.front())];
}

std::vector<std::int64_t> Line::number_by_rank(const Node& node, std::int64_t least,
                                               std::int64_t most) {
  std::vector<std::int64_t> values(static_cast<std::size_t>(world()), least);
  for (const int rank : ranks_) {
    const Rational value = expansion_.evaluate(node, rank, site_.layer);
    if (value.denominator() == 1 && value.numerator() >= least && value.numerator() <= most) {
      values[static_cast<std::size_t>(rank)] = value.numerator();
    } else {
      faults().add(node, fmt::format("{} on rank {}; expected a whole number from {} to {}",
                                     to_string(value), rank, least, most));
      break;
    }
  }
  return values;
}

GroupId Line::group(std::string_view key) {
  const Node* node = fields_.required(key);
  return node == nullptr ? GroupId::none()
                         : read_group(*node, expansion_.builder().plan().groups, faults());
}

GroupId Line::group_or(std::string_view key, GroupId otherwise) {
  const Node* node = fields_.optional(key);
  if (node == nullptr) return otherwise;
  if (node->is_scalar() && node->text == "none") return GroupId::none();
  if (!node->is_sequence()) {
    return read_group(*node, expansion_.builder().plan().groups, faults());
  }
  GroupId joined;
  for (const Node& one : node->items) {
    const GroupId next = read_group(one, expansion_.builder().plan().groups, faults());
    if (!next.exists()) return GroupId::none();
    joined = joined.exists() ? expansion_.product(joined, next) : next;
  }
  return joined;
}

Rows Line::rows_or(Rows otherwise) {
  const Node* node = fields_.optional("rows");
  return node == nullptr ? std::move(otherwise) : expansion_.layouts().read(*node);
}

std::string Line::columns_or(const std::string& otherwise) {
  constexpr std::int64_t kWidest = 1 << 20;
  const std::int64_t width = number("width", 0, 1, kWidest);
  return width == 0 ? otherwise : fmt::format("{}", width);
}

Meant Line::with_overrides(Meant meant) {
  meant.rows = rows_or(std::move(meant.rows));
  meant.partial = group_or("partial", meant.partial);
  meant.columns = group_or("columns", meant.columns);
  return meant;
}

int Line::size_of(GroupId group) {
  const std::vector<std::vector<int>>& parts = at(group).parts;
  const std::size_t size = parts.front().size();
  const bool even =
      std::ranges::all_of(parts, [&](const std::vector<int>& part) { return part.size() == size; });
  if (!even) faults().add(node_, fmt::format("the parts of {} differ in size", at(group).role));
  return static_cast<int>(size);
}

Operation Line::operation(OpKind kind, const std::vector<int>& ranks) {
  Operation op;
  op.kind = kind;
  op.name = name_;
  op.site = site_;
  op.line = node_.line > 0 ? node_.line : 0;
  if (static_cast<int>(ranks.size()) < world()) op.ranks = RankSet::of(ranks);
  op.stream = stream_;
  if (first_) op.waits = waits_;
  first_ = false;
  op.records = records_;
  return op;
}

void Line::write(Operation op, Variable& to, const std::string& columns, const Meant& meant) {
  const TensorId id = expansion_.tensor(to, columns);
  to.write(op.ranks.empty() ? all_ranks() : op.ranks.to_vector(), meant);
  op.out = {{id, expansion_.spec(*to.meant)}};
  append(std::move(op));
}

void expand_line(const Node& node, Expansion& expansion, const Context& context) {
  const Word* word = word_of(node);
  if (word == nullptr) {
    std::vector<std::string> known;
    for (const Word& w : all_words()) known.emplace_back(w.word);
    const std::string first = node.keys.empty() ? "" : node.keys.front().text;
    expansion.faults().add_unknown(node, "operation", first, known);
    return;
  }
  Line line(node, std::string(word->word), expansion, context);
  if (line.ranks().empty()) return;
  word->expand(line);
  line.fields().finish();
}

}  // namespace lockstep::program

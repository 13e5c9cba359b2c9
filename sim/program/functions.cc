// Lines that make terms: inputs, nonlinear functions, matrix products, biases.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sim/plan/names.h"
#include "sim/plan/parse_state.h"
#include "sim/plan/validate.h"
#include "sim/program/line.h"

namespace lockstep::program {
namespace {

constexpr std::array<std::string_view, 5> kElementwise{"activation", "rope", "quantize",
                                                       "attention", "compute"};

bool is_elementwise(const Line& line) {
  return std::ranges::find(kElementwise, line.word()) != kElementwise.end();
}

// Where a map says who computes what, a share that is computed twice or nowhere is told as such.
TermKind kind_of(const Line& line, const Node* map) {
  if (line.word() == "experts" || map != nullptr) return TermKind::routed;
  if (line.word() == "shared_expert") return TermKind::shared;
  return TermKind::other;
}

// How the result of a line is made and shared out.
struct Making {
  Production production;
  GroupId partial;  // the result is partial over
  GroupId columns;  // ... or sliced over
};

// `map: {0: "0-3", "1-2": "4-7,0"}`: the shares that each rank computes.
PlacementId read_map(Line& line, const Node& map, std::string_view name) {
  std::vector<std::vector<ShareRange>> of(static_cast<std::size_t>(line.world()));
  if (!map.is_map()) line.faults().add(map, "map is a map from ranks to shares: {0: \"0-3\"}");
  for (std::size_t i = 0; i < map.keys.size(); ++i) {
    const auto shares = parse_share_ranges(scalar_text(map.items[i], line.faults()));
    if (!shares) line.faults().add(map.items[i], "expected shares such as \"0-3,7\"");
    for (const int rank : read_ranks(map.keys[i], line.world(), line.faults())) {
      if (shares) of[static_cast<std::size_t>(rank)] = *shares;
    }
  }
  Expansion& expansion = line.expansion();
  const std::string unique = expansion.unique("placements", std::string(name));
  return expansion.builder().placement(unique, std::move(of));
}

// `split`: one group or two, the major and the minor.
void read_split(Line& line, Making& making) {
  const Node* split = line.fields().optional("split");
  if (split == nullptr) return;
  const auto& groups = line.expansion().builder().plan().groups;
  if (!split->is_sequence()) {
    making.production.major = read_group(*split, groups, line.faults());
    making.partial = making.production.major;
    return;
  }
  if (split->items.size() != 2) {
    line.faults().add(*split, "split takes one group, or two: [ep, tp]");
    return;
  }
  making.production.major = read_group(split->items[0], groups, line.faults());
  making.production.minor = read_group(split->items[1], groups, line.faults());
  if (!making.production.major.exists() || !making.production.minor.exists()) return;
  making.partial = line.expansion().product(making.production.major, making.production.minor);
}

// The term, its shares and who makes which.
void make_term(Line& line, const Variable& out, Making& making) {
  Production& p = making.production;
  const int units = p.major.exists() ? line.size_of(p.major) : 1;
  const int minor = p.minor.exists() ? line.size_of(p.minor) : 1;
  p.units = static_cast<int>(line.number("shares", units, 1, kLargestShareCount));
  const bool reuse = line.fields().optional("term") != nullptr;
  const std::string name = line.fields().text("term", out.name);
  const Node* map = line.fields().optional("map");
  const std::int64_t shares = std::int64_t{p.units} * minor;
  if (shares > kLargestShareCount) {
    line.faults().add(line.node(), "too many shares");
    return;
  }
  p.term = line.expansion().term(name, kind_of(line, map), static_cast<int>(shares), line.layer(),
                                 reuse);
  if (map != nullptr) {
    p.placement = read_map(line, *map, name);
    p.units = 1;
    p.major = p.minor = GroupId::none();
  }
}

void read_how_shares_combine(Line& line, TermId term) {
  std::vector<std::string> names = as_list(kReductionNames);
  const auto combine = static_cast<Reduction>(line.fields().choice("combine", names, 0));
  if (combine != Reduction::sum) line.expansion().builder().set_combine(term, combine);
}

// A bias beside the main term: on every rank, or on the first of the group that owes the sum.
void add_bias(Line& line, const Making& making, Operation& op, Meant& meant) {
  const Node* bias = line.fields().optional("bias");
  const std::size_t on =
      line.fields().choice("bias_on", std::vector<std::string>{"every", "first"}, 0);
  if (bias == nullptr) return;
  const std::string name = scalar_text(*bias, line.faults());
  Production p;
  p.term = line.expansion().term(name, TermKind::bias, 1, line.layer(), true);
  const GroupId over = making.partial.exists() ? making.partial : GroupId::none();
  if (on == 1 && over.exists()) {
    std::vector<std::vector<ShareRange>> of(static_cast<std::size_t>(line.world()));
    for (const std::vector<int>& part : line.at(over).parts) {
      of[static_cast<std::size_t>(part.front())] = {{0, 1}};
    }
    p.placement = line.expansion().builder().placement("first of " + line.at(over).role, of);
  }
  op.produces.push_back(p);
  meant.terms.push_back(p.term);
}

// Common to all lines that make a term: `op` has its operands.
void finish(Line& line, Operation op, Variable& out, const std::string& columns, Making making,
            Rows rows) {
  make_term(line, out, making);
  if (!making.production.term.exists()) return;
  read_how_shares_combine(line, making.production.term);
  const std::string unit = line.fields().text("unit", "");
  const std::string to_unit = line.fields().text("to_unit", unit);
  if (!to_unit.empty()) line.expansion().set_unit(making.production.term, to_unit);
  op.produces = {making.production};
  Meant meant{
      line.rows_or(std::move(rows)), {making.production.term}, making.partial, making.columns};
  add_bias(line, making, op, meant);
  meant.partial = line.group_or("partial", meant.partial);
  line.write(std::move(op), out, columns, meant);
}

// What an operand must be when the line runs.
Operand owed(Line& line, const Variable& v, bool keeps_slices, bool keeps_partial) {
  Meant meant = *v.meant;
  if (!keeps_partial) meant.partial = GroupId::none();
  if (!keeps_slices) meant.columns = GroupId::none();
  const std::string unit = line.fields().text("unit", "");
  if (!unit.empty()) {
    for (TermId& term : meant.terms) term = line.expansion().in_unit(term, unit);
  }
  const bool zero = line.fields().choice("padding", {"any", "zero"}, 0) == 1;
  return {v.id, line.expansion().spec(meant, zero)};
}

// ---- lines ------------------------------------------------------------------------------------

void expand_input(Line& line) {
  Variable& out = line.expansion().variable(scalar_text(line.value(), line.faults()));
  Making making;
  read_split(line, making);
  const GroupId partial = line.group_or("partial", making.partial);
  if (!making.partial.exists() && partial.exists()) making.production.major = partial;
  making.partial = partial;
  making.columns = line.group_or("columns", GroupId::none());
  finish(line, line.operation(OpKind::compute), out, line.columns_or("hidden"), making,
         line.expansion().layouts().own());
}

void expand_function(Line& line) {
  const std::vector<Variable*> operands = line.operands();
  if (operands.empty()) return;
  const GroupId sliced = operands.front()->meant->columns;
  const bool says_columns = line.fields().optional("columns") != nullptr;
  const bool statistics = line.word() == "statistics";
  const bool keeps = is_elementwise(line) || statistics || says_columns;
  Operation op = line.operation(OpKind::compute);
  for (const Variable* v : operands) op.in.push_back(owed(line, *v, keeps, false));
  Making making;
  read_split(line, making);
  making.columns = line.group_or("columns", is_elementwise(line) ? sliced : GroupId::none());
  if (statistics && sliced.exists()) {
    making.production.major = making.partial = sliced;
    making.columns = GroupId::none();
  }
  if (making.partial.exists() && making.columns.exists()) {
    line.faults().add(line.node(), "a tensor is partial over a group or sliced over one, not both",
                      "rows can stand for heads: then one of the two is a layout");
  }
  const std::string columns =
      line.columns_or(statistics ? std::string("1") : operands.front()->columns);
  if (making.columns.exists() && sliced.exists() && columns != operands.front()->columns) {
    line.faults().add(line.node(), "a function of slices keeps their width");
  }
  finish(line, std::move(op), line.result(*operands.front()), columns, making,
         operands.front()->meant->rows);
}

void expand_linear(Line& line) {
  Variable* v = line.operand();
  if (v == nullptr) return;
  const GroupId sliced = v->meant->columns;
  const GroupId partial = v->meant->partial;
  Operation op = line.operation(OpKind::linear);
  op.in = {owed(line, *v, true, true)};
  Making making;
  read_split(line, making);
  making.columns = line.group_or("columns", GroupId::none());
  if (partial.exists() || sliced.exists()) {
    if (making.partial.exists()) {
      line.faults().add(line.node(),
                        "the product of a slice or a part has the shares of its operand, no split",
                        "an input that is `partial: [a, b]` is shared out over two groups");
    }
    making.production.major = making.partial = partial.exists() ? partial : sliced;
    if (making.columns.exists()) {
      line.faults().add(line.node(),
                        "the product of a slice or a part is partial; it cannot be sliced too");
    }
  }
  finish(line, std::move(op), line.result(*v), line.columns_or("hidden"), making, v->meant->rows);
}

// A bias by itself: a value that every rank (or the first of a group) has, added.
void expand_add_bias(Line& line) {
  Variable* y = line.operand();
  const Node* bias = line.fields().required("bias");
  if (y == nullptr || bias == nullptr) return;
  Variable& b = line.expansion().variable(scalar_text(*bias, line.faults()));
  Operation make = line.operation(OpKind::compute);
  Production p;
  p.term = line.expansion().term(b.name, TermKind::bias, 1, line.layer(), true);
  make.produces = {p};
  line.write(std::move(make), b, y->columns, {y->meant->rows, {p.term}, {}, y->meant->columns});
  Operation add = line.operation(OpKind::add);
  add.in = {{y->id, {}}, {b.id, {}}};
  Meant meant = *y->meant;
  if (std::ranges::find(meant.terms, p.term) == meant.terms.end()) meant.terms.push_back(p.term);
  line.write(std::move(add), line.result(*y), y->columns, line.with_overrides(std::move(meant)));
}

}  // namespace

const std::vector<Word>& function_words() {
  static const std::vector<Word> words{
      {"input", expand_input},         {"embed", expand_input},
      {"linear", expand_linear},       {"add_bias", expand_add_bias},
      {"activation", expand_function}, {"rope", expand_function},
      {"quantize", expand_function},   {"attention", expand_function},
      {"compute", expand_function},    {"norm", expand_function},
      {"softmax", expand_function},    {"topk", expand_function},
      {"router", expand_function},     {"mlp", expand_function},
      {"experts", expand_function},    {"shared_expert", expand_function},
      {"lm_head", expand_function},    {"sample", expand_function},
      {"sort", expand_function},       {"statistics", expand_function}};
  return words;
}

}  // namespace lockstep::program

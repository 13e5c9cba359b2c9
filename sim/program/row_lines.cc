// Lines that move and add rows without changing what is in them, and what must hold.
#include <fmt/format.h>

#include <algorithm>

#include "sim/plan/names.h"
#include "sim/plan/parse_state.h"
#include "sim/program/line.h"

namespace lockstep::program {
namespace {

MovesId add_moves(Line& line, const std::string& name, std::vector<RowMoves> moves) {
  Expansion& expansion = line.expansion();
  return expansion.builder().moves(expansion.unique("moves", name), std::move(moves));
}

void expand_add(Line& line) {
  const std::vector<Variable*> operands = line.operands();
  if (operands.empty()) return;
  if (operands.size() != 2) {
    line.faults().add(line.value(), "add takes two tensors: [x, y]");
    return;
  }
  Operation op = line.operation(OpKind::add);
  Meant meant = *operands[0]->meant;
  const Meant& other = *operands[1]->meant;
  op.in = {{operands[0]->id, {}}, {operands[1]->id, {}}};
  for (const TermId term : other.terms) {
    if (std::ranges::find(meant.terms, term) == meant.terms.end()) meant.terms.push_back(term);
  }
  if (!meant.partial.exists()) meant.partial = other.partial;
  if (!meant.columns.exists()) meant.columns = other.columns;
  const std::string columns = operands[0]->columns;
  line.write(std::move(op), line.result(*operands[0]), columns,
             line.with_overrides(std::move(meant)));
}

void expand_scale(Line& line) {
  Variable* v = line.operand();
  const Node* by = line.fields().required("by");
  if (v == nullptr || by == nullptr) return;
  const Meant meant = line.with_overrides(*v->meant);
  Variable& out = line.result(*v);
  const std::string columns = v->columns;
  const TensorId in = v->id;
  std::vector<Rational> factors(static_cast<std::size_t>(line.world()), 1);
  for (const int rank : line.ranks()) {
    factors[static_cast<std::size_t>(rank)] = line.expansion().evaluate(*by, rank, line.layer());
  }
  for (const auto& [factor, ranks] : line.by_value(factors)) {
    Operation op = line.operation(OpKind::scale, ranks);
    op.in = {{in, {}}};
    op.factor = factor;
    line.write(std::move(op), out, columns, meant);
  }
}

// A copy as it is, wherever the rows come from.
void expand_clone(Line& line) {
  Variable* v = line.operand();
  if (v == nullptr) return;
  Operation op = line.operation(OpKind::scale);
  op.in = {{v->id, {}}};
  const std::string columns = v->columns;
  line.write(std::move(op), line.result(*v), columns, line.with_overrides(*v->meant));
}

std::vector<RowMoves> moves_as_written(Line& line, const Node& node, const Rows& rows) {
  std::vector<RowMoves> moves(static_cast<std::size_t>(line.world()));
  const auto read = [&](const Node& text, const std::vector<int>& ranks, const Node* count) {
    const auto list = parse_move_list(scalar_text(text, line.faults()));
    if (!list) line.faults().add(text, "expected moves such as \"0-2>1 5>0\"");
    for (const int rank : ranks) {
      RowMoves& of = moves[static_cast<std::size_t>(rank)];
      if (list) of.moves = *list;
      of.rows_out = count == nullptr ? row_count(rows[static_cast<std::size_t>(rank)])
                                     : scalar_integer(*count, 0, kMostTokens, line.faults());
    }
  };
  for (std::size_t r = 0; r < moves.size(); ++r) moves[r].rows_out = row_count(rows[r]);
  if (!node.is_sequence()) {
    read(node, line.ranks(), nullptr);
    return moves;
  }
  for (const Node& entry : node.items) {
    Fields f(entry, line.faults());
    const Node* ranks = f.required("ranks");
    const Node* text = f.required("moves");
    const Node* count = f.optional("rows");
    f.finish();
    if (ranks == nullptr || text == nullptr) continue;
    read(*text, read_ranks(*ranks, line.world(), line.faults()), count);
  }
  return moves;
}

void expand_copy(Line& line) {
  Variable* v = line.operand();
  if (v == nullptr) return;
  Meant meant = line.with_overrides(*v->meant);
  const Node* as_from = line.fields().optional("as_from");
  const Node* as_to = line.fields().optional("as_to");
  const Rows from = as_from == nullptr ? v->meant->rows : line.expansion().layouts().read(*as_from);
  const Rows to = as_to == nullptr ? meant.rows : line.expansion().layouts().read(*as_to);
  std::vector<RowMoves> moves;
  if (const Node* written = line.fields().optional("moves")) {
    moves = moves_as_written(line, *written, meant.rows);
  } else {
    for (std::size_t r = 0; r < to.size(); ++r) {
      moves.push_back(moves_between(from[r], to[r]));
      if (as_to != nullptr) moves.back().rows_out = row_count(meant.rows[r]);
    }
  }
  Operation op = line.operation(OpKind::copy_rows);
  op.in = {{v->id, {}}};
  op.fill = static_cast<Fill>(line.fields().choice("fill", as_list(kFillNames), 0));
  const std::string columns = v->columns;
  Variable& out = line.result(*v);
  op.moves = add_moves(line, "to " + out.name, std::move(moves));
  // A part of a sum, cut to other rows on each rank, is meant to be whole: nothing can sum it any
  // more.
  if (meant.partial.exists() && line.fields().optional("partial") == nullptr) {
    for (const std::vector<int>& part : line.at(meant.partial).parts) {
      const RowMap& first = meant.rows[static_cast<std::size_t>(part.front())];
      const bool alike = std::ranges::all_of(
          part, [&](int rank) { return meant.rows[static_cast<std::size_t>(rank)] == first; });
      if (!alike) meant.partial = GroupId::none();
      if (!alike) break;
    }
  }
  line.write(std::move(op), out, columns, meant);
}

// Rows that nothing was copied to: zeros, or what memory holds.
void expand_blank(Line& line) {
  Variable& out = line.expansion().variable(scalar_text(line.value(), line.faults()));
  const Meant meant = line.with_overrides({line.expansion().layouts().own(), {}, {}, {}});
  const std::string columns = line.columns_or("hidden");
  std::vector<RowMoves> moves;
  for (const RowMap& map : meant.rows) moves.push_back({row_count(map), {}});
  Operation op = line.operation(OpKind::copy_rows);
  op.in = {{line.expansion().tensor(out, columns), {}}};
  op.fill = line.word() == "zeros" ? Fill::zero : Fill::undefined;
  op.moves = add_moves(line, "blank " + out.name, std::move(moves));
  line.write(std::move(op), out, columns, meant);
}

void expand_slice_columns(Line& line) {
  Variable* v = line.operand();
  const GroupId over = line.group();
  if (v == nullptr || !over.exists()) return;
  Meant meant = *v->meant;
  if (meant.columns.exists()) {
    line.faults().add(line.node(), "the tensor is a slice of its columns already");
  }
  meant.columns = over;
  Operation op = line.operation(OpKind::slice_columns);
  op.in = {{v->id, {}}};
  op.group = over;
  const std::string columns = v->columns;
  line.write(std::move(op), line.result(*v), columns, line.with_overrides(std::move(meant)));
}

void expand_view(Line& line) {
  const Node* of = line.fields().required("of");
  if (of == nullptr) return;
  const std::string name = scalar_text(line.value(), line.faults());
  if (Variable* v = line.expansion().written(*of)) {
    if (v->name != name) line.expansion().alias(name, v->name);
  }
}

// What the line says that its tensor must be.
Meant required(Line& line, const Variable& v) {
  Meant whole = *v.meant;
  whole.partial = GroupId::none();
  Meant meant = line.with_overrides(std::move(whole));
  const std::vector<const Node*> terms = line.fields().list("terms");
  if (!terms.empty()) meant.terms.clear();
  for (const Node* term : terms) {
    const std::string name = scalar_text(*term, line.faults());
    const TermId found = line.expansion().find_term(name, line.layer());
    if (found.exists()) {
      meant.terms.push_back(found);
    } else {
      line.faults().add_unknown(*term, "term", name, line.expansion().term_names());
    }
  }
  return meant;
}

void expand_require(Line& line) {
  for (Variable* v : line.operands()) {
    const Meant meant = required(line, *v);
    Operation op = line.operation(OpKind::require);
    const bool zero = line.fields().choice("padding", {"any", "zero"}, 0) == 1;
    op.in = {{v->id, line.expansion().spec(meant, zero)}};
    op.boundary = true;
    line.append(std::move(op));
  }
}

void expand_close(Line& line) {
  Variable* v = line.operand();
  if (v == nullptr) return;
  Operation op = line.operation(OpKind::require);
  op.in = {{v->id, line.expansion().spec(*v->meant)}};
  op.boundary = true;
  line.append(std::move(op));
  const std::string name = line.fields().text("as", v->name + ".closed");
  if (v->meant->terms.size() < 2) return;
  const TermId handle = line.expansion().term(name, TermKind::other, 1, line.layer(), false);
  line.expansion().builder().close(handle, v->meant->terms);
  Meant closed = *v->meant;
  closed.terms = {handle};
  v->write(line.ranks(), closed);
}

}  // namespace

const std::vector<Word>& row_words() {
  static const std::vector<Word> words{
      {"add", expand_add},         {"scale", expand_scale},
      {"clone", expand_clone},     {"copy", expand_copy},
      {"zeros", expand_blank},     {"empty", expand_blank},
      {"view", expand_view},       {"slice_columns", expand_slice_columns},
      {"require", expand_require}, {"close", expand_close}};
  return words;
}

}  // namespace lockstep::program

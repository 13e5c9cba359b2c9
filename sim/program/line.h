// One line of a program: what all lines have in common, and the words that begin them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/program/expansion.h"

namespace lockstep::program {

class Line {
 public:
  // `word` is the key that names the operation.
  Line(const Node& node, std::string word, Expansion& expansion, const Context& context);

  Expansion& expansion() { return expansion_; }
  Fields& fields() { return fields_; }
  NodeFaults& faults() { return expansion_.faults(); }
  const Node& node() const { return node_; }
  const std::string& word() const { return word_; }
  const Node& value() const { return *node_.find(word_); }
  // That run the line; empty: nobody does.
  const std::vector<int>& ranks() const { return ranks_; }
  int layer() const { return site_.layer; }
  int world() const { return expansion_.setup().world; }
  const Group& at(GroupId group) { return expansion_.builder().plan().group(group); }

  // What the line reads; empty, with faults, where something has not been written.
  std::vector<Variable*> operands();
  Variable* operand();
  // The tensor in `node` as the ranks of the line see it; nullptr, with a fault, if none wrote it.
  Variable* seen(const Node& node);
  // The variable under `out`, or the line's own operand.
  Variable& result(Variable& in_place);

  // An integer from an expression that has the same value on all ranks of the line.
  std::int64_t number(std::string_view key, std::int64_t fallback, std::int64_t least,
                      std::int64_t most);
  // An integer by rank.
  std::vector<std::int64_t> number_by_rank(const Node& node, std::int64_t least, std::int64_t most);
  GroupId group(std::string_view key = "group");
  // Absent: `otherwise`. `none`: none.
  GroupId group_or(std::string_view key, GroupId otherwise);
  // What `rows`, `partial` and `columns` say of the result.
  Meant with_overrides(Meant meant);
  Rows rows_or(Rows otherwise);
  // `width` as Tensor::columns.
  std::string columns_or(const std::string& otherwise);

  // With everything but its operands and arguments; on `ranks`.
  Operation operation(OpKind kind, const std::vector<int>& ranks);
  Operation operation(OpKind kind) { return operation(kind, ranks_); }
  // Appends; `to` becomes what `meant` says on the ranks of the operation.
  void write(Operation op, Variable& to, const std::string& columns, const Meant& meant);
  void append(Operation op) { expansion_.builder().append(std::move(op)); }

  // The size of the parts of `group`; a fault where they differ.
  int size_of(GroupId group);
  // `ranks` in the parts of `group`, one list for each distinct value of `of` (by rank).
  template <class T>
  std::vector<std::pair<T, std::vector<int>>> by_value(const std::vector<T>& of) const {
    std::vector<std::pair<T, std::vector<int>>> lists;
    for (const int rank : ranks_) {
      const T& value = of[static_cast<std::size_t>(rank)];
      auto found = lists.begin();
      while (found != lists.end() && found->first != value) ++found;
      if (found == lists.end()) found = lists.insert(lists.end(), {value, {}});
      found->second.push_back(rank);
    }
    return lists;
  }

 private:
  void read_order();
  std::vector<int> all_ranks() const;

  const Node& node_;
  std::string word_;
  Expansion& expansion_;
  Fields fields_;
  std::vector<int> ranks_;
  Site site_;
  std::string name_;
  int stream_ = 0;
  std::vector<int> waits_;
  int records_ = -1;
  bool first_ = true;
};

// Expands one line. A line that nobody runs is only looked at.
void expand_line(const Node& node, Expansion& expansion, const Context& context);

// What lines of one kind do, by word.
using Handler = void (*)(Line&);
struct Word {
  std::string_view word;
  Handler expand;
};
const std::vector<Word>& function_words();        // functions.cc: input, norm, linear, ...
const std::vector<Word>& row_words();             // row_lines.cc: add, scale, copy, require, ...
const std::vector<Word>& collective_words();      // collectives.cc
const std::vector<Word>& point_to_point_words();  // point_to_point.cc

}  // namespace lockstep::program

// Expands the lines of a program to the operations of a plan, and follows on the way what each
// tensor is meant to be.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/plan/builder.h"
#include "sim/program/layouts.h"
#include "sim/program/setup.h"

namespace lockstep::program {

// What a tensor is meant to be on every rank (StateSpec with its rows at hand).
struct Meant {
  Rows rows;
  std::vector<TermId> terms;
  GroupId partial;
  GroupId columns;
};

struct Variable {
  std::string name;
  TensorId id;
  std::string columns = "hidden";
  // As the ranks of the line in hand see it: branches may have written different things. None:
  // nothing has been written.
  std::optional<Meant> meant;

  void look_from(int rank);
  void write(const std::vector<int>& ranks, const Meant& written);

 private:
  std::vector<Meant> written_;  // without rows
  std::vector<int> by_rank_;    // into written_
};

// Where a line stands.
struct Context {
  std::vector<int> ranks;  // that execute it
  int layer = -1;
  std::string module = "program";
};

class Expansion {
 public:
  // `rows`: the program's own layouts; nullptr: none. All must outlive this object.
  Expansion(const Setup& setup, const Node* rows, NodeFaults& faults, PlanBuilder& builder);

  void run(const Node& program);

  const Setup& setup() const { return setup_; }
  NodeFaults& faults() { return faults_; }
  PlanBuilder& builder() { return builder_; }
  Layouts& layouts() { return *layouts_; }
  int step() const { return step_; }

  // The variable of that name; it is made where there is none.
  Variable& variable(const std::string& name);
  // nullptr, with a fault at `node`, where nothing of that name has been written.
  Variable* written(const Node& node);
  void alias(const std::string& name, const std::string& of) { aliases_[name] = of; }
  // A new plan tensor for the variable where its columns change.
  TensorId tensor(Variable& variable, const std::string& columns);

  SpecId spec(const Meant& meant, bool zero_padding = false);
  LayoutId layout(const Rows& rows);
  // A term named after `name`, this step and layer; `reuse`: the one of that name, if it is there.
  TermId term(const std::string& name, TermKind kind, int shares, int layer, bool reuse);
  // The term that some line of this step (and layer, or outside the layers) made; none: none did.
  TermId find_term(const std::string& name, int layer) const;
  std::vector<std::string> term_names() const;
  // The term that is `id` in `unit`; `id` itself where it has that unit or none.
  TermId in_unit(TermId id, const std::string& unit);
  void set_unit(TermId term, const std::string& unit) { unit_of_[term] = unit; }
  // The group whose parts join those of `a` and `b`, made where there is none.
  GroupId product(GroupId a, GroupId b);
  // What is left to sum of a value that is partial over `partial` after a sum over `summed`.
  GroupId rest(GroupId partial, GroupId summed);
  int event(const std::string& name);
  // `name`, or `name#2` and so on where an entry of the plan's `table` has it.
  std::string unique(const std::string& table, const std::string& name);

  // The value of an expression on `rank`; 0 with a fault at `node` where it has none.
  Rational evaluate(const Node& node, int rank, int layer);

 private:
  void block(const Node& lines, const Context& context);
  void line(const Node& node, const Context& context);
  void nested(const Node& node, const Context& context);
  void repeat(const Node& count, const Node& body, Context context);
  void name_layouts();
  RowNumber row_number();
  std::string full_name(const std::string& name, int layer) const;
  std::optional<Rational> look_up(std::string_view name, std::string_view argument, int rank,
                                  int layer) const;

  const Setup& setup_;
  const Node* rows_;
  NodeFaults& faults_;
  PlanBuilder& builder_;
  std::optional<Layouts> layouts_;
  int step_ = 0;
  int next_layer_ = 0;
  int depth_ = 0;
  std::map<std::string, Variable> variables_;
  std::map<std::string, std::string> aliases_;
  std::map<Rows, LayoutId> layout_of_;
  std::map<std::string, TermId> terms_;
  std::map<TermId, std::string> unit_of_;
  std::map<std::pair<TermId, std::string>, TermId> other_unit_;
  std::map<std::string, int> events_;
  std::set<std::pair<std::string, std::string>> names_;  // of tables' entries, by table
  std::map<Rows, std::string> name_of_layout_;
};

// Narrows `ranks` to those of `ranks:` and `when:` of a line or block.
std::vector<int> ranks_of(Fields& f, Expansion& expansion, const Context& context);

}  // namespace lockstep::program

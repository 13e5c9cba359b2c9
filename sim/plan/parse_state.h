// What the parts of the plan's parser share. Included by sim/plan/parse*.cc only.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sim/plan/builder.h"
#include "sim/plan/reader.h"

namespace lockstep {

// Names of one table. Of equal names the first counts; validate() reports the others.
class NameIndex {
 public:
  void add(const std::string& name) {
    ids_.try_emplace(name, static_cast<std::int32_t>(names_.size()));
    names_.push_back(name);
  }
  // -1: unknown.
  std::int32_t find(const std::string& name) const {
    const auto found = ids_.find(name);
    return found == ids_.end() ? -1 : found->second;
  }
  const std::vector<std::string>& all() const { return names_; }

 private:
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::int32_t> ids_;
};

struct ParseState {
  explicit ParseState(const Document& document) : faults(document) {}

  NodeFaults faults;
  NameIndex groups;
  NameIndex layouts;
  NameIndex moves;
  NameIndex sizes;
  NameIndex placements;
  NameIndex tensors;
  NameIndex terms;
  std::size_t reasons = 0;
  // Where each entry of each table stands, by the names of PlanFault::table.
  std::map<std::string, std::vector<const Node*>> places;

  // The id of the name in `node`, a fault and none if there is no such name.
  template <class IdType>
  IdType resolve(const Node& node, const NameIndex& names, std::string_view what) {
    const std::string name = scalar_text(node, faults);
    const IdType id{names.find(name)};
    if (!id.exists() && node.is_scalar()) faults.add_unknown(node, what, name, names.all());
    return id;
  }
  template <class IdType>
  IdType resolve_optional(Fields& fields, std::string_view key, const NameIndex& names) {
    const Node* node = fields.optional(key);
    return node == nullptr ? IdType::none() : resolve<IdType>(*node, names, key);
  }
};

// Everything but the operations. `top` is the whole file.
Plan parse_tables(Fields& top, ParseState& state);
// One line of `program:`. REQUIRES: `builder` started from the result of parse_tables().
void parse_operation(const Node& line, ParseState& state, PlanBuilder& builder);

// Ranks below `world` in the order in which they stand: "0-3,7"; nullopt for anything else.
std::optional<std::vector<int>> parse_ranks(const std::string& text, int world);
// The reverse of to_string(RowMap) and of to_string(moves).
std::optional<RowMap> parse_row_map(const std::string& text);
std::optional<std::vector<Move>> parse_move_list(const std::string& text);
// And of to_string(share ranges).
std::optional<std::vector<ShareRange>> parse_share_ranges(const std::string& text);

}  // namespace lockstep

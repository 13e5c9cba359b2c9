#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <type_traits>

#include "sim/base/text.h"
#include "sim/plan/model_fields.h"
#include "sim/plan/names.h"
#include "sim/plan/parse_state.h"
#include "sim/plan/validate.h"

namespace lockstep {
namespace {

constexpr int kLargestInt = std::numeric_limits<int>::max();

class TableParser {
 public:
  TableParser(Fields& top, ParseState& state) : top_(top), state_(state) {}

  Plan parse() {
    top_.integer("lockstep", 1, 1);
    top_.optional("schema");  // of the JSON form, with the hash; neither is part of the plan
    top_.optional("plan_hash");
    plan_.name = top_.text("plan");
    parse_origin();
    plan_.seed = parse_seed();
    if (const Node* node = top_.required("model")) parse_model(*node);
    plan_.world = static_cast<int>(top_.integer("world", 1, kLargestWorld));
    parse_groups();
    parse_steps();
    parse_rows();
    parse_moves();
    parse_sizes();
    parse_placements();
    parse_tensors();
    parse_terms();
    parse_closings();
    parse_reasons();
    return std::move(plan_);
  }

 private:
  NodeFaults& faults() { return state_.faults; }

  // The entries of a table, remembered for the faults that validate() finds.
  const std::vector<const Node*>& entries(const std::string& table) {
    return state_.places[table] = top_.list(table);
  }

  void parse_origin() {
    if (const Node* node = top_.optional("origin")) {
      Fields f(*node, faults());
      plan_.origin = {f.text("system", ""), f.text("asked", ""), f.text("resolved_after", ""),
                      f.text("epoch", "")};
      f.finish();
    }
    for (const Node* n : top_.list("notes")) plan_.notes.push_back(scalar_text(*n, faults()));
    for (const Node* n : top_.list("unknown")) plan_.unknown.push_back(scalar_text(*n, faults()));
  }

  std::uint64_t parse_seed() {
    std::uint64_t seed = 1;
    const Node* node = top_.optional("seed");
    if (node == nullptr) return seed;
    const char* end = node->text.data() + node->text.size();
    const auto [stop, error] = std::from_chars(node->text.data(), end, seed);
    if (!node->is_scalar() || error != std::errc() || stop != end) {
      faults().add(*node, "a seed is a whole number from 0 to 2^64 - 1");
    }
    return seed;
  }

  void parse_model(const Node& node) {
    Fields f(node, faults());
    visit_model_fields(plan_.model, [&](const char* name, auto& field) {
      using Field = std::decay_t<decltype(field)>;
      if constexpr (std::is_same_v<Field, std::string>) {
        field = f.text(name, field);
      } else if constexpr (std::is_same_v<Field, bool>) {
        field = f.boolean(name, field);
      } else if constexpr (std::is_same_v<Field, double>) {
        field = f.number(name, field);
      } else if constexpr (std::is_same_v<Field, std::vector<int>>) {
        for (const Node* item : f.list(name)) {
          field.push_back(static_cast<int>(scalar_integer(*item, 0, kLargestInt, faults())));
        }
      } else if constexpr (std::is_same_v<Field, std::vector<std::string>>) {
        for (const Node* item : f.list(name)) field.push_back(scalar_text(*item, faults()));
      } else {
        field = f.int_or(name, field);
      }
    });
    f.finish();
  }

  void parse_groups() {
    for (const Node* node : entries("groups")) {
      Fields f(*node, faults());
      Group group;
      group.role = f.text("role");
      group.object = f.text("object", group.role);
      for (const Node* part : f.list("parts")) {
        const auto ranks = parse_ranks(scalar_text(*part, faults()), plan_.world);
        if (ranks) group.parts.push_back(*ranks);
        if (!ranks) add_bad_ranks(*part);
      }
      f.finish();
      state_.groups.add(group.role);
      plan_.groups.push_back(std::move(group));
    }
  }

  void add_bad_ranks(const Node& node) {
    faults().add(node, fmt::format("expected ranks below {} such as \"0-3,6\", not '{}'",
                                   plan_.world, node.text));
  }

  void parse_steps() {
    for (const Node* node : entries("steps")) {
      Fields f(*node, faults());
      Step step;
      step.padding = static_cast<Padding>(f.choice("padding", padding_names(), 0));
      step.cuda_graph = f.boolean("cuda_graph", false);
      for (const Node* item : f.list("requests")) {
        Fields r(*item, faults());
        Request request;
        request.shard = static_cast<int>(r.integer("shard", 0, kLargestInt));
        request.index = static_cast<int>(r.integer_or("index", 0, 0, kLargestInt));
        request.first_token = r.integer("first_token", 0, kRowLimit);
        request.tokens = static_cast<int>(r.integer("tokens", 1, kLargestInt));
        request.prefix = static_cast<int>(r.integer_or("prefix", 0, 0, kLargestInt));
        r.finish();
        step.requests.push_back(request);
      }
      f.finish();
      plan_.steps.push_back(std::move(step));
    }
  }

  // The entries of `of:`, each with its ranks; together they are all ranks, each once.
  template <class T, class F>
  PerRank<T> parse_per_rank(Fields& table, F parse_value) {
    PerRank<T> result;
    result.index_of_rank.assign(static_cast<std::size_t>(plan_.world), -1);
    const std::size_t entries_before = result.distinct.size();
    for (const Node* node : table.list("of")) {
      Fields f(*node, faults());
      const Node* ranks = f.required("ranks");
      if (ranks != nullptr) assign_ranks(*ranks, result.distinct.size(), result.index_of_rank);
      result.distinct.push_back(parse_value(f));
      f.finish();
    }
    const auto missing = std::ranges::find(result.index_of_rank, -1);
    if (missing != result.index_of_rank.end()) {
      faults().add(table.node(), fmt::format("no entry of 'of' is for rank {}",
                                             missing - result.index_of_rank.begin()));
      if (result.distinct.size() == entries_before) result.distinct.emplace_back();
      for (int& index : result.index_of_rank) index = std::max(index, 0);
    }
    return result;
  }

  void assign_ranks(const Node& node, std::size_t entry, std::vector<int>& index_of_rank) {
    const auto ranks = parse_ranks(scalar_text(node, faults()), plan_.world);
    if (!ranks || ranks->empty()) return add_bad_ranks(node);
    for (const int rank : *ranks) {
      int& index = index_of_rank[static_cast<std::size_t>(rank)];
      if (index >= 0) faults().add(node, fmt::format("rank {} has two entries", rank));
      index = static_cast<int>(entry);
    }
  }

  void parse_rows() {
    for (const Node* node : entries("rows")) {
      Fields f(*node, faults());
      RowLayout layout{f.text("name"), {}};
      layout.rows = parse_per_rank<RowMap>(f, [&](Fields& entry) {
        const Node* runs = entry.required("runs");
        const auto map = parse_row_map(runs == nullptr ? "" : scalar_text(*runs, faults()));
        if (!map) {
          faults().add(*runs, fmt::format("expected tokens such as \"0-1023 7 pad*8\", not '{}'",
                                          runs->text));
        }
        return map.value_or(RowMap{});
      });
      f.finish();
      state_.layouts.add(layout.name);
      plan_.layouts.push_back(std::move(layout));
    }
  }

  void parse_moves() {
    for (const Node* node : entries("moves")) {
      Fields f(*node, faults());
      MoveTable table{f.text("name"), {}};
      table.of = parse_per_rank<RowMoves>(f, [&](Fields& entry) {
        RowMoves moves{entry.integer("rows", 0, kRowLimit), {}};
        const Node* list = entry.required("moves");
        const auto read = parse_move_list(list == nullptr ? "" : scalar_text(*list, faults()));
        if (!read) {
          faults().add(
              *list, fmt::format("expected moves such as \"0-1023>37 5>0\", not '{}'", list->text));
        }
        moves.moves = read.value_or(std::vector<Move>{});
        return moves;
      });
      f.finish();
      state_.moves.add(table.name);
      plan_.moves.push_back(std::move(table));
    }
  }

  void parse_sizes() {
    for (const Node* node : entries("sizes")) {
      Fields f(*node, faults());
      SizeTable table{f.text("name"), {}};
      for (const Node* size : f.list("sizes")) {
        table.sizes.push_back(scalar_integer(*size, 0, kRowLimit, faults()));
      }
      f.finish();
      state_.sizes.add(table.name);
      plan_.sizes.push_back(std::move(table));
    }
  }

  void parse_placements() {
    for (const Node* node : entries("placements")) {
      Fields f(*node, faults());
      PlacementTable table{f.text("name"), {}};
      table.of = parse_per_rank<std::vector<ShareRange>>(f, [&](Fields& entry) {
        const Node* list = entry.required("shares");
        const auto read = parse_share_ranges(list == nullptr ? "" : scalar_text(*list, faults()));
        if (!read) {
          faults().add(*list,
                       fmt::format("expected shares such as \"0-47,95\", not '{}'", list->text));
        }
        return read.value_or(std::vector<ShareRange>{});
      });
      f.finish();
      state_.placements.add(table.name);
      plan_.placements.push_back(std::move(table));
    }
  }

  void parse_tensors() {
    for (const Node* node : entries("tensors")) {
      Tensor tensor;
      if (node->is_scalar()) {
        tensor = {node->text, node->text, "hidden", "bfloat16"};
      } else {
        Fields f(*node, faults());
        tensor.name = f.text("name");
        tensor.buffer = f.text("buffer", tensor.name);
        tensor.columns = f.text("columns", "hidden");
        tensor.dtype = f.text("dtype", "bfloat16");
        f.finish();
      }
      state_.tensors.add(tensor.name);
      plan_.tensors.push_back(std::move(tensor));
    }
  }

  void parse_terms() {
    const auto other = static_cast<std::size_t>(TermKind::other);
    for (const Node* node : entries("terms")) {
      Fields f(*node, faults());
      Term term;
      term.name = f.text("name");
      term.kind = static_cast<TermKind>(f.choice("kind", as_list(kTermKindNames), other));
      term.step = f.int_or("step", 0);
      term.layer = f.int_or("layer", -1);
      term.index = f.int_or("index", 0);
      term.shares = f.int_or("shares", 1);
      term.combine = static_cast<Reduction>(f.choice("combine", as_list(kReductionNames), 0));
      term.same_as = state_.resolve_optional<TermId>(f, "same_as", state_.terms);
      f.finish();
      state_.terms.add(term.name);
      plan_.terms.push_back(std::move(term));
    }
  }

  void parse_closings() {
    for (const Node* node : entries("closings")) {
      Fields f(*node, faults());
      Closing closing;
      if (const Node* handle = f.required("handle")) {
        closing.handle = state_.resolve<TermId>(*handle, state_.terms, "term");
      }
      for (const Node* part : f.list("parts")) {
        closing.parts.push_back(state_.resolve<TermId>(*part, state_.terms, "term"));
      }
      f.finish();
      plan_.closings.push_back(std::move(closing));
    }
  }

  void parse_reasons() {
    for (const Node* node : entries("reasons")) {
      Fields f(*node, faults());
      Reason reason;
      reason.rule = f.text("rule");
      reason.value = f.text("value", "");
      if (const Node* inputs = f.optional("inputs")) {
        if (!inputs->is_map()) faults().add(*inputs, "inputs is a map from name to value");
        for (std::size_t i = 0; i < inputs->keys.size(); ++i) {
          reason.inputs.emplace_back(inputs->keys[i].text, scalar_text(inputs->items[i], faults()));
        }
      }
      reason.file = f.text("file", "");
      reason.function = f.text("function", "");
      for (const Node* change : f.list("changes")) {
        reason.changes.push_back(
            static_cast<int>(scalar_integer(*change, 0, kLargestInt, faults())));
      }
      f.finish();
      plan_.reasons.push_back(std::move(reason));
    }
    state_.reasons = plan_.reasons.size();
  }

  Fields& top_;
  ParseState& state_;
  Plan plan_;
};

}  // namespace

Plan parse_tables(Fields& top, ParseState& state) { return TableParser(top, state).parse(); }

}  // namespace lockstep

#include "sim/plan/json.h"

#include <utility>

#include "sim/base/hash.h"
#include "sim/plan/model_fields.h"
#include "sim/plan/names.h"
#include "sim/plan/text.h"

namespace lockstep {
namespace {

using Json = nlohmann::ordered_json;

template <class T, class F>
Json list(const std::vector<T>& items, F json_of) {
  Json array = Json::array();
  for (const T& item : items) array.push_back(json_of(item));
  return array;
}

std::string ranks_text(const std::vector<int>& ranks) {
  std::string text;
  for (const int rank : ranks) text += (text.empty() ? "" : ",") + std::to_string(rank);
  return text;
}

// One entry for each distinct value: its ranks, then what `add` says of it.
template <class T, class F>
Json per_rank(const PerRank<T>& table, F add) {
  std::vector<std::vector<int>> holders(table.distinct.size());
  for (std::size_t rank = 0; rank < table.index_of_rank.size(); ++rank) {
    holders[static_cast<std::size_t>(table.index_of_rank[rank])].push_back(static_cast<int>(rank));
  }
  Json entries = Json::array();
  for (std::size_t i = 0; i < holders.size(); ++i) {
    Json entry{{"ranks", to_string(RankSet::of(holders[i]))}};
    add(entry, table.distinct[i]);
    entries.push_back(std::move(entry));
  }
  return entries;
}

Json model_json(const Model& model) {
  Json json = Json::object();
  visit_set_model_fields(model,
                         [&json](const char* name, const auto& field) { json[name] = field; });
  return json;
}

Json step_json(const Step& step) {
  return {{"padding", to_string(step.padding)},
          {"cuda_graph", step.cuda_graph},
          {"requests", list(step.requests, [](const Request& r) -> Json {
             return {{"shard", r.shard},
                     {"index", r.index},
                     {"first_token", r.first_token},
                     {"tokens", r.tokens},
                     {"prefix", r.prefix}};
           })}};
}

Json group_json(const Group& group) {
  return {{"role", group.role}, {"object", group.object}, {"parts", list(group.parts, ranks_text)}};
}

Json reason_json(const Reason& reason) {
  Json inputs = Json::object();
  for (const auto& [name, value] : reason.inputs) inputs[name] = value;
  return {{"rule", reason.rule}, {"value", reason.value},       {"inputs", inputs},
          {"file", reason.file}, {"function", reason.function}, {"changes", reason.changes}};
}

class PlanToJson {
 public:
  explicit PlanToJson(const Plan& plan) : plan_(plan) {}

  Json convert() {
    Json json{{"schema", "lockstep.plan/1"}, {"plan_hash", hex64(hash(plan_))}, {"lockstep", 1}};
    json["plan"] = plan_.name;
    json["origin"] = {{"system", plan_.origin.system},
                      {"asked", plan_.origin.asked},
                      {"resolved_after", plan_.origin.resolved_after},
                      {"epoch", plan_.origin.epoch}};
    json["notes"] = plan_.notes;
    if (!plan_.unknown.empty()) json["unknown"] = plan_.unknown;
    json["seed"] = plan_.seed;
    json["model"] = model_json(plan_.model);
    json["world"] = plan_.world;
    json["groups"] = list(plan_.groups, group_json);
    json["steps"] = list(plan_.steps, step_json);
    add_row_tables(json);
    add_values(json);
    json["reasons"] = list(plan_.reasons, reason_json);
    json["program"] = list(plan_.operations, [this](const Operation& op) { return line(op); });
    return json;
  }

 private:
  void add_row_tables(Json& json) {
    json["rows"] = list(plan_.layouts, [](const RowLayout& layout) -> Json {
      return {{"name", layout.name}, {"of", per_rank(layout.rows, [](Json& entry, const RowMap& m) {
                                        entry["runs"] = to_string(m);
                                      })}};
    });
    json["moves"] = list(plan_.moves, [](const MoveTable& table) -> Json {
      return {{"name", table.name}, {"of", per_rank(table.of, [](Json& entry, const RowMoves& m) {
                                       entry["rows"] = m.rows_out;
                                       entry["moves"] = to_string(m.moves);
                                     })}};
    });
    json["sizes"] = list(plan_.sizes, [](const SizeTable& table) -> Json {
      return {{"name", table.name}, {"sizes", table.sizes}};
    });
    if (plan_.placements.empty()) return;
    json["placements"] = list(plan_.placements, [](const PlacementTable& table) -> Json {
      return {{"name", table.name},
              {"of", per_rank(table.of, [](Json& entry, const std::vector<ShareRange>& ranges) {
                 entry["shares"] = to_string(ranges);
               })}};
    });
  }

  void add_values(Json& json) {
    json["tensors"] = list(plan_.tensors, [](const Tensor& t) -> Json {
      return {{"name", t.name}, {"buffer", t.buffer}, {"columns", t.columns}, {"dtype", t.dtype}};
    });
    json["terms"] = list(plan_.terms, [this](const Term& t) { return term(t); });
    json["closings"] = list(plan_.closings, [this](const Closing& c) -> Json {
      return {{"handle", plan_.term(c.handle).name}, {"parts", terms(c.parts)}};
    });
  }

  Json term(const Term& t) {
    Json json{{"name", t.name},   {"kind", to_string(t.kind)}, {"step", t.step},
              {"layer", t.layer}, {"index", t.index},          {"shares", t.shares}};
    if (t.combine != Reduction::sum) json["combine"] = to_string(t.combine);
    if (t.same_as.exists()) json["same_as"] = plan_.term(t.same_as).name;
    return json;
  }

  Json terms(const std::vector<TermId>& ids) {
    return list(ids, [this](TermId id) { return plan_.term(id).name; });
  }

  void add_group(Json& json, const char* key, GroupId group) {
    if (group.exists()) json[key] = plan_.group(group).role;
  }

  Json tensor(TensorId id, SpecId spec_id) {
    const std::string& name = plan_.tensor(id).name;
    if (!spec_id.exists()) return name;
    const StateSpec& spec = plan_.spec(spec_id);
    Json state{{"rows", plan_.layout(spec.rows).name}, {"terms", terms(spec.terms)}};
    add_group(state, "partial_over", spec.partial_over);
    add_group(state, "columns_over", spec.columns_over);
    if (spec.zero_padding) state["zero_padding"] = true;
    Json json = Json::object();
    json[name] = std::move(state);
    return json;
  }

  Json production(const Production& p) {
    Json json{{"term", plan_.term(p.term).name}, {"units", p.units}};
    add_group(json, "major", p.major);
    add_group(json, "minor", p.minor);
    if (p.placement.exists()) json["placement"] = plan_.placement_table(p.placement).name;
    json["coefficient"] = to_string(p.coefficient);
    return json;
  }

  Json line(const Operation& op) {
    Json json{{"op", to_string(op.kind)},
              {"name", op.name},
              {"step", op.site.step},
              {"layer", op.site.layer},
              {"module", op.site.module}};
    if (!op.ranks.empty()) json["ranks"] = to_string(op.ranks);
    json["in"] = list(op.in, [this](const Operand& in) { return tensor(in.tensor, in.expect); });
    json["out"] =
        list(op.out, [this](const Output& out) { return tensor(out.tensor, out.declared); });
    if (!op.produces.empty()) {
      json["produces"] = list(op.produces, [this](const Production& p) { return production(p); });
    }
    add_group(json, "group", op.group);
    if (op.sizes.exists()) json["sizes"] = plan_.size_table(op.sizes).name;
    if (op.moves.exists()) json["moves"] = plan_.move_table(op.moves).name;
    if (op.kind == OpKind::copy_rows) json["fill"] = to_string(op.fill);
    if (op.kind == OpKind::all_gather) json["axis"] = to_string(op.axis);
    if (op.reduction != Reduction::sum) json["reduction"] = to_string(op.reduction);
    if (takes_root(op.kind)) json["root"] = op.root;
    if (!op.to.empty()) json["to"] = op.to;
    if (!op.from.empty()) json["from"] = op.from;
    if (op.kind == OpKind::scale) json["factor"] = to_string(op.factor);
    if (op.kind == OpKind::require) json["boundary"] = op.boundary;
    json["stream"] = op.stream;
    json["waits"] = op.waits;
    json["records"] = op.records;
    if (op.line > 0) json["line"] = op.line;
    json["because"] = list(op.because, [](ReasonId id) { return id.value; });
    return json;
  }

  const Plan& plan_;
};

}  // namespace

nlohmann::ordered_json plan_json(const Plan& plan) { return PlanToJson(plan).convert(); }

std::string dump(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace lockstep

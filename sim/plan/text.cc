#include "sim/plan/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <type_traits>

#include "sim/base/text.h"
#include "sim/plan/model_fields.h"
#include "sim/plan/names.h"

namespace lockstep {
namespace {

// Builds "{key: value, ...}".
class FlowMap {
 public:
  FlowMap& raw(std::string_view key, const std::string& value) {
    text_ += fmt::format("{}{}: {}", text_.empty() ? "" : ", ", key, value);
    return *this;
  }
  FlowMap& text(std::string_view key, const std::string& value) {
    return raw(key, yaml_scalar(value));
  }
  template <class T>
  FlowMap& number(std::string_view key, T value) {
    return raw(key, fmt::format("{}", value));
  }
  template <class T>
  FlowMap& number_unless(std::string_view key, T value, T usual) {
    return value == usual ? *this : number(key, value);
  }
  FlowMap& text_unless(std::string_view key, const std::string& value, const std::string& usual) {
    return value == usual ? *this : text(key, value);
  }
  std::string str() const { return "{" + text_ + "}"; }

 private:
  std::string text_;
};

template <class T, class F>
std::string flow_list(const std::vector<T>& items, F text_of) {
  std::vector<std::string> parts;
  parts.reserve(items.size());
  for (const T& item : items) parts.push_back(text_of(item));
  return "[" + join(parts, ", ") + "]";
}

std::string numbers(const std::vector<int>& items) {
  return flow_list(items, [](int n) { return fmt::format("{}", n); });
}

std::string model_text(const Model& model) {
  FlowMap map;
  const Model usual;
  std::vector<std::string> usual_values;
  const auto text_of = [](const auto& field) {
    if constexpr (std::is_same_v<std::decay_t<decltype(field)>, std::string>) {
      return yaml_scalar(field);
    } else if constexpr (std::is_same_v<std::decay_t<decltype(field)>, std::vector<int>>) {
      return numbers(field);
    } else if constexpr (std::is_same_v<std::decay_t<decltype(field)>, std::vector<std::string>>) {
      return flow_list(field, [](const std::string& text) { return yaml_scalar(text); });
    } else {
      return fmt::format("{}", field);
    }
  };
  visit_model_fields(usual, [&](const char* /*name*/, const auto& field) {
    usual_values.push_back(text_of(field));
  });
  std::size_t i = 0;
  visit_model_fields(model, [&](const char* name, const auto& field) {
    const std::string value = text_of(field);
    if (value != usual_values[i++]) map.raw(name, value);
  });
  return map.str();
}

// The ranks that hold each distinct value of a table.
template <class T>
std::vector<std::string> holders(const PerRank<T>& table) {
  std::vector<std::vector<int>> ranks(table.distinct.size());
  for (std::size_t rank = 0; rank < table.index_of_rank.size(); ++rank) {
    ranks[static_cast<std::size_t>(table.index_of_rank[rank])].push_back(static_cast<int>(rank));
  }
  std::vector<std::string> texts;
  for (const std::vector<int>& of : ranks) texts.push_back(to_string(RankSet::of(of)));
  return texts;
}

// Ranks in the order of the part: "0-3,7", "4,0".
std::string part_text(const std::vector<int>& part) {
  std::vector<std::string> runs;
  for (std::size_t i = 0; i < part.size();) {
    std::size_t end = i + 1;
    while (end < part.size() && part[end] == part[end - 1] + 1) ++end;
    runs.push_back(end - i == 1 ? fmt::format("{}", part[i])
                                : fmt::format("{}-{}", part[i], part[end - 1]));
    i = end;
  }
  return yaml_scalar(join(runs, ","));
}

class Printer {
 public:
  explicit Printer(const Plan& plan) : plan_(plan) {}

  std::string header() {
    out_ += fmt::format("lockstep: 1\nplan: {}\n", yaml_scalar(plan_.name));
    print_origin();
    out_ += fmt::format("seed: {}\nmodel: {}\nworld: {}\n", plan_.seed, model_text(plan_.model),
                        plan_.world);
    print_groups();
    print_steps();
    print_rows();
    print_moves();
    list("sizes", plan_.sizes, [](const SizeTable& t) {
      return FlowMap()
          .text("name", t.name)
          .raw("sizes", flow_list(t.sizes, [](std::int64_t n) { return fmt::format("{}", n); }))
          .str();
    });
    print_placements();
    print_tensors();
    print_terms();
    print_reasons();
    return std::move(out_);
  }

  std::string program() {
    out_ += "program:\n";
    const Site* before = nullptr;
    for (const Operation& op : plan_.operations) {
      const bool moved =
          before == nullptr || before->step != op.site.step || before->layer != op.site.layer;
      if (moved) out_ += place_comment(op.site);
      before = &op.site;
      out_ += fmt::format("  - {}\n", operation_text(plan_, op, Reasons::numbers));
    }
    if (plan_.operations.empty()) out_.replace(out_.size() - 1, 1, " []\n");
    return std::move(out_);
  }

 private:
  template <class T, class F>
  void list(std::string_view key, const std::vector<T>& entries, F text_of) {
    if (entries.empty()) return;
    out_ += fmt::format("{}:\n", key);
    for (const T& entry : entries) out_ += fmt::format("  - {}\n", text_of(entry));
  }

  void print_origin() {
    const Origin& o = plan_.origin;
    if (o != Origin{}) {
      out_ += fmt::format("origin: {}\n", FlowMap()
                                              .text_unless("system", o.system, "")
                                              .text_unless("asked", o.asked, "")
                                              .text_unless("resolved_after", o.resolved_after, "")
                                              .text_unless("epoch", o.epoch, "")
                                              .str());
    }
    list("notes", plan_.notes, [](const std::string& note) { return yaml_scalar(note); });
    list("unknown", plan_.unknown, [](const std::string& fact) { return yaml_scalar(fact); });
  }

  void print_groups() {
    list("groups", plan_.groups, [](const Group& g) {
      return FlowMap()
          .text("role", g.role)
          .text_unless("object", g.object, g.role)
          .raw("parts", flow_list(g.parts, part_text))
          .str();
    });
  }

  void print_steps() {
    out_ += "steps:\n";
    for (const Step& step : plan_.steps) {
      out_ +=
          fmt::format("  - padding: {}\n    cuda_graph: {}\n    requests:{}\n",
                      to_string(step.padding), step.cuda_graph, step.requests.empty() ? " []" : "");
      for (const Request& r : step.requests) {
        const std::string line = FlowMap()
                                     .number("shard", r.shard)
                                     .number_unless("index", r.index, 0)
                                     .number("first_token", r.first_token)
                                     .number("tokens", r.tokens)
                                     .number_unless("prefix", r.prefix, 0)
                                     .str();
        out_ += fmt::format("      - {}\n", line);
      }
    }
  }

  template <class T, class F>
  void print_per_rank(std::string_view key, const std::string& name, const PerRank<T>& of,
                      F fill_in) {
    const std::vector<std::string> ranks = holders(of);
    out_ += fmt::format("  - name: {}\n    {}:\n", yaml_scalar(name), key);
    for (std::size_t i = 0; i < of.distinct.size(); ++i) {
      FlowMap map;
      map.text("ranks", ranks[i]);
      fill_in(map, of.distinct[i]);
      out_ += fmt::format("      - {}\n", map.str());
    }
  }

  void print_rows() {
    if (!plan_.layouts.empty()) out_ += "rows:\n";
    for (const RowLayout& layout : plan_.layouts) {
      print_per_rank("of", layout.name, layout.rows,
                     [](FlowMap& map, const RowMap& rows) { map.text("runs", to_string(rows)); });
    }
  }

  void print_moves() {
    if (!plan_.moves.empty()) out_ += "moves:\n";
    for (const MoveTable& table : plan_.moves) {
      print_per_rank("of", table.name, table.of, [](FlowMap& map, const RowMoves& moves) {
        map.number("rows", moves.rows_out).text("moves", to_string(moves.moves));
      });
    }
  }

  void print_placements() {
    if (!plan_.placements.empty()) out_ += "placements:\n";
    for (const PlacementTable& table : plan_.placements) {
      print_per_rank("of", table.name, table.of,
                     [](FlowMap& map, const std::vector<ShareRange>& ranges) {
                       map.text("shares", to_string(ranges));
                     });
    }
  }

  void print_tensors() {
    list("tensors", plan_.tensors, [](const Tensor& t) {
      if (t.buffer == t.name && t.columns == "hidden" && t.dtype == "bfloat16") {
        return yaml_scalar(t.name);
      }
      return FlowMap()
          .text("name", t.name)
          .text_unless("buffer", t.buffer, t.name)
          .text_unless("columns", t.columns, "hidden")
          .text_unless("dtype", t.dtype, "bfloat16")
          .str();
    });
  }

  void print_terms() {
    list("terms", plan_.terms, [this](const Term& t) {
      return FlowMap()
          .text("name", t.name)
          .text("kind", to_string(t.kind))
          .number_unless("step", t.step, 0)
          .number_unless("layer", t.layer, -1)
          .number_unless("index", t.index, 0)
          .number_unless("shares", t.shares, 1)
          .text_unless("combine", to_string(t.combine), to_string(Reduction::sum))
          .text_unless("same_as", t.same_as.exists() ? plan_.term(t.same_as).name : "", "")
          .str();
    });
    list("closings", plan_.closings, [this](const Closing& c) {
      return FlowMap()
          .text("handle", plan_.term(c.handle).name)
          .raw("parts",
               flow_list(c.parts, [this](TermId id) { return yaml_scalar(plan_.term(id).name); }))
          .str();
    });
  }

  void print_reasons() {
    if (!plan_.reasons.empty()) out_ += "reasons:\n";
    for (std::size_t i = 0; i < plan_.reasons.size(); ++i) {
      const Reason& r = plan_.reasons[i];
      FlowMap inputs;
      for (const auto& [name, value] : r.inputs) inputs.text(yaml_scalar(name), value);
      FlowMap map;
      map.text("rule", r.rule).text_unless("value", r.value, "");
      if (!r.inputs.empty()) map.raw("inputs", inputs.str());
      map.text_unless("file", r.file, "").text_unless("function", r.function, "");
      if (!r.changes.empty()) map.raw("changes", numbers(r.changes));
      out_ += fmt::format("  - {}  # {}\n", map.str(), i);
    }
  }

  std::string place_comment(const Site& site) const {
    const std::string step = plan_.steps.size() > 1 ? fmt::format("step {}, ", site.step) : "";
    return site.layer < 0 ? fmt::format("  # {}outside the layers\n", step)
                          : fmt::format("  # {}layer {}\n", step, site.layer);
  }

  const Plan& plan_;
  std::string out_;
};

std::string spec_text(const Plan& plan, SpecId id) {
  const StateSpec& spec = plan.spec(id);
  FlowMap map;
  map.text("rows", plan.layout(spec.rows).name);
  map.raw("terms", flow_list(spec.terms, [&](TermId t) { return yaml_scalar(plan.term(t).name); }));
  if (spec.partial_over.exists()) map.text("partial_over", plan.group(spec.partial_over).role);
  if (spec.columns_over.exists()) map.text("columns_over", plan.group(spec.columns_over).role);
  if (spec.zero_padding) map.raw("zero_padding", "true");
  return map.str();
}

std::string tensor_text(const Plan& plan, TensorId tensor, SpecId spec) {
  const std::string& name = plan.tensor(tensor).name;
  if (!spec.exists()) return yaml_scalar(name);
  return FlowMap().raw(yaml_scalar(name), spec_text(plan, spec)).str();
}

std::string production_text(const Plan& plan, const Production& p) {
  FlowMap map;
  map.text("term", plan.term(p.term).name).number_unless("units", p.units, 1);
  if (p.major.exists()) map.text("major", plan.group(p.major).role);
  if (p.minor.exists()) map.text("minor", plan.group(p.minor).role);
  if (p.placement.exists()) map.text("placement", plan.placement_table(p.placement).name);
  if (!p.coefficient.is_one()) map.text("coefficient", to_string(p.coefficient));
  return map.str();
}

void add_arguments(const Plan& plan, const Operation& op, FlowMap& map) {
  if (op.group.exists()) map.text("group", plan.group(op.group).role);
  if (op.sizes.exists()) map.text("sizes", plan.size_table(op.sizes).name);
  if (op.moves.exists()) map.text("moves", plan.move_table(op.moves).name);
  map.text_unless("fill", to_string(op.fill), to_string(Fill::zero));
  map.text_unless("axis", to_string(op.axis), to_string(Axis::rows));
  map.text_unless("reduction", to_string(op.reduction), to_string(Reduction::sum));
  map.number_unless("root", op.root, 0);
  if (!op.to.empty()) map.raw("to", numbers(op.to));
  if (!op.from.empty()) map.raw("from", numbers(op.from));
  if (!op.factor.is_one()) map.text("factor", to_string(op.factor));
  if (op.boundary) map.raw("boundary", "true");
  map.number_unless("stream", op.stream, 0);
  if (!op.waits.empty()) map.raw("waits", numbers(op.waits));
  map.number_unless("records", op.records, -1);
}

}  // namespace

std::string operation_text(const Plan& plan, const Operation& op, Reasons reasons) {
  FlowMap map;
  map.text("op", to_string(op.kind)).text_unless("name", op.name, to_string(op.kind));
  map.number_unless("step", op.site.step, 0).number_unless("layer", op.site.layer, -1);
  map.text("module", op.site.module);
  if (!op.ranks.empty()) map.text("ranks", to_string(op.ranks));
  if (!op.in.empty()) {
    map.raw("in", flow_list(op.in, [&](const Operand& in) {
              return tensor_text(plan, in.tensor, in.expect);
            }));
  }
  if (!op.out.empty()) {
    map.raw("out", flow_list(op.out, [&](const Output& out) {
              return tensor_text(plan, out.tensor, out.declared);
            }));
  }
  if (!op.produces.empty()) {
    map.raw("produces",
            flow_list(op.produces, [&](const Production& p) { return production_text(plan, p); }));
  }
  add_arguments(plan, op, map);
  if (reasons == Reasons::numbers && !op.because.empty()) {
    map.raw("because",
            flow_list(op.because, [](ReasonId id) { return fmt::format("{}", id.value); }));
  }
  map.number_unless("line", op.line, 0);
  return map.str();
}

std::string header_text(const Plan& plan) { return Printer(plan).header(); }

std::string print(const Plan& plan) {
  return Printer(plan).header() + "\n" + Printer(plan).program();
}

}  // namespace lockstep

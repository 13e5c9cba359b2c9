#include <fmt/format.h>

#include "sim/plan/names.h"
#include "sim/plan/parse_state.h"

namespace lockstep {
namespace {

// A tensor with the state it must have or shall have: `x` or `{x: {rows: ..., terms: [...]}}`.
struct TensorWithSpec {
  TensorId tensor;
  SpecId spec;
};

class OperationParser {
 public:
  OperationParser(const Node& line, ParseState& state, PlanBuilder& builder)
      : fields_(line, state.faults), state_(state), builder_(builder) {}

  Operation parse() {
    Operation op;
    const std::vector<std::string> kinds = op_kind_names();
    if (fields_.node().find("op") == nullptr) fields_.required("op");
    op.kind =
        static_cast<OpKind>(fields_.choice("op", kinds, static_cast<std::size_t>(OpKind::require)));
    op.name = fields_.text("name", to_string(op.kind));
    op.site.step = fields_.int_or("step", 0);
    op.site.layer = fields_.int_or("layer", -1);
    op.site.module = fields_.text("module");
    parse_ranks_of(op);
    for (const Node* node : fields_.list("in")) {
      const TensorWithSpec in = parse_tensor(*node);
      op.in.push_back({in.tensor, in.spec});
    }
    for (const Node* node : fields_.list("out")) {
      const TensorWithSpec out = parse_tensor(*node);
      op.out.push_back({out.tensor, out.spec});
    }
    for (const Node* node : fields_.list("produces"))
      op.produces.push_back(parse_production(*node));
    parse_arguments(op);
    parse_order(op);
    parse_reasons(op);
    op.line = fields_.int_or("line", 0);
    fields_.finish();
    return op;
  }

 private:
  void parse_ranks_of(Operation& op) {
    const Node* node = fields_.optional("ranks");
    if (node == nullptr) return;
    const auto ranks = parse_ranks(scalar_text(*node, state_.faults), builder_.plan().world);
    if (ranks && !ranks->empty()) {
      op.ranks = RankSet::of(*ranks);
    } else {
      state_.faults.add(*node, fmt::format("expected ranks below {} such as \"0-3,6\", not '{}'",
                                           builder_.plan().world, node->text));
    }
  }

  TensorWithSpec parse_tensor(const Node& node) {
    if (node.is_map() && node.keys.size() == 1) {
      return {state_.resolve<TensorId>(node.keys[0], state_.tensors, "tensor"),
              parse_spec(node.items[0])};
    }
    if (!node.is_scalar()) {
      state_.faults.add(node, "expected a tensor, or {tensor: {rows: ..., terms: [...]}}");
      return {};
    }
    return {state_.resolve<TensorId>(node, state_.tensors, "tensor"), SpecId::none()};
  }

  SpecId parse_spec(const Node& node) {
    Fields f(node, state_.faults);
    StateSpec spec;
    if (const Node* rows = f.required("rows")) {
      spec.rows = state_.resolve<LayoutId>(*rows, state_.layouts, "row layout");
    }
    for (const Node* term : f.list("terms")) {
      spec.terms.push_back(state_.resolve<TermId>(*term, state_.terms, "term"));
    }
    spec.partial_over = state_.resolve_optional<GroupId>(f, "partial_over", state_.groups);
    spec.columns_over = state_.resolve_optional<GroupId>(f, "columns_over", state_.groups);
    spec.zero_padding = f.boolean("zero_padding", false);
    f.finish();
    const SpecId id = builder_.spec(std::move(spec));
    std::vector<const Node*>& places = state_.places["specs"];
    if (id.index() == places.size()) places.push_back(&node);
    return id;
  }

  Production parse_production(const Node& node) {
    Fields f(node, state_.faults);
    Production p;
    if (const Node* term = f.required("term")) {
      p.term = state_.resolve<TermId>(*term, state_.terms, "term");
    }
    p.major = state_.resolve_optional<GroupId>(f, "major", state_.groups);
    p.minor = state_.resolve_optional<GroupId>(f, "minor", state_.groups);
    p.units = f.int_or("units", 1);
    p.placement = state_.resolve_optional<PlacementId>(f, "placement", state_.placements);
    p.coefficient = parse_rational_in(f, "coefficient");
    f.finish();
    return p;
  }

  Rational parse_rational_in(Fields& f, std::string_view key) {
    const Node* node = f.optional(key);
    if (node == nullptr) return 1;
    const Rational value = parse_rational(scalar_text(*node, state_.faults));
    if (value.overflowed()) {
      state_.faults.add(*node,
                        fmt::format("{} is a fraction such as 1/8, not '{}'", key, node->text));
    }
    return value;
  }

  void parse_arguments(Operation& op) {
    op.group = state_.resolve_optional<GroupId>(fields_, "group", state_.groups);
    op.sizes = state_.resolve_optional<SizesId>(fields_, "sizes", state_.sizes);
    op.moves = state_.resolve_optional<MovesId>(fields_, "moves", state_.moves);
    op.fill = static_cast<Fill>(fields_.choice("fill", as_list(kFillNames), 0));
    op.axis = static_cast<Axis>(fields_.choice("axis", as_list(kAxisNames), 0));
    op.reduction = static_cast<Reduction>(fields_.choice("reduction", as_list(kReductionNames), 0));
    op.root = fields_.int_or("root", 0);
    op.to = parse_members("to");
    op.from = parse_members("from");
    op.factor = parse_rational_in(fields_, "factor");
    op.boundary = fields_.boolean("boundary", false);
  }

  std::vector<int> parse_members(std::string_view key) {
    constexpr int kMost = std::numeric_limits<int>::max();
    std::vector<int> members;
    for (const Node* member : fields_.list(key)) {
      members.push_back(static_cast<int>(scalar_integer(*member, -1, kMost, state_.faults)));
    }
    return members;
  }

  void parse_order(Operation& op) {
    constexpr int kMost = std::numeric_limits<int>::max();
    op.stream = static_cast<int>(fields_.integer_or("stream", 0, 0, kMost));
    for (const Node* event : fields_.list("waits")) {
      op.waits.push_back(static_cast<int>(scalar_integer(*event, 0, kMost, state_.faults)));
    }
    op.records = static_cast<int>(fields_.integer_or("records", -1, -1, kMost));
  }

  void parse_reasons(Operation& op) {
    for (const Node* node : fields_.list("because")) {
      const auto last = static_cast<std::int64_t>(state_.reasons) - 1;
      if (last < 0) {
        state_.faults.add(*node, "there are no reasons to refer to");
        continue;
      }
      op.because.push_back(
          ReasonId{static_cast<std::int32_t>(scalar_integer(*node, 0, last, state_.faults))});
    }
  }

  Fields fields_;
  ParseState& state_;
  PlanBuilder& builder_;
};

}  // namespace

void parse_operation(const Node& line, ParseState& state, PlanBuilder& builder) {
  builder.append(OperationParser(line, state, builder).parse());
}

}  // namespace lockstep

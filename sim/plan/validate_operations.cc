#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "sim/plan/op_shapes.h"
#include "sim/plan/validate.h"

namespace lockstep {
namespace {

std::string more_operands(const OpShape& shape) {
  if (shape.most_in == shape.least_in) return {};
  return shape.most_in == kAnyCount ? " or more" : fmt::format(" or {}", shape.most_in);
}

template <class IdType, class T>
bool in_range(IdType id, const std::vector<T>& table) {
  return id.exists() && id.index() < table.size();
}

class OperationChecks {
 public:
  explicit OperationChecks(const Plan& plan) : plan_(plan) {
    for (const Group& group : plan.groups) {
      std::vector<bool>& members = members_of_.emplace_back(world(), false);
      for (const std::vector<int>& part : group.parts) {
        for (const int rank : part) members[static_cast<std::size_t>(rank)] = true;
      }
      holds_all_.push_back(std::ranges::find(members, false) == members.end());
    }
    columns_of_spec_.resize(plan.specs.size());
  }

  std::vector<PlanFault> faults() {
    for (std::size_t i = 0; i < plan_.operations.size(); ++i) {
      index_ = static_cast<int>(i);
      check(plan_.operations[i]);
    }
    return std::move(faults_);
  }

 private:
  std::size_t world() const { return static_cast<std::size_t>(plan_.world); }
  void add(std::string message) { faults_.push_back({"program", index_, std::move(message)}); }

  void check(const Operation& op) {
    if (static_cast<int>(op.kind) >= kOpKinds) {
      add("is of no known kind");
      return;
    }
    if (!check_ids(op)) return;
    check_site(op);
    check_operands(op);
    check_arguments(op);
    check_group(op);
    check_productions(op);
    check_order(op);
  }

  bool check_ids(const Operation& op) {
    const std::size_t before = faults_.size();
    for (const Operand& in : op.in) {
      if (!in_range(in.tensor, plan_.tensors)) add("reads a tensor that does not exist");
      if (in.expect.value != -1 && !in_range(in.expect, plan_.specs)) add("expects no known state");
    }
    for (const Output& out : op.out) {
      if (!in_range(out.tensor, plan_.tensors)) add("writes a tensor that does not exist");
      if (!in_range(out.declared, plan_.specs)) add("does not declare the state of its result");
    }
    for (const Production& p : op.produces) {
      const bool groups_exist = (p.major.value == -1 || in_range(p.major, plan_.groups)) &&
                                (p.minor.value == -1 || in_range(p.minor, plan_.groups));
      if (!in_range(p.term, plan_.terms)) add("produces a term that does not exist");
      if (!groups_exist) add("produces over a group that does not exist");
      if (p.placement.value != -1 && !in_range(p.placement, plan_.placements)) {
        add("produces by a placement that does not exist");
      }
    }
    for (const ReasonId id : op.because) {
      if (!in_range(id, plan_.reasons)) add("has a reason that does not exist");
    }
    if (!op.ranks.empty() &&
        (op.ranks.lowest() < 0 || op.ranks.intervals().back().last >= plan_.world)) {
      add(fmt::format("runs on ranks {} of a world of {}", to_string(op.ranks), plan_.world));
    }
    return faults_.size() == before;
  }

  void check_site(const Operation& op) {
    if (op.site.step < 0 || static_cast<std::size_t>(op.site.step) >= plan_.steps.size()) {
      add(fmt::format("is in step {} of {}", op.site.step, plan_.steps.size()));
    }
    if (op.site.layer < -1 || op.site.layer >= plan_.model.num_hidden_layers) {
      add(fmt::format("is in layer {} of {}", op.site.layer, plan_.model.num_hidden_layers));
    }
    if (op.site.module.empty()) add("belongs to no module");
  }

  void check_operands(const Operation& op) {
    const OpShape shape = op_shape(op.kind);
    if (op.in.size() < shape.least_in || op.in.size() > shape.most_in ||
        op.out.size() != shape.out) {
      add(fmt::format("{} has {} operands and {} results; it takes {}{} and gives {}",
                      to_string(op.kind), op.in.size(), op.out.size(), shape.least_in,
                      more_operands(shape), shape.out));
      return;
    }
    const bool judges = is_nonlinear(op.kind) || op.kind == OpKind::require;
    for (const Operand& in : op.in) {
      const std::string& name = plan_.tensor(in.tensor).name;
      if (judges && !in.expect.exists()) add(fmt::format("does not say what {} must be", name));
      if (!judges && in.expect.exists()) {
        add(fmt::format("{} judges no operand, but expects a state of {}", to_string(op.kind),
                        name));
      }
      if (in.expect.exists()) check_spec(op, in.expect, in.tensor);
      if (in.expect.exists() && is_nonlinear(op.kind)) check_whole(op.kind, in.expect, name);
    }
    for (const Output& out : op.out) {
      check_spec(op, out.declared, out.tensor);
      if (plan_.spec(out.declared).zero_padding) add("only an obligation asks for zero padding");
    }
    check_columns(op, shape);
    if (op.kind == OpKind::linear) check_linear(op);
  }

  // What is nonlinear in whole rows takes whole rows; `compute` goes column by column where it is
  // given a slice, and a matrix product may be of a part of its operand.
  void check_whole(OpKind kind, SpecId id, const std::string& name) {
    const StateSpec& spec = plan_.spec(id);
    const bool partial = spec.partial_over.exists() && kind != OpKind::linear;
    const bool sliced =
        spec.columns_over.exists() && kind != OpKind::linear && kind != OpKind::compute;
    if (partial || sliced) {
      add(fmt::format("is nonlinear, so {} must be complete, not partial or sliced", name));
    }
  }

  // The shares of a product of a part are those of the part.
  void check_linear(const Operation& op) {
    const StateSpec& in = plan_.spec(op.in.front().expect);
    const GroupId part = in.partial_over.exists() ? in.partial_over : in.columns_over;
    if (!part.exists() || op.produces.empty()) return;
    const Production& p = op.produces.front();
    if (p.placement.exists() || p.minor.exists() || p.major != part) {
      add(fmt::format("multiplies a part over {}, so its result has a share per member of {}",
                      plan_.group(part).role, plan_.group(part).role));
    }
  }

  // The interpreters look the column count of a spec up, so it must be one.
  void check_spec(const Operation& op, SpecId id, TensorId tensor) {
    const StateSpec& spec = plan_.spec(id);
    if (spec.partial_over.exists()) check_membership(op, spec.partial_over, "a value partial over");
    if (spec.columns_over.exists()) check_membership(op, spec.columns_over, "columns sliced over");
    std::string_view& known = columns_of_spec_[id.index()];
    const std::string& columns = plan_.tensor(tensor).columns;
    if (known.empty()) known = columns;
    if (known != columns) {
      add(fmt::format("{} has {} columns, but a tensor of the same terms has {}",
                      plan_.tensor(tensor).name, columns, known));
    }
  }

  void check_columns(const Operation& op, const OpShape& shape) {
    const auto differs = [&](TensorId tensor, std::string_view wanted) {
      const Tensor& t = plan_.tensor(tensor);
      if (wanted.empty() || t.columns == wanted) return;
      add(fmt::format("{} has {} columns; {} are needed", t.name, t.columns, wanted));
    };
    if (op.out.empty() || shape.free_columns) return;
    if (is_nonlinear(op.kind)) {
      if (!op.in.empty()) differs(op.in[0].tensor, shape.columns_in);
      if (op.in.size() > 1) differs(op.in[1].tensor, shape.columns_second);
      differs(op.out[0].tensor, shape.columns_out);
      if (op.kind != OpKind::lm_head && plan_.spec(op.out[0].declared).columns_over.exists()) {
        add("only lm_head, compute and linear make a slice of the columns");
      }
      return;
    }
    for (const Operand& in : op.in) differs(in.tensor, plan_.tensor(op.out[0].tensor).columns);
  }

  void check_arguments(const Operation& op) {
    const auto only_for = [&](bool given, bool wanted, std::string_view what) {
      if (given && !wanted) add(fmt::format("{} takes no {}", to_string(op.kind), what));
      if (wanted && !given) add(fmt::format("{} needs {}", to_string(op.kind), what));
    };
    only_for(op.moves.value != -1, op.kind == OpKind::copy_rows, "moves");
    only_for(op.sizes.value != -1, takes_sizes(op.kind), "sizes");
    const bool grouped = communicates(op.kind) || op.kind == OpKind::slice_columns;
    only_for(op.group.value != -1, grouped, "group");
    only_for(!op.produces.empty(), is_nonlinear(op.kind), "produced terms");
    const auto never = [&](bool given, bool allowed, std::string_view what) {
      if (given && !allowed) add(fmt::format("{} takes no {}", to_string(op.kind), what));
    };
    never(op.fill != Fill::zero, op.kind == OpKind::copy_rows, "fill");
    never(op.axis != Axis::rows, op.kind == OpKind::all_gather, "axis");
    never(op.reduction != Reduction::sum, sums(op.kind) && op.kind != OpKind::combine, "reduction");
    never(op.root != 0, takes_root(op.kind), "root");
    const bool both = op.kind == OpKind::send_recv;
    only_for(!op.to.empty(), op.kind == OpKind::send || both, "member to send to");
    only_for(!op.from.empty(), op.kind == OpKind::recv || both, "member to receive from");
    never(!op.factor.is_one(), op.kind == OpKind::scale, "factor");
    never(op.boundary, op.kind == OpKind::require, "boundary");
    if (op.factor.overflowed()) add("has a factor that does not fit in 64 bits");
    if (op.moves.value != -1 && !in_range(op.moves, plan_.moves)) add("moves by no known table");
    if (op.sizes.value != -1 && !in_range(op.sizes, plan_.sizes)) add("has no known sizes list");
  }

  void check_group(const Operation& op) {
    if (op.group.value == -1) return;
    if (!in_range(op.group, plan_.groups)) {
      add("communicates over a group that does not exist");
    } else {
      check_membership(op, op.group, "a call over");
    }
  }

  // Every rank that executes `op` must be in `group`.
  void check_membership(const Operation& op, GroupId group, std::string_view what) {
    if (holds_all_[group.index()]) return;
    const std::vector<bool>& members = members_of_[group.index()];
    for (int rank = 0; rank < plan_.world; ++rank) {
      if (members[static_cast<std::size_t>(rank)] || !executes(op, rank)) continue;
      add(fmt::format("{} {}, but rank {} is not in it", what, plan_.group(group).role, rank));
      return;
    }
  }

  void check_productions(const Operation& op) {
    for (const Production& p : op.produces) {
      const Term& term = plan_.term(p.term);
      if (!makes(op.kind, term.kind)) {
        add(fmt::format("{} does not make {}", to_string(op.kind), term.name));
      }
      if (p.coefficient.overflowed()) add("has a coefficient that does not fit in 64 bits");
      if (p.placement.exists()) {
        check_placement(op, p, term);
        continue;
      }
      if (p.major.exists()) check_membership(op, p.major, "production over");
      if (p.minor.exists()) check_membership(op, p.minor, "production over");
      const bool of_model = op.kind == OpKind::experts && term.kind == TermKind::routed;
      if (of_model && p.units != plan_.model.n_routed_experts) {
        add(fmt::format("routed experts are {} units, not {}", plan_.model.n_routed_experts,
                        p.units));
      }
      check_shares(p, term);
    }
    check_model(op.kind);
  }

  // The placement says all, so units and groups, which say the same, must not.
  void check_placement(const Operation& op, const Production& p, const Term& term) {
    const PlacementTable& table = plan_.placement_table(p.placement);
    if (p.units != 1 || p.major.exists() || p.minor.exists()) {
      add(fmt::format("produces {} by the placement {}, which takes no units and no groups",
                      term.name, table.name));
    }
    const int experts = plan_.model.n_routed_experts;
    const bool of_experts = op.kind == OpKind::experts && term.kind != TermKind::shared;
    if (of_experts && (experts < 1 || term.shares % experts != 0)) {
      add(fmt::format("{} has {} shares, which is no multiple of the {} routed experts", term.name,
                      term.shares, experts));
    }
    for (std::size_t rank = 0; rank < world(); ++rank) {
      if (!executes(op, static_cast<int>(rank))) continue;
      for (const ShareRange& r : table.of.at(static_cast<int>(rank))) {
        if (r.last <= term.shares) continue;
        add(fmt::format("the placement {} gives rank {} the share {} of {}, which has {}",
                        table.name, rank, r.last - 1, term.name, term.shares));
        return;
      }
    }
  }

  void check_shares(const Production& p, const Term& term) {
    if (p.units < 1) {
      add(fmt::format("{} is made of {} units", term.name, p.units));
      return;
    }
    const auto divides = [&](const std::vector<int>& part) {
      return p.units % static_cast<int>(part.size()) == 0;
    };
    if (p.major.exists() && !std::ranges::all_of(plan_.group(p.major).parts, divides)) {
      add(fmt::format("the {} units of {} cannot be split over {}", p.units, term.name,
                      plan_.group(p.major).role));
    }
    const auto adds_up = [&](std::size_t size) {
      return std::int64_t{p.units} * static_cast<std::int64_t>(size) == term.shares;
    };
    const bool right = p.minor.exists() ? std::ranges::all_of(plan_.group(p.minor).parts,
                                                              [&](const std::vector<int>& part) {
                                                                return adds_up(part.size());
                                                              })
                                        : adds_up(1);
    if (!right) {
      add(fmt::format("{} has {} shares, which is not its {} units{}", term.name, term.shares,
                      p.units,
                      p.minor.exists() ? " times the size of " + plan_.group(p.minor).role : ""));
    }
  }

  // The dimensions without which the arithmetic of `kind` has no meaning.
  void check_model(OpKind kind) {
    const Model& m = plan_.model;
    const auto needs = [&](std::string_view name, int value) {
      if (value < 1) add(fmt::format("{} needs model.{} above 0", to_string(kind), name));
    };
    if (kind == OpKind::attention || kind == OpKind::qk_statistics) {
      needs("v_head_dim or head_dim", std::max(m.v_head_dim, m.head_dim));
    }
    if (kind == OpKind::dense) needs("intermediate_size", m.intermediate_size);
    if (kind == OpKind::router || kind == OpKind::experts) {
      needs("n_routed_experts", m.n_routed_experts);
      needs("num_experts_per_tok", m.num_experts_per_tok);
    }
    if (kind == OpKind::experts || kind == OpKind::shared_expert) {
      needs("moe_intermediate_size", m.moe_intermediate_size);
    }
  }

  void check_order(const Operation& op) {
    if (op.stream < 0 || op.stream > kLargestStream) {
      add(fmt::format("runs on stream {}; it must be 0 to {}", op.stream, kLargestStream));
    }
    if (op.line < 0) add(fmt::format("stands on line {}", op.line));
    if (op.records < -1) add(fmt::format("records event {}", op.records));
    for (const int event : op.waits) {
      if (event < 0) add(fmt::format("waits for event {}", event));
    }
  }

  const Plan& plan_;
  std::vector<std::vector<bool>> members_of_;  // by group, then rank
  std::vector<bool> holds_all_;                // by group: every rank is a member
  std::vector<std::string_view> columns_of_spec_;
  std::vector<PlanFault> faults_;
  int index_ = 0;
};

}  // namespace

std::vector<PlanFault> operation_faults(const Plan& plan) { return OperationChecks(plan).faults(); }

}  // namespace lockstep

#include "sim/cost/timeline/shapes.h"

#include <algorithm>
#include <string_view>

#include "sim/plan/shares.h"

namespace lockstep {
namespace {

// As lowering names it where the kernel of flashinfer or AITER takes over the sum and the norm.
constexpr std::string_view kFusedName = "fused all_reduce";

// The next operation that does something; the number of operations if there is none.
std::size_t next_of(const Plan& plan, std::size_t operation) {
  do {
    ++operation;
  } while (operation < plan.operations.size() &&
           plan.operations[operation].kind == OpKind::require);
  return operation;
}

// True if `second` reads what `first` makes, on the same ranks and stream.
bool feeds(const Operation& first, const Operation& second) {
  if (first.out.empty() || first.ranks != second.ranks || first.stream != second.stream) {
    return false;
  }
  for (const Operand& operand : second.in) {
    if (operand.tensor == first.out.front().tensor) return true;
  }
  return false;
}

std::int64_t moved_rows(const Plan& plan, const Operation& op, int rank) {
  std::int64_t moved = 0;
  for (const Move& move : plan.move_table(op.moves).of.at(rank).moves) moved += move.count;
  return moved;
}

}  // namespace

Shapes::Shapes(const Plan& plan, const Seats& seats, const TensorStates& states)
    : plan_(plan),
      seats_(seats),
      states_(states),
      loads_(plan),
      fusion_(plan.operations.size(), Fusion::none),
      dispatched_(plan.tensors.size()) {
  find_fusions();
  for (const Operation& op : plan.operations) {
    if (op.kind != OpKind::dispatch) continue;
    for (const Output& out : op.out) dispatched_[out.tensor.index()] = true;
  }
}

void Shapes::find_fusions() {
  const std::vector<Operation>& operations = plan_.operations;
  const std::size_t count = operations.size();
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t sum = operations[i].kind == OpKind::all_reduce ? next_of(plan_, i) : i;
    const std::size_t norm = sum < count ? next_of(plan_, sum) : count;
    const bool found = norm < count && operations[sum].kind == OpKind::add &&
                       operations[norm].kind == OpKind::norm &&
                       feeds(operations[sum], operations[norm]);
    if (!found || fusion_[sum] == Fusion::into_collective) continue;
    const bool in_collective = sum != i && operations[i].name.starts_with(kFusedName) &&
                               feeds(operations[i], operations[sum]);
    if (in_collective) fusion_[i] = Fusion::carries_norm;
    fusion_[sum] = in_collective ? Fusion::into_collective : Fusion::into_next;
    fusion_[norm] = in_collective ? Fusion::into_collective : Fusion::adds_residual;
  }
}

Shape Shapes::of(int operation, int rank) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  Shape shape;
  shape.kind = op.kind;
  shape.fusion = fusion(operation);
  shape.operands = static_cast<int>(op.in.size());
  set_rows(shape, op, rank);
  set_parts(shape, op, rank);
  if (op.kind == OpKind::attention) {
    const SpecId state = states_.of(op.in.front(), rank);
    const int window = op.site.layer < 0 ? 0 : plan_.model.window_of(op.site.layer);
    shape.load = loads_.at(op.site.step, plan_.spec(state).rows, rank, window);
  }
  return shape;
}

void Shapes::set_rows(Shape& shape, const Operation& op, int rank) const {
  if (!op.in.empty()) {
    const Operand& in = op.in.front();
    const SpecId state = states_.of(in, rank);
    const Rows rows = states_.rows(state, rank);
    shape.rows = rows.all;
    shape.real_rows = rows.real;
    shape.columns_in = states_.columns(in.tensor, state, rank);
    shape.bytes_in = element_bytes(plan_.tensor(in.tensor).dtype);
  }
  if (!op.out.empty()) {
    const Output& out = op.out.front();
    shape.rows_out = states_.rows(out.declared, rank).all;
    shape.columns_out = states_.columns(out.tensor, out.declared, rank);
    shape.bytes_out = element_bytes(plan_.tensor(out.tensor).dtype);
  }
  if (op.kind == OpKind::copy_rows) {
    shape.moved = moved_rows(plan_, op, rank);
    if (op.fill != Fill::zero) shape.rows_out = shape.moved;  // nothing else is written
  }
}

// Over how many ranks one unit of the production of a term of `kind` is cut; 0: there is none.
int Shapes::parts(const Operation& op, TermKind kind, int rank) const {
  for (const Production& production : op.produces) {
    if (plan_.term(production.term).kind != kind) continue;
    if (kind == TermKind::routed || kind == TermKind::shared) {
      const int minor = seats_.at(production.minor, rank).size;
      return production.units == 1 || kind == TermKind::routed
                 ? minor
                 : minor * seats_.at(production.major, rank).size;
    }
    return seats_.at(production.major, rank).size;
  }
  return 0;
}

void Shapes::set_parts(Shape& shape, const Operation& op, int rank) const {
  switch (op.kind) {
    case OpKind::attention:
      shape.parts = std::max(1, parts(op, TermKind::attention, rank));
      break;
    case OpKind::dense:
      shape.parts = std::max(1, parts(op, TermKind::dense, rank));
      break;
    case OpKind::shared_expert:
      shape.parts = std::max(1, parts(op, TermKind::shared, rank));
      break;
    case OpKind::experts:
      shape.parts = std::max(1, parts(op, TermKind::routed, rank));
      shape.shared_parts = parts(op, TermKind::shared, rank);
      shape.dispatched = dispatched_[op.in.front().tensor.index()];
      for (const Production& production : op.produces) {
        if (plan_.term(production.term).kind != TermKind::routed) continue;
        if (production.placement.exists()) {
          for (const CountedShares& s : counted_shares(plan_, production, rank)) {
            shape.experts += (s.last - s.first) * s.count;
          }
        } else {
          shape.experts = production.units / seats_.at(production.major, rank).size;
        }
      }
      break;
    default:
      break;
  }
}

}  // namespace lockstep

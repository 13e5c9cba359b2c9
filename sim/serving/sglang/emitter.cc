#include "sim/serving/sglang/emitter.h"

#include <utility>

namespace lockstep::sglang {

Emitter::Emitter(PlanBuilder& builder, int step, std::string prefix)
    : builder_(builder), prefix_(std::move(prefix)), stem_(prefix_) {
  site_.step = step;
}

void Emitter::enter_layer(int layer) {
  site_.layer = layer;
  stem_ = layer < 0 ? prefix_ : prefix_ + "L" + std::to_string(layer) + ".";
}

Value Emitter::result(const std::string& suffix, LayoutId rows, Terms terms, GroupId partial_over,
                      const std::string& buffer, const std::string& columns) {
  Tensor tensor;
  tensor.name = stem_ + suffix;
  tensor.buffer = buffer.empty() ? tensor.name : buffer;
  tensor.columns = columns;
  return {builder_.tensor(std::move(tensor)), rows, std::move(terms), partial_over, {}};
}

SpecId Emitter::spec(const Value& value) {
  return builder_.spec({value.rows, value.terms, value.partial_over, value.columns_over});
}

Operation& Emitter::append(OpKind kind, const std::string& name, const Who& who) {
  Operation op;
  op.kind = kind;
  op.name = name;
  op.ranks = who.ranks;
  op.site = site_;
  op.because = who.because;
  op.stream = stream_.number;
  op.waits = std::move(stream_.waits);
  stream_.waits.clear();
  return builder_.append(std::move(op));
}

int Emitter::record_event() { return builder_.record_event(); }

void Emitter::produce(OpKind kind, const std::string& name, const std::vector<Value>& in,
                      const Value& out, std::vector<Production> produces, const Who& who) {
  Operation& op = append(kind, name, who);
  for (const Value& value : in) op.in.push_back({value.tensor, spec(value)});
  op.out = {{out.tensor, spec(out)}};
  op.produces = std::move(produces);
}

Value Emitter::norm(const std::string& name, const Value& in, TermId term) {
  Value out = result(name, in.rows, {term});
  produce(OpKind::norm, name, {in}, out, {{term, {}, {}, 1, 1}});
  return out;
}

void Emitter::copy(const std::string& name, const Value& in, const Value& out, MovesId moves,
                   const Who& who) {
  Operation& op = append(OpKind::copy_rows, name, who);
  op.in = {{in.tensor, {}}};
  op.out = {{out.tensor, spec(out)}};
  op.moves = moves;
}

void Emitter::add(const std::string& name, const Value& a, const Value& b, const Value& out,
                  const Who& who) {
  Operation& op = append(OpKind::add, name, who);
  op.in = {{a.tensor, {}}, {b.tensor, {}}};
  op.out = {{out.tensor, spec(out)}};
}

Value Emitter::all_reduce(const std::string& name, Value value, GroupId group, const Who& who) {
  value.partial_over = {};
  collective(OpKind::all_reduce, name, value, value, group, who);
  return value;
}

Operation& Emitter::collective(OpKind kind, const std::string& name, const Value& in,
                               const Value& out, GroupId group, const Who& who) {
  Operation& op = append(kind, name, who);
  op.in = {{in.tensor, {}}};
  op.out = {{out.tensor, spec(out)}};
  op.group = group;
  return op;
}

void Emitter::boundary(const Value& value) {
  Operation& op = append(OpKind::require, "boundary", {});
  op.in = {{value.tensor, spec(value)}};
  op.boundary = true;
}

}  // namespace lockstep::sglang

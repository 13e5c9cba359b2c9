// Appends operations to a plan, each with its operands' obligations and its declared result.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sim/plan/builder.h"

namespace lockstep::sglang {

using Terms = std::vector<TermId>;

// A tensor and what it is meant to be at this point of the plan.
struct Value {
  TensorId tensor;
  LayoutId rows;
  Terms terms;
  GroupId partial_over;  // none: complete on every holder
  GroupId columns_over;  // none: all columns
};

// Which ranks execute an operation (empty: all) and which rules decided on it.
struct Who {
  RankSet ranks;
  std::vector<ReasonId> because;
};

// Emits at one place of the model: a step, a layer and a module. Tensor names are
// PREFIX L<layer>. SUFFIX, with the prefix of the step.
class Emitter {
 public:
  Emitter(PlanBuilder& builder, int step, std::string prefix);

  void enter_layer(int layer);  // -1: outside the layers
  void enter_module(std::string module) { site_.module = std::move(module); }
  PlanBuilder& builder() { return builder_; }

  // Where the next operations run, and the events that the first of them waits for.
  struct Stream {
    int number = 0;
    std::vector<int> waits;
  };
  void on_stream(Stream stream) { stream_ = std::move(stream); }
  // An event after the operation emitted last.
  int record_event();

  // A result still to be written; `buffer` empty: memory of its own.
  Value result(const std::string& suffix, LayoutId rows, Terms terms, GroupId partial_over = {},
               const std::string& buffer = {}, const std::string& columns = "hidden");

  // Nonlinear: each operand is an obligation to be as its Value says.
  void produce(OpKind kind, const std::string& name, const std::vector<Value>& in, const Value& out,
               std::vector<Production> produces, const Who& who = {});
  Value norm(const std::string& name, const Value& in, TermId term);

  // Linear.
  void copy(const std::string& name, const Value& in, const Value& out, MovesId moves,
            const Who& who = {});
  void add(const std::string& name, const Value& a, const Value& b, const Value& out,
           const Who& who = {});

  // Collectives. In place: returns `value`, complete.
  Value all_reduce(const std::string& name, Value value, GroupId group, const Who& who = {});
  Operation& collective(OpKind kind, const std::string& name, const Value& in, const Value& out,
                        GroupId group, const Who& who = {});

  // The contribution of a block to the residual stream must be as `value` says.
  void boundary(const Value& value);

 private:
  SpecId spec(const Value& value);
  Operation& append(OpKind kind, const std::string& name, const Who& who);

  PlanBuilder& builder_;
  std::string prefix_;
  std::string stem_;
  Site site_;
  Stream stream_;
};

}  // namespace lockstep::sglang

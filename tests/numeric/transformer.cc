#include "tests/numeric/transformer.h"

#include <fmt/format.h>

#include <algorithm>

namespace lockstep::test {
namespace {

Model model_of(const TransformerSpec& spec) {
  Model m;
  m.name = "small";
  m.architecture = "DeepseekV3ForCausalLM";
  m.num_hidden_layers = spec.layers;
  m.first_k_dense_replace = spec.dense_layers;
  m.hidden_size = spec.hidden;
  m.intermediate_size = 16;
  m.moe_intermediate_size = 8;
  m.n_routed_experts = spec.experts;
  m.num_experts_per_tok = spec.experts_per_token;
  m.n_shared_experts = spec.shared;
  m.routed_scaling_factor = 2.0;
  m.num_attention_heads = 8;
  m.num_key_value_heads = 8;
  m.v_head_dim = 4;
  m.vocab_size = 64;
  return m;
}

// Consecutive parts of `size` ranks; or, strided, parts of `size` ranks `stride` apart.
std::vector<std::vector<int>> parts(int world, int size, int stride) {
  std::vector<std::vector<int>> all;
  for (int rank = 0; rank < world; ++rank) {
    const bool begins_a_part = rank / stride % size == 0;
    if (!begins_a_part) continue;
    std::vector<int>& part = all.emplace_back();
    for (int i = 0; i < size; ++i) part.push_back(rank + i * stride);
  }
  return all;
}

Plan start(const TransformerSpec& spec) {
  Plan plan;
  plan.name = "transformer";
  plan.model = model_of(spec);
  plan.world = static_cast<int>(spec.tokens.size()) * spec.attn_tp;
  const int world = plan.world;
  const int ep = world / spec.moe_tp;
  const auto object = [&](int size, std::string own) { return size == world ? "tp" : own; };
  plan.groups = {{"tp", "tp", parts(world, world, 1)},
                 {"attn_tp", object(spec.attn_tp, "attn_tp"), parts(world, spec.attn_tp, 1)},
                 {"moe_ep", object(ep, "moe_ep"), parts(world, ep, spec.moe_tp)},
                 {"moe_tp", object(spec.moe_tp, "moe_tp"), parts(world, spec.moe_tp, 1)}};
  return plan;
}

class Writer {
 public:
  explicit Writer(const TransformerSpec& spec) : spec_(spec), builder_(start(spec)) {
    tp_ = builder_.group("tp");
    attn_tp_ = builder_.group("attn_tp");
    moe_ep_ = builder_.group("moe_ep");
    moe_tp_ = builder_.group("moe_tp");
  }

  Plan write() {
    std::int64_t token = 0;
    std::vector<Step> steps;
    for (step_ = 0; step_ < spec_.steps; ++step_) steps.push_back(write_step(token));
    Plan plan = builder_.take();
    plan.steps = steps;
    return plan;
  }

 private:
  int world() const { return builder_.plan().world; }

  Step write_step(std::int64_t& token) {
    Step step;
    place_rows(step, token);
    embed();
    for (layer_ = 0; layer_ < spec_.layers; ++layer_) {
      attention();
      feed_forward();
    }
    layer_ = -1;
    logits();
    return step;
  }

  // The layouts and copy tables of this step.
  void place_rows(Step& step, std::int64_t& token) {
    std::vector<RowMap> own;
    RowMap all;
    std::vector<RowMoves> place;
    std::vector<RowMoves> take;
    std::vector<std::int64_t> sizes;
    std::int64_t offset = 0;
    std::int64_t total = 0;
    const auto rows_of = [&](std::size_t shard) {
      const int tokens = step_ == 0 ? spec_.tokens[shard] : std::min(spec_.tokens[shard], 1);
      return std::pair{tokens, tokens + spec_.padding};
    };
    for (std::size_t s = 0; s < spec_.tokens.size(); ++s) total += rows_of(s).second;
    for (std::size_t s = 0; s < spec_.tokens.size(); ++s) {
      const auto [tokens, rows] = rows_of(s);
      RowMap map;
      if (tokens > 0) map.push_back({token, tokens});
      if (spec_.padding > 0) map.push_back({kPadding, spec_.padding});
      for (const RowRun& run : map) all.push_back(run);
      const std::vector<Move> out{{0, offset, rows}};
      const std::vector<Move> back{{offset, 0, rows}};
      for (int i = 0; i < spec_.attn_tp; ++i) {
        own.push_back(map);
        place.push_back({total, i == 0 && rows > 0 ? out : std::vector<Move>{}});
        take.push_back({rows, rows > 0 ? back : std::vector<Move>{}});
      }
      sizes.push_back(rows);
      if (tokens > 0) {
        const int before = spec_.prefix + (step_ == 0 ? 0 : spec_.tokens[s] + step_ - 1);
        step.requests.push_back({static_cast<int>(s), 0, token, tokens, before});
      }
      token += tokens;
      offset += rows;
    }
    own_ = builder_.layout(named("own"), own);
    all_ = builder_.layout(named("all"), std::vector<RowMap>(own.size(), all));
    to_global_ = builder_.moves(named("to_global"), place);
    to_own_ = builder_.moves(named("to_own"), take);
    sizes_ = builder_.sizes(named("sizes"), sizes);
  }

  std::string named(const std::string& what) const { return fmt::format("S{}.{}", step_, what); }
  std::string in_layer(const std::string& what) const {
    return fmt::format("S{}.L{}.{}", step_, layer_, what);
  }

  TensorId tensor(const std::string& name, const std::string& columns = "hidden") {
    return builder_.tensor({in_layer(name), name, columns, "bfloat16"});
  }
  TermId term(const std::string& name, TermKind kind, int shares = 1, int index = 0) {
    return builder_.term({in_layer(name), kind, step_, layer_, index, shares});
  }
  SpecId spec(LayoutId rows, std::vector<TermId> terms, GroupId partial = GroupId::none(),
              GroupId columns = GroupId::none()) {
    return builder_.spec({rows, std::move(terms), partial, columns});
  }
  Operation& op(OpKind kind, const std::string& name) {
    Operation o;
    o.kind = kind;
    o.name = in_layer(name);
    o.site = {step_, layer_, "block"};
    last_ = &builder_.append(std::move(o));
    return *last_;
  }
  TensorId linear(OpKind kind, const std::string& name, TensorId from, SpecId declared,
                  const std::string& columns = "hidden") {
    const TensorId to = tensor(name, columns);
    Operation& o = op(kind, name);
    o.in = {{from, SpecId::none()}};
    o.out = {{to, declared}};
    return to;
  }

  TensorId over(GroupId group, OpKind kind, const std::string& name, TensorId from,
                SpecId declared) {
    const TensorId to = linear(kind, name, from, declared);
    last_->group = group;
    return to;
  }
  TensorId copy(const std::string& name, TensorId from, MovesId moves, SpecId declared) {
    const TensorId to = linear(OpKind::copy_rows, name, from, declared);
    last_->moves = moves;
    return to;
  }
  TensorId nonlinear(OpKind kind, const std::string& name, std::vector<Operand> in, SpecId declared,
                     std::vector<Production> produces, const std::string& columns = "hidden") {
    const TensorId to = tensor(name, columns);
    Operation& o = op(kind, name);
    o.in = std::move(in);
    o.out = {{to, declared}};
    o.produces = std::move(produces);
    return to;
  }
  void boundary(const std::string& name, TensorId x, SpecId expected) {
    Operation& o = op(OpKind::require, name);
    o.in = {{x, expected}};
    o.boundary = true;
  }
  static Production whole(TermId term) { return {term, {}, {}, 1, 1}; }

  void embed() {
    layer_ = -1;
    stream_ = term("embedding", TermKind::embedding);
    x_ = nonlinear(OpKind::embed, "embed", {}, spec(own_, {stream_}), {whole(stream_)});
    boundary("embed boundary", x_, spec(own_, {stream_}));
  }

  // x += y, and the stream has a new name.
  void join(TensorId y, const std::vector<TermId>& added, int index) {
    const bool is_final = index == 0 && layer_ + 1 == spec_.layers;
    Term handle{in_layer(index == 1 ? "mid" : "end"),
                TermKind::residual,
                step_,
                index == 1 ? layer_ : layer_ + 1,
                index,
                1};
    if (is_final) {
      handle.index = 2;
      handle.layer = -1;
    }
    const TermId next = builder_.term(handle);
    std::vector<TermId> closed{stream_};
    closed.insert(closed.end(), added.begin(), added.end());
    builder_.close(next, closed);
    const TensorId sum =
        linear(OpKind::add, index == 1 ? "mid add" : "end add", x_, spec(own_, {next}));
    last_->in.push_back({y, SpecId::none()});
    x_ = sum;
    stream_ = next;
  }

  TensorId norm(const std::string& name, int index, TermId& normed) {
    normed = term(name, TermKind::norm, 1, index);
    return nonlinear(OpKind::norm, name, {{x_, spec(own_, {stream_})}}, spec(own_, {normed}),
                     {whole(normed)});
  }

  void attention() {
    TermId normed;
    const TensorId h = norm("norm1", 0, normed);
    const TermId t = term("attention", TermKind::attention, spec_.attn_tp);
    const GroupId owed = spec_.attn_tp > 1 ? attn_tp_ : GroupId::none();
    TensorId y = nonlinear(OpKind::attention, "attention", {{h, spec(own_, {normed})}},
                           spec(own_, {t}, owed), {{t, attn_tp_, {}, spec_.attn_tp, 1}});
    boundary("attention boundary", y, spec(own_, {t}, owed));
    if (spec_.attn_tp > 1) {
      y = over(attn_tp_, OpKind::all_reduce, "attention all_reduce", y, spec(own_, {t}));
    }
    join(y, {t}, 1);
  }

  void feed_forward() {
    TermId normed;
    TensorId h = norm("norm2", 1, normed);
    h = copy("to_global", h, to_global_, spec(all_, {normed}, tp_));
    h = over(tp_, OpKind::all_reduce, "dp_gather", h, spec(all_, {normed}));
    const bool dense = layer_ < spec_.dense_layers;
    std::vector<TermId> made;
    const TensorId y = dense ? dense_layer(h, normed, made) : sparse_layer(h, normed, made);
    come_home(y, made, dense ? spec_.dense_return : spec_.moe_return);
  }

  TensorId dense_layer(TensorId h, TermId normed, std::vector<TermId>& made) {
    const TermId t = term("dense", TermKind::dense, world());
    made = {t};
    return nonlinear(OpKind::dense, "dense", {{h, spec(all_, {normed})}}, spec(all_, made, tp_),
                     {{t, tp_, {}, world(), 1}});
  }

  TensorId sparse_layer(TensorId h, TermId normed, std::vector<TermId>& made) {
    const Operand input{h, spec(all_, {normed})};
    const TermId choice = term("router", TermKind::router);
    const TensorId routing = nonlinear(OpKind::router, "router", {input}, spec(all_, {choice}),
                                       {whole(choice)}, "experts");
    const TermId routed = term("routed", TermKind::routed, spec_.experts * spec_.moe_tp);
    made = {routed};
    const TensorId y =
        nonlinear(OpKind::experts, "experts", {input, {routing, spec(all_, {choice})}},
                  spec(all_, made, tp_), {{routed, moe_ep_, moe_tp_, spec_.experts, 1}});
    if (spec_.shared == 0) return y;
    const TermId shared = term("shared", TermKind::shared, world());
    const TensorId z = nonlinear(OpKind::shared_expert, "shared_expert", {input},
                                 spec(all_, {shared}, tp_), {{shared, tp_, {}, world(), 1}});
    made.push_back(shared);
    const TensorId sum = linear(OpKind::add, "moe add", y, spec(all_, made, tp_));
    last_->in.push_back({z, SpecId::none()});
    return sum;
  }

  void come_home(TensorId y, const std::vector<TermId>& made, Return how) {
    const bool reduces = how == Return::reduce_then_copy || how == Return::reduce_then_scatter;
    if (reduces) y = over(tp_, OpKind::all_reduce, "all_reduce", y, spec(all_, made));
    if (how == Return::scatter || how == Return::reduce_then_scatter) {
      y = over(tp_, OpKind::reduce_scatterv, "reduce_scatterv", y, spec(own_, made));
      last_->sizes = sizes_;
    } else {
      y = copy("to_own", y, to_own_, spec(own_, made));
    }
    boundary("feed-forward boundary", y, spec(own_, made));
    join(y, made, 0);
  }

  void logits() {
    TermId normed;
    const TensorId h = norm("final norm", 2, normed);
    const TermId t = term("logits", TermKind::logits);
    TensorId y = nonlinear(OpKind::lm_head, "lm_head", {{h, spec(own_, {normed})}},
                           spec(own_, {t}, {}, attn_tp_), {whole(t)}, "vocab");
    y = linear(OpKind::all_gather, "logits all_gather", y, spec(own_, {t}), "vocab");
    last_->group = attn_tp_;
    last_->axis = Axis::columns;
    boundary("logits boundary", y, spec(own_, {t}));
  }

  const TransformerSpec& spec_;
  PlanBuilder builder_;
  GroupId tp_, attn_tp_, moe_ep_, moe_tp_;
  LayoutId own_, all_;
  MovesId to_global_, to_own_;
  SizesId sizes_;
  int step_ = 0;
  int layer_ = -1;
  TensorId x_;
  TermId stream_;
  Operation* last_ = nullptr;  // until the next is written
};

}  // namespace

Plan transformer(const TransformerSpec& spec) { return Writer(spec).write(); }

std::vector<int> operations_of(const Plan& plan, OpKind kind) {
  std::vector<int> found;
  for (std::size_t i = 0; i < plan.operations.size(); ++i) {
    if (plan.operations[i].kind == kind) found.push_back(static_cast<int>(i));
  }
  return found;
}

int operation_named(const Plan& plan, const std::string& name) {
  const auto found = std::ranges::find(plan.operations, name, &Operation::name);
  return found == plan.operations.end() ? -1 : static_cast<int>(found - plan.operations.begin());
}

}  // namespace lockstep::test

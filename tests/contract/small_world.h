// Small hand-made plans for tests: n ranks, a few rows, one operation per line.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sim/contract/check.h"
#include "sim/plan/builder.h"

namespace lockstep::test {

// A world of `ranks` ranks with a group `tp` of all, and the layouts
//   own: rank r holds `counts[r]` tokens;  all: every rank holds everybody's tokens in order.
class SmallWorld {
 public:
  explicit SmallWorld(std::vector<std::int64_t> counts) : builder_(start(counts)) {
    std::vector<RowMap> own_rows;
    RowMap all_rows;
    std::vector<RowMoves> place;
    std::vector<RowMoves> take;
    std::int64_t token = 0;
    std::int64_t total = 0;
    for (const std::int64_t count : counts) total += count;
    for (const std::int64_t count : counts) {
      own_rows.push_back(count > 0 ? RowMap{{token, count}} : RowMap{});
      if (count > 0) all_rows.push_back({token, count});
      place.push_back(
          {total, count > 0 ? std::vector<Move>{{0, token, count}} : std::vector<Move>{}});
      take.push_back(
          {count, count > 0 ? std::vector<Move>{{token, 0, count}} : std::vector<Move>{}});
      token += count;
    }
    tp = builder_.group("tp");
    own = builder_.layout("own", own_rows);
    all = builder_.layout("all", std::vector<RowMap>(counts.size(), merged(all_rows)));
    to_global = builder_.moves("to_global", place);
    to_own = builder_.moves("to_own", take);
    sizes = builder_.sizes("rows_of_rank", counts);
  }

  TensorId tensor(const std::string& name, const std::string& columns = "hidden") {
    return builder_.tensor({name, name, columns, "bfloat16"});
  }
  // A term in `shares` shares, of a nonlinear producer.
  TermId term(const std::string& name, TermKind kind, int shares = 1, int index = 0) {
    return builder_.term({name, kind, 0, 0, index, shares});
  }
  SpecId complete(LayoutId rows, std::vector<TermId> terms) {
    return builder_.spec({rows, std::move(terms), GroupId::none(), GroupId::none()});
  }
  SpecId partial(LayoutId rows, std::vector<TermId> terms) {
    return builder_.spec({rows, std::move(terms), tp, GroupId::none()});
  }
  Operation& op(OpKind kind, const std::string& module = "mlp") {
    Operation o;
    o.kind = kind;
    o.name = to_string(kind);
    o.site = {0, 0, module};
    return builder_.append(std::move(o));
  }

  // embed: every rank makes its own rows, complete.
  TensorId embed(LayoutId rows) {
    const TermId t = term("embedding", TermKind::embedding);
    const TensorId x = tensor("x");
    Operation& o = op(OpKind::embed, "embedding");
    o.out = {{x, complete(rows, {t})}};
    o.produces = {{t, GroupId::none(), GroupId::none(), 1, 1}};
    return x;
  }
  // norm of `x`, which must hold `input`.
  TensorId norm(TensorId x, LayoutId rows, TermId input) {
    const TermId t = term("L0.norm2", TermKind::norm, 1, 1);
    const TensorId h = tensor("h");
    Operation& o = op(OpKind::norm);
    o.in = {{x, complete(rows, {input})}};
    o.out = {{h, complete(rows, {t})}};
    o.produces = {{t, GroupId::none(), GroupId::none(), 1, 1}};
    return h;
  }
  // A column-sharded feed-forward on `h`: partial over tp.
  TensorId dense(TensorId h, LayoutId rows, TermId input) {
    const int n = builder_.plan().world;
    const TermId t = term("L0.mlp.down", TermKind::dense, n);
    const TensorId y = tensor("y");
    Operation& o = op(OpKind::dense);
    o.in = {{h, complete(rows, {input})}};
    o.out = {{y, partial(rows, {t})}};
    o.produces = {{t, tp, GroupId::none(), n, 1}};
    return y;
  }
  void all_reduce(TensorId y, LayoutId rows, TermId value) {
    Operation& o = op(OpKind::all_reduce);
    o.in = {{y, SpecId::none()}};
    o.out = {{y, complete(rows, {value})}};
    o.group = tp;
  }
  TensorId reduce_scatterv(TensorId y, TermId value) {
    const TensorId z = tensor("z");
    Operation& o = op(OpKind::reduce_scatterv);
    o.in = {{y, SpecId::none()}};
    o.out = {{z, complete(own, {value})}};
    o.group = tp;
    o.sizes = sizes;
    return z;
  }
  TensorId copy(const std::string& name, TensorId from, MovesId moves, SpecId declared) {
    const TensorId to = tensor(name);
    Operation& o = op(OpKind::copy_rows);
    o.in = {{from, SpecId::none()}};
    o.out = {{to, declared}};
    o.moves = moves;
    return to;
  }
  void require(TensorId x, SpecId spec) {
    Operation& o = op(OpKind::require);
    o.in = {{x, spec}};
    o.boundary = true;
  }
  TermId last_term() const {
    return TermId{static_cast<std::int32_t>(builder_.plan().terms.size()) - 1};
  }
  PlanBuilder& builder() { return builder_; }
  Plan take() { return builder_.take(); }

  GroupId tp;
  LayoutId own;
  LayoutId all;
  MovesId to_global;
  MovesId to_own;
  SizesId sizes;

 private:
  static RowMap merged(const RowMap& map) {
    std::int64_t count = 0;
    for (const RowRun& run : map) count += run.count;
    return count > 0 ? RowMap{{0, count}} : RowMap{};
  }
  static Plan start(const std::vector<std::int64_t>& counts) {
    Plan plan;
    plan.name = "small world";
    plan.world = static_cast<int>(counts.size());
    plan.model.name = "tiny";
    plan.model.num_hidden_layers = 1;
    plan.model.hidden_size = 8;
    plan.model.intermediate_size = 16;
    plan.model.moe_intermediate_size = 8;
    plan.model.n_routed_experts = 4;
    plan.model.num_experts_per_tok = 2;
    plan.model.num_attention_heads = 8;
    plan.model.num_key_value_heads = 8;
    plan.model.v_head_dim = 4;
    plan.model.vocab_size = 64;
    Group tp{"tp", "tp", {{}}};
    for (int rank = 0; rank < plan.world; ++rank) tp.parts[0].push_back(rank);
    plan.groups = {tp};
    Step step;
    std::int64_t token = 0;
    for (std::size_t r = 0; r < counts.size(); ++r) {
      if (counts[r] > 0) {
        step.requests.push_back({static_cast<int>(r), 0, token, static_cast<int>(counts[r]), 0});
      }
      token += counts[r];
    }
    plan.steps = {step};
    return plan;
  }

  PlanBuilder builder_;
};

}  // namespace lockstep::test

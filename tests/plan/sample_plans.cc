#include "tests/plan/sample_plans.h"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "sim/base/random.h"
#include "sim/plan/builder.h"
#include "sim/plan/names.h"

namespace lockstep::test {
namespace {

Model tiny_model() {
  Model m;
  m.name = "tiny";
  m.num_hidden_layers = 2;
  m.hidden_size = 8;
  m.intermediate_size = 16;
  m.moe_intermediate_size = 8;
  m.n_routed_experts = 4;
  m.num_experts_per_tok = 2;
  m.num_attention_heads = 4;
  m.v_head_dim = 4;
  m.vocab_size = 100;
  m.routed_scaling_factor = 2.827;
  return m;
}

// Draws a plan table by table; every id refers to what is there.
class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed), builder_(start()) {}

  Plan draw() {
    draw_tables();
    const auto kinds = static_cast<int>(OpKind::require) + 1;
    for (int kind = 0; kind < kinds; ++kind) draw_operation(static_cast<OpKind>(kind));
    for (int i = 0; i < 20; ++i) draw_operation(static_cast<OpKind>(random_.below(kinds)));
    return builder_.take();
  }

 private:
  std::int64_t below(std::int64_t bound) { return random_.below(bound); }
  int small(int bound) { return static_cast<int>(random_.below(bound)); }
  std::string any_name(const char* prefix) {
    static constexpr const char* kOdd[] = {"",   ".x",     " with space", "\"quoted\"", ": colon",
                                           "#7", "\\back", "[0]",         "~"};
    return fmt::format("{}{}{}", prefix, next_++, kOdd[below(9)]);
  }

  Plan start() {
    Plan plan;
    plan.name = "random: \"plan\"";
    plan.origin = {"sglang", "24785^", "#23748", "E2"};
    plan.notes = {"a note: with a colon", "- a dash"};
    plan.seed = random_.next();
    plan.model = tiny_model();
    draw_later_fields(plan.model);
    plan.world = 2 + 2 * small(3);
    std::vector<int> all;
    Group single{"single", "single", {}};
    for (int rank = 0; rank < plan.world; ++rank) {
      all.push_back((rank + 1) % plan.world);  // not in order: the order of members matters
      single.parts.push_back({rank});
    }
    plan.groups = {{"tp", "tp", {all}}, single, {"also_tp", "tp", {all}}};
    std::int64_t token = 0;
    for (int s = 0; s < 2; ++s) {
      Step step{static_cast<Padding>(below(3)), random_.chance(1, 2), {}};
      for (int r = 0; r < 3; ++r) {
        const int tokens = 1 + small(9);
        step.requests.push_back({r, small(3), token, tokens, small(5)});
        token += tokens;
      }
      plan.steps.push_back(step);
    }
    tokens_ = token;
    return plan;
  }

  void draw_later_fields(Model& m) {
    if (random_.chance(1, 2)) m.mlp_only_layers = {1, small(3)};
    if (random_.chance(1, 2)) m.decoder_sparse_step = 1 + small(2);
    if (random_.chance(1, 2)) m.shared_expert_intermediate_size = small(100);
    if (random_.chance(1, 2)) m.head_dim = small(9);
    if (random_.chance(1, 2)) m.sliding_window = small(9);
    m.attention_bias = random_.chance(1, 2);
  }

  RowMap draw_rows() {
    RowMap map;
    for (std::int64_t i = below(4); i > 0; --i) {
      const std::int64_t first = below(tokens_);
      map.push_back(random_.chance(1, 3) ? RowRun{kPadding, 1 + below(5)}
                                         : RowRun{first, 1 + below(tokens_ - first)});
    }
    return map;
  }

  RowMoves draw_moves() {
    RowMoves moves{below(50), {}};
    for (std::int64_t i = below(3); i > 0; --i) {
      moves.moves.push_back({below(20), below(20), 1 + below(9)});
    }
    return moves;
  }

  void draw_tables() {
    const int world = builder_.plan().world;
    for (int table = 0; table < 3; ++table) {
      std::vector<RowMap> rows;
      std::vector<RowMoves> moves;
      std::vector<std::int64_t> sizes;
      for (int rank = 0; rank < world; ++rank) {
        rows.push_back(draw_rows());
        moves.push_back(draw_moves());
        sizes.push_back(below(9));
      }
      builder_.layout(any_name("rows"), rows);
      builder_.moves(any_name("moves"), moves);
      builder_.sizes(any_name("sizes"), sizes);
      draw_placement(table);
      builder_.reason({any_name("rule"),
                       any_name("value"),
                       {{any_name("input"), "8"}, {any_name("input"), "true"}},
                       any_name("file"),
                       "",
                       {24785, 1}});
    }
    for (const char* columns : {"hidden", "experts", "vocab", "qk_statistics"}) {
      for (int i = 0; i < 3; ++i) {
        const std::string name = any_name("t");
        builder_.tensor({name, i == 0 ? name : "buffer", columns, i == 1 ? "float32" : "bfloat16"});
      }
    }
    draw_terms(world);
  }

  // Of four experts that lie anywhere, some twice or nowhere; of one share; and of no share.
  void draw_placement(int table) {
    std::vector<std::vector<ShareRange>> shares;
    for (int rank = 0; rank < builder_.plan().world; ++rank) {
      std::vector<ShareRange>& of = shares.emplace_back();
      for (int i = table == 2 ? 0 : small(3); i > 0; --i) {
        const int first = table == 1 ? 0 : small(4);
        of.push_back({first, first + 1 + (table == 1 ? 0 : small(4 - first))});
      }
    }
    builder_.placement(any_name("placement"), shares);
  }

  void draw_terms(int world) {
    for (int kind = 0; kind <= static_cast<int>(TermKind::other); ++kind) {
      const auto term_kind = static_cast<TermKind>(kind);
      const bool sharded = term_kind == TermKind::dense;
      const int shares = term_kind == TermKind::routed ? 4 : sharded ? world : 1;
      builder_.term({any_name("term"), term_kind, small(2), small(3) - 1, small(3), shares});
    }
    builder_.close(term(TermKind::residual),
                   {term(TermKind::embedding), term(TermKind::attention)});
  }

  // Terms determine the columns of the tensors that a spec is for.
  SpecId draw_spec(int columns, bool whole) {
    static constexpr TermKind kOfColumns[] = {TermKind::dense, TermKind::router, TermKind::logits,
                                              TermKind::statistics};
    const TermId of =
        columns == 0 && random_.chance(1, 2) ? TermId{small(4)} : term(kOfColumns[columns]);
    StateSpec spec{LayoutId{small(3)}, {of}, GroupId::none(), GroupId::none()};
    if (columns == 0 && random_.chance(1, 2)) spec.terms.push_back(term(TermKind::shared));
    if (!whole && random_.chance(1, 3)) spec.partial_over = GroupId{0};
    return builder_.spec(spec);
  }

  static TermId term(TermKind kind) { return TermId{static_cast<std::int32_t>(kind)}; }
  TensorId tensor(int columns) { return TensorId{3 * columns + small(3)}; }

  std::vector<Production> produce(OpKind kind) {
    switch (kind) {
      case OpKind::embed:
        return {{term(TermKind::embedding), {}, {}, 1, 1}};
      case OpKind::norm:
        return {{term(TermKind::norm), {}, {}, 1, Rational(1, 4)}};
      case OpKind::qk_statistics:
        return {{term(TermKind::statistics), {}, {}, 1, 1}};
      case OpKind::attention:
        return {{term(TermKind::attention), {}, GroupId{1}, 1, 1},
                {term(TermKind::bias), {}, {}, 1, 1, PlacementId{1}}};
      case OpKind::dense:
        return {{term(TermKind::dense), GroupId{0}, {}, builder_.plan().world, 1}};
      case OpKind::router:
        return {{term(TermKind::router), {}, {}, 1, 1}};
      case OpKind::experts:
        if (random_.chance(1, 2)) {
          return {{term(TermKind::routed), {}, {}, 1, 2, PlacementId{2 * small(2)}}};
        }
        return {{term(TermKind::routed), GroupId{1}, {}, 4, -1}};
      case OpKind::shared_expert:
        return {{term(TermKind::shared), {}, {}, 1, 1}};
      default:
        return {{term(TermKind::logits), {}, {}, 1, 1}};
    }
  }

  void draw_operation(OpKind kind) {
    Operation op;
    op.kind = kind;
    op.name = random_.chance(1, 3) ? to_string(kind) : any_name("op");
    op.site = {small(2), small(3) - 1, random_.chance(1, 2) ? "mlp" : "own module"};
    if (random_.chance(1, 4)) op.ranks = RankSet::of({0, builder_.plan().world - 1});
    const bool nonlinear = is_nonlinear(kind);
    const int in = nonlinear ? 0 : small(4);
    const int out = kind == OpKind::router          ? 1
                    : kind == OpKind::lm_head       ? 2
                    : kind == OpKind::qk_statistics ? 3
                                                    : in;
    const auto expect = [&](int columns) {
      return nonlinear || kind == OpKind::require ? draw_spec(columns, nonlinear) : SpecId::none();
    };
    if (kind != OpKind::embed) op.in.push_back({tensor(in), expect(in)});
    if (kind == OpKind::add) op.in.push_back({tensor(in), SpecId::none()});
    if (kind == OpKind::experts) op.in.push_back({tensor(1), expect(1)});
    if (kind == OpKind::attention && random_.chance(1, 2)) {
      op.in.push_back({tensor(3), expect(3)});
    }
    if (kind != OpKind::require) op.out.push_back({tensor(out), draw_spec(out, false)});
    if (nonlinear) op.produces = produce(kind);
    draw_arguments(op);
    builder_.append(std::move(op));
  }

  void draw_arguments(Operation& op) {
    if (is_collective(op.kind)) op.group = GroupId{small(3)};
    if (op.kind == OpKind::reduce_scatterv || op.kind == OpKind::all_gatherv) {
      op.sizes = SizesId{small(3)};
    }
    if (op.kind == OpKind::copy_rows) {
      op.moves = MovesId{small(3)};
      op.fill = static_cast<Fill>(below(3));
    }
    if (op.kind == OpKind::all_gather) op.axis = static_cast<Axis>(below(2));
    if (op.kind == OpKind::scale) op.factor = Rational(below(9) - 4, 3);
    op.boundary = op.kind == OpKind::require && random_.chance(1, 2);
    op.stream = small(2);
    if (random_.chance(1, 4)) op.waits = {small(4), small(4)};
    if (random_.chance(1, 4)) op.records = small(4);
    for (std::int64_t i = below(3); i > 0; --i) op.because.push_back(ReasonId{small(3)});
  }

  Random random_;
  int next_ = 0;
  std::int64_t tokens_ = 0;
  PlanBuilder builder_;
};

}  // namespace

Plan random_plan(std::uint64_t seed) { return Generator(seed).draw(); }

Plan sample_plan() {
  Plan start;
  start.name = "sample";
  start.model = tiny_model();
  start.world = 2;
  start.groups = {{"tp", "tp", {{0, 1}}}};
  start.steps = {{Padding::sum_len, false, {{0, 0, 0, 3, 0}, {1, 0, 3, 1, 0}}}};
  PlanBuilder b(std::move(start));
  const GroupId tp = b.group("tp");
  const GroupId none = GroupId::none();
  const LayoutId own = b.layout("own", {{{0, 3}}, {{3, 1}}});
  const LayoutId all = b.layout("all", {{{0, 4}}, {{0, 4}}});
  const SizesId counts = b.sizes("counts", {3, 1});
  const TensorId x = b.tensor({"x", "x", "hidden", "bfloat16"});
  const TensorId h = b.tensor({"h", "h", "hidden", "bfloat16"});
  const TensorId gathered = b.tensor({"gathered", "global_dp_buffer", "hidden", "bfloat16"});
  const TensorId y = b.tensor({"y", "y", "hidden", "bfloat16"});
  const TermId embedding = b.term({"embedding", TermKind::embedding, 0, -1, 0, 1});
  const TermId normed = b.term({"L0.norm2", TermKind::norm, 0, 0, 1, 1});
  const TermId down = b.term({"L0.mlp.down", TermKind::dense, 0, 0, 0, 2});
  const ReasonId reason = b.reason({"should_use_reduce_scatter",
                                    "false",
                                    {{"padding", "sum_len"}},
                                    "communicator.py",
                                    "should_use_reduce_scatter",
                                    {10414}});
  const auto append = [&b](OpKind kind, const Site& site) -> Operation& {
    Operation op;
    op.kind = kind;
    op.name = to_string(kind);
    op.site = site;
    return b.append(std::move(op));
  };
  const Site mlp{0, 0, "mlp"};
  Operation& embed = append(OpKind::embed, {0, -1, "embedding"});
  embed.out = {{x, b.spec({own, {embedding}, none, none})}};
  embed.produces = {{embedding, none, none, 1, 1}};
  Operation& norm = append(OpKind::norm, mlp);
  norm.in = {{x, b.spec({own, {embedding}, none, none})}};
  norm.out = {{h, b.spec({own, {normed}, none, none})}};
  norm.produces = {{normed, none, none, 1, 1}};
  Operation& gather = append(OpKind::all_gatherv, mlp);
  gather.in = {{h, SpecId::none()}};
  gather.out = {{gathered, b.spec({all, {normed}, none, none})}};
  gather.group = tp;
  gather.sizes = counts;
  Operation& dense = append(OpKind::dense, mlp);
  dense.in = {{gathered, b.spec({all, {normed}, none, none})}};
  dense.out = {{y, b.spec({all, {down}, tp, none})}};
  dense.produces = {{down, tp, none, 2, 1}};
  Operation& sum = append(OpKind::all_reduce, mlp);
  sum.name = "down_proj all_reduce";
  sum.in = {{y, SpecId::none()}};
  sum.out = {{y, b.spec({all, {down}, none, none})}};
  sum.group = tp;
  sum.because = {reason};
  Operation& require = append(OpKind::require, mlp);
  require.in = {{y, b.spec({all, {down}, none, none})}};
  require.boundary = true;
  return b.take();
}

}  // namespace lockstep::test

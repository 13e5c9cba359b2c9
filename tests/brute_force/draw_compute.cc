// Inputs and what is computed from whole rows.
#include <algorithm>

#include "tests/brute_force/program_draws.h"

namespace lockstep::test {
namespace {

Production of_term(TermId term) { return {term, GroupId::none(), GroupId::none(), 1, 1}; }

Reduction any_combine(Bench& bench) {
  constexpr Reduction kLater[] = {Reduction::max, Reduction::logsumexp};
  if (!bench.later_kinds || bench.of_model || !bench.w.chance(1, 4)) return Reduction::sum;
  return kLater[bench.w.below(2)];
}

// Each share to one member of every part; where shares combine by their maximum, sometimes to two.
// A maximum and a logarithm have no neutral part, so there every member needs a share.
PlacementId scattered_shares(ProgramWriter& w, GroupId group, int shares, Reduction combine) {
  std::vector<std::vector<ShareRange>> of_rank(static_cast<std::size_t>(w.world()));
  for (const std::vector<int>& part : w.parts(group)) {
    const auto size = static_cast<int>(part.size());
    for (int share = 0; share < shares; ++share) {
      const bool in_turn = combine != Reduction::sum && share < size;
      const int first = in_turn ? share : w.below(size);
      const int times = combine == Reduction::max && size > 1 && w.chance(1, 4) ? 2 : 1;
      for (int i = 0; i < times; ++i) {
        const auto member = static_cast<std::size_t>((first + i) % size);
        of_rank[static_cast<std::size_t>(part[member])].push_back({share, share + 1});
      }
    }
  }
  return w.placement(std::move(of_rank));
}

int experts(const Bench& bench) { return bench.w.plan().model.n_routed_experts; }

// The term and its shares, partial over `group`.
Production sharded(Bench& bench, TermKind kind, GroupId group, Reduction combine) {
  ProgramWriter& w = bench.w;
  const int size = w.size(group);
  if (kind == TermKind::bias) {
    Production p = of_term(w.term(kind, 1, combine));
    if (w.chance(1, 2)) {
      p.coefficient = Rational(1, size);
    } else {
      p.placement = scattered_shares(w, group, 1, combine);
    }
    return p;
  }
  const bool routed = kind == TermKind::routed;
  if (w.chance(1, 4)) {
    const int least = combine == Reduction::sum ? 1 : size;
    const int shares = routed ? experts(bench) : least + w.below(size + 1);
    Production p = of_term(w.term(kind, shares, combine));
    p.placement = scattered_shares(w, group, shares, combine);
    return p;
  }
  if (combine == Reduction::sum && !routed && w.chance(1, 6)) {
    Production p = of_term(w.term(kind, 1, combine));
    p.coefficient = Rational(1, size);
    return p;
  }
  const int units = routed ? experts(bench) : size * (1 + w.below(2));
  // Cut over two axes: the groups of the world's axes stand behind that of all.
  const std::size_t axes = w.plan().groups.front().parts.size() == 1 ? w.plan().groups.size() : 0;
  if (group.value == 0 && axes >= 3 && w.plan().groups[2].role == "axis1" &&
      w.size(GroupId{1}) * w.size(GroupId{2}) == size && w.chance(1, 2)) {
    const int of_major = routed ? units : w.size(GroupId{1}) * (1 + w.below(2));
    Production p = of_term(w.term(kind, of_major * w.size(GroupId{2}), combine));
    p.major = GroupId{1};
    p.minor = GroupId{2};
    p.units = of_major;
    return p;
  }
  Production p = of_term(w.term(kind, units, combine));
  p.major = group;
  p.units = units;
  return p;
}

// Adds a term of `kind` to what `op` makes and to `out`, which is partial over a group or not.
Production made(Bench& bench, TermKind kind, const Live& out) {
  if (out.partial.exists()) return sharded(bench, kind, out.partial, out.combine);
  if (kind == TermKind::routed) {
    Production p = of_term(bench.w.term(kind, experts(bench), out.combine));
    p.units = experts(bench);
    return p;
  }
  return of_term(bench.w.term(kind, 1, out.combine));
}

// Whether the result is partial, sliced or neither.
void choose_form(Bench& bench, Live& out, bool may_slice) {
  ProgramWriter& w = bench.w;
  out.partial = out.sliced = GroupId::none();
  const GroupId group = w.any_group();
  if (w.chance(3, 5) && w.same_in_parts(out, group)) {
    out.partial = group;
    out.combine = any_combine(bench);
  } else if (may_slice && w.chance(1, 4)) {
    out.sliced = group;
  }
}

std::vector<Tokens> any_rows(Bench& bench) {
  ProgramWriter& w = bench.w;
  std::size_t longest = 0;
  Tokens all;
  for (const Tokens& own : bench.own) {
    longest = std::max(longest, own.size());
    all.insert(all.end(), own.begin(), own.end());
  }
  const auto world = static_cast<std::size_t>(w.world());
  std::vector<Tokens> rows = bench.own;
  switch (w.below(6)) {
    case 0:
      break;
    case 1:
      for (Tokens& own : rows) own.resize(longest + static_cast<std::size_t>(w.below(2)), kPadding);
      break;
    case 2:
      all.resize((all.size() + world - 1) / world * world, kPadding);
      rows.assign(world, all);
      break;
    case 3:
      all.resize((all.size() + world - 1) / world * world, kPadding);
      for (std::size_t r = 0; r < world; ++r) {
        const auto first = all.begin() + static_cast<std::ptrdiff_t>(r * (all.size() / world));
        rows[r].assign(first, first + static_cast<std::ptrdiff_t>(all.size() / world));
      }
      break;
    default:
      rows.assign(world, all);
  }
  return rows;
}

void finish(Bench& bench, Operation op, Live out) {
  out.tensor = bench.w.tensor(out.columns);
  for (const Production& p : op.produces) out.terms.push_back(p.term);
  const SpecId declared = bench.w.spec(out);
  op.out = {{out.tensor, declared}};
  Operation& written = bench.w.add(op.kind);
  op.name = written.name;
  op.site = written.site;
  written = std::move(op);
  bench.live.push_back(std::move(out));
}

Operand judged(Bench& bench, const Live& live) { return {live.tensor, bench.w.spec(live)}; }

}  // namespace

bool draw_input(Bench& bench) {
  ProgramWriter& w = bench.w;
  const bool embeds = !bench.later_kinds || (bench.of_model && w.chance(1, 2));
  Operation op;
  op.kind = embeds ? OpKind::embed : OpKind::compute;
  Live out;
  out.rows = any_rows(bench);
  if (!embeds) {
    out.columns = w.any_columns();
    choose_form(bench, out, true);
  }
  op.produces = {made(bench, embeds ? TermKind::embedding : TermKind::other, out)};
  finish(bench, std::move(op), std::move(out));
  return true;
}

bool draw_compute(Bench& bench) {
  ProgramWriter& w = bench.w;
  const Live* first = pick(bench, [](const Live& l) { return !l.partial.exists(); });
  if (first == nullptr) return false;
  Operation op;
  op.kind = OpKind::compute;
  op.in = {judged(bench, *first)};
  Live out;
  out.rows = first->rows;
  out.columns = first->columns;
  out.sliced = first->sliced;
  const GroupId sliced = first->sliced;
  for (int more = w.below(3); more > 0; --more) {
    const Live* other = pick(bench, [&](const Live& l) {
      return !l.partial.exists() && l.sliced == sliced && l.rows == out.rows &&
             (!sliced.exists() || l.columns == out.columns);
    });
    if (other != nullptr) op.in.push_back(judged(bench, *other));
  }
  if (!sliced.exists()) {
    if (w.chance(1, 3)) out.columns = w.any_columns();
    choose_form(bench, out, false);
  }
  // Of two terms there is no maximum and no logarithm.
  const bool adds = out.combine == Reduction::sum;
  for (int terms = adds && w.chance(1, 5) ? 2 : 1; terms > 0; --terms) {
    op.produces.push_back(made(bench, TermKind::other, out));
  }
  finish(bench, std::move(op), std::move(out));
  return true;
}

bool draw_linear(Bench& bench) {
  ProgramWriter& w = bench.w;
  const Live* in = pick(bench, [&](const Live& l) {
    return l.combine == Reduction::sum && (!l.sliced.exists() || w.same_in_parts(l, l.sliced));
  });
  if (in == nullptr) return false;
  Operation op;
  op.kind = OpKind::linear;
  op.in = {judged(bench, *in)};
  Live out;
  out.rows = in->rows;
  out.columns = w.any_columns();
  if (in->whole()) {
    choose_form(bench, out, true);
    out.combine = Reduction::sum;
    op.produces = {made(bench, TermKind::other, out)};
  } else {
    out.partial = in->partial.exists() ? in->partial : in->sliced;
    Production p = of_term(w.term(TermKind::other, w.size(out.partial), Reduction::sum));
    p.major = out.partial;
    p.units = w.size(out.partial);
    op.produces = {p};
  }
  if (w.chance(1, 3)) op.produces.push_back(made(bench, TermKind::bias, out));
  finish(bench, std::move(op), std::move(out));
  return true;
}

bool draw_of_model(Bench& bench) {
  struct Kind {
    OpKind op;
    TermKind term;
    const char* columns;
  };
  constexpr Kind kKinds[] = {{OpKind::norm, TermKind::norm, "hidden"},
                             {OpKind::qk_statistics, TermKind::statistics, "qk_statistics"},
                             {OpKind::attention, TermKind::attention, "hidden"},
                             {OpKind::dense, TermKind::dense, "hidden"},
                             {OpKind::router, TermKind::router, "experts"},
                             {OpKind::experts, TermKind::routed, "hidden"},
                             {OpKind::experts, TermKind::routed, "hidden"},
                             {OpKind::shared_expert, TermKind::shared, "hidden"},
                             {OpKind::lm_head, TermKind::logits, "vocab"}};
  ProgramWriter& w = bench.w;
  const Kind& kind = kKinds[w.below(9)];
  const Live* in = pick(bench, [](const Live& l) { return l.whole() && l.columns == "hidden"; });
  if (in == nullptr) return false;
  Operation op;
  op.kind = kind.op;
  op.in = {judged(bench, *in)};
  Live out;
  out.rows = in->rows;
  out.columns = kind.columns;
  const bool second = kind.op == OpKind::experts || kind.op == OpKind::attention;
  const std::string wanted = kind.op == OpKind::experts ? "experts" : "qk_statistics";
  if (kind.op == OpKind::experts && w.chance(3, 4)) {
    // Routing of the same rows.
    Operation route;
    route.kind = OpKind::router;
    route.in = op.in;
    Live routing;
    routing.rows = out.rows;
    routing.columns = "experts";
    route.produces = {made(bench, TermKind::router, routing)};
    finish(bench, std::move(route), std::move(routing));
  }
  const Live* other = !second ? nullptr : pick(bench, [&](const Live& l) {
    return l.whole() && l.columns == wanted && l.rows == out.rows;
  });
  if (other != nullptr) op.in.push_back(judged(bench, *other));
  if (other == nullptr && kind.op == OpKind::experts) return false;
  choose_form(bench, out, kind.op == OpKind::lm_head);
  op.produces = {made(bench, kind.term, out)};
  const bool fused = kind.op == OpKind::experts && w.chance(1, 3);
  if (fused) op.produces.push_back(made(bench, TermKind::shared, out));
  finish(bench, std::move(op), std::move(out));
  return true;
}

}  // namespace lockstep::test

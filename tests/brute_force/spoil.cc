// One small fault in a program.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "sim/plan/builder.h"
#include "tests/brute_force/random_program.h"

namespace lockstep::test {
namespace {

class Spoiler {
 public:
  Spoiler(Plan& plan, Random& random, bool later_kinds)
      : plan_(plan), random_(random), later_kinds_(later_kinds) {}

  std::string spoil() {
    using Fault = std::string (Spoiler::*)();
    constexpr Fault kFaults[] = {
        &Spoiler::drop_line,        &Spoiler::drop_call,          &Spoiler::double_line,
        &Spoiler::double_line,      &Spoiler::move_line,          &Spoiler::other_group,
        &Spoiler::other_sizes,      &Spoiler::other_moves,        &Spoiler::other_root,
        &Spoiler::other_peer,       &Spoiler::other_reduction,    &Spoiler::extra_scale,
        &Spoiler::fewer_ranks,      &Spoiler::other_tensor,       &Spoiler::zero_padding,
        &Spoiler::other_placement,  &Spoiler::other_coefficient,  &Spoiler::other_kind,
        &Spoiler::other_dtype,      &Spoiler::other_rows,         &Spoiler::sum_too_late,
        &Spoiler::sum_too_late,     &Spoiler::other_group_of_sum, &Spoiler::other_group_of_sum,
        &Spoiler::other_experts,    &Spoiler::other_experts,      &Spoiler::other_experts,
        &Spoiler::other_coefficient};
    return (this->*kFaults[random_.below(std::size(kFaults))])();
  }

 private:
  std::size_t any(std::size_t bound) {
    return static_cast<std::size_t>(random_.below(static_cast<std::int64_t>(bound)));
  }
  std::vector<Operation>& ops() { return plan_.operations; }
  std::ptrdiff_t offset(std::size_t index) { return static_cast<std::ptrdiff_t>(index); }
  std::string at(const char* what, std::size_t index) {
    return fmt::format("{} operation {} ({})", what, index, to_string(ops()[index].kind));
  }

  // The index of a random operation that fits; as many as there are: none.
  std::size_t find(const std::function<bool(const Operation&)>& fits) {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < ops().size(); ++i) {
      if (fits(ops()[i])) found.push_back(i);
    }
    return found.empty() ? ops().size() : found[any(found.size())];
  }

  std::string drop_line() {
    const std::size_t i = any(ops().size());
    std::string what = at("dropped", i);
    ops().erase(ops().begin() + offset(i));
    return what;
  }

  std::string drop_call() {
    const std::size_t i = find([](const Operation& op) { return communicates(op.kind); });
    if (i == ops().size()) return {};
    std::string what = at("dropped", i);
    ops().erase(ops().begin() + offset(i));
    return what;
  }

  std::string double_line() {
    const std::size_t i = any(ops().size());
    std::string what = at("doubled", i);
    const Operation copy = ops()[i];
    ops().insert(ops().begin() + offset(i), copy);
    return what;
  }

  std::string move_line() {
    const std::size_t i = any(ops().size());
    std::string what = at("moved", i);
    Operation moved = ops()[i];
    ops().erase(ops().begin() + offset(i));
    ops().insert(ops().begin() + offset(any(ops().size() + 1)), std::move(moved));
    return what;
  }

  std::string other_group() {
    const std::size_t i = find([](const Operation& op) { return op.group.exists(); });
    if (i == ops().size()) return {};
    ops()[i].group = GroupId{static_cast<std::int32_t>(any(plan_.groups.size()))};
    return at("another group for", i);
  }

  std::string other_group_of_sum() {
    const std::size_t i = find([&](const Operation& op) {
      return sums(op.kind) && op.kind != OpKind::combine && !op.sizes.exists();
    });
    if (i == ops().size()) return {};
    const GroupId other{static_cast<std::int32_t>(any(plan_.groups.size()))};
    if (plan_.group(other).parts.size() <= plan_.group(ops()[i].group).parts.size()) return {};
    ops()[i].group = other;
    return at("a smaller group for", i);
  }

  // An expert is computed twice, or nowhere.
  std::string other_experts() {
    const std::size_t i = find([](const Operation& op) { return op.kind == OpKind::experts; });
    if (i == ops().size()) return {};
    Production& p = ops()[i].produces.front();
    std::vector<std::vector<ShareRange>> of_rank;
    for (int rank = 0; rank < plan_.world; ++rank) {
      of_rank.push_back(p.placement.exists() ? plan_.placement_table(p.placement).of.at(rank)
                                             : std::vector<ShareRange>{shares_of(plan_, p, rank)});
    }
    std::vector<ShareRange>& spoilt = of_rank[any(of_rank.size())];
    const auto share = static_cast<int>(any(static_cast<std::size_t>(plan_.term(p.term).shares)));
    if (!spoilt.empty() && random_.chance(1, 2)) {
      spoilt.pop_back();
    } else {
      spoilt.push_back({share, share + 1});
    }
    PlanBuilder builder(std::move(plan_));
    const std::string name = fmt::format("spoilt{}", builder.plan().placements.size());
    const PlacementId placement = builder.placement(name, std::move(of_rank));
    plan_ = builder.take();
    ops()[i].produces.front() = {p_term(i), {}, {}, 1, p_coefficient(i), placement};
    return at("other experts for", i);
  }
  TermId p_term(std::size_t i) { return ops()[i].produces.front().term; }
  Rational p_coefficient(std::size_t i) { return ops()[i].produces.front().coefficient; }

  std::string other_sizes() {
    const std::size_t i = find([](const Operation& op) { return takes_sizes(op.kind); });
    if (i == ops().size()) return {};
    SizeTable table = plan_.size_table(ops()[i].sizes);
    table.name = fmt::format("spoilt{}", plan_.sizes.size());
    if (random_.chance(1, 2)) {
      std::swap(table.sizes[any(table.sizes.size())], table.sizes[any(table.sizes.size())]);
    } else {
      table.sizes[any(table.sizes.size())] += 1;
    }
    ops()[i].sizes = SizesId{static_cast<std::int32_t>(plan_.sizes.size())};
    plan_.sizes.push_back(std::move(table));
    return at("other sizes for", i);
  }

  std::string other_moves() {
    const std::size_t i = find([](const Operation& op) { return op.kind == OpKind::copy_rows; });
    if (i == ops().size()) return {};
    MoveTable table = plan_.move_table(ops()[i].moves);
    table.name = fmt::format("spoilt{}", plan_.moves.size());
    RowMoves& moves = table.of.distinct[any(table.of.distinct.size())];
    if (moves.moves.empty()) return {};
    Move& move = moves.moves[any(moves.moves.size())];
    (random_.chance(1, 2) ? move.from : move.to) += random_.chance(1, 2) ? 1 : 2;
    if (random_.chance(1, 5)) moves.rows_out += 1;
    ops()[i].moves = MovesId{static_cast<std::int32_t>(plan_.moves.size())};
    plan_.moves.push_back(std::move(table));
    return at("other moves for", i);
  }

  std::string other_root() {
    const std::size_t i = find([](const Operation& op) { return takes_root(op.kind); });
    if (i == ops().size()) return {};
    ops()[i].root = static_cast<int>(any(5));
    return at("another root for", i);
  }

  std::string other_peer() {
    const std::size_t i = find([](const Operation& op) { return is_point_to_point(op.kind); });
    if (i == ops().size()) return {};
    std::vector<int>& peers =
        ops()[i].to.empty() || (!ops()[i].from.empty() && random_.chance(1, 2)) ? ops()[i].from
                                                                                : ops()[i].to;
    peers[any(peers.size())] = static_cast<int>(random_.below(6)) - 1;
    return at("another peer for", i);
  }

  std::string other_reduction() {
    if (!later_kinds_) return {};
    const std::size_t i =
        find([](const Operation& op) { return sums(op.kind) && op.kind != OpKind::combine; });
    if (i == ops().size()) return {};
    ops()[i].reduction = static_cast<Reduction>(random_.below(4));
    return at("another reduction for", i);
  }

  std::string extra_scale() {
    const std::size_t i = find([](const Operation& op) { return !op.out.empty(); });
    if (i == ops().size()) return {};
    const Rational factors[] = {2, 0, Rational(1, 2), 3};
    Operation scale;
    scale.kind = OpKind::scale;
    scale.name = "scale";
    scale.site = ops()[i].site;
    scale.ranks = random_.chance(1, 2) ? some_ranks() : ops()[i].ranks;
    scale.in = {{ops()[i].out.front().tensor, SpecId::none()}};
    scale.out = ops()[i].out;
    scale.factor = factors[any(4)];
    std::string what = at("an extra scale behind", i);
    ops().insert(ops().begin() + offset(i + 1), std::move(scale));
    return what;
  }

  RankSet some_ranks() {
    RankSet ranks;
    for (int rank = 0; rank < plan_.world; ++rank) {
      if (random_.chance(2, 3)) ranks.insert(rank);
    }
    if (ranks.empty()) ranks.insert(0);
    return ranks;
  }

  std::string fewer_ranks() {
    const std::size_t i = any(ops().size());
    if (ops()[i].ranks.size() == 1) return {};
    ops()[i].ranks = some_ranks();
    return at("fewer ranks for", i);
  }

  std::string other_tensor() {
    const std::size_t i = find([](const Operation& op) { return !op.in.empty(); });
    if (i == ops().size()) return {};
    ops()[i].in[any(ops()[i].in.size())].tensor =
        TensorId{static_cast<std::int32_t>(any(plan_.tensors.size()))};
    return at("another tensor for", i);
  }

  std::string zero_padding() {
    if (!later_kinds_) return {};
    const std::size_t i =
        find([](const Operation& op) { return !op.in.empty() && op.in.front().expect.exists(); });
    if (i == ops().size()) return {};
    Operand& in = ops()[i].in.front();
    StateSpec spec = plan_.spec(in.expect);
    spec.zero_padding = true;
    in.expect = SpecId{static_cast<std::int32_t>(plan_.specs.size())};
    plan_.specs.push_back(std::move(spec));
    return at("zero padding owed by", i);
  }

  std::string other_placement() {
    const std::size_t i = find([](const Operation& op) {
      return std::ranges::any_of(op.produces,
                                 [](const Production& p) { return p.placement.exists(); });
    });
    if (i == ops().size()) return {};
    Production& p = *std::ranges::find_if(
        ops()[i].produces, [](const Production& made) { return made.placement.exists(); });
    PlacementTable table = plan_.placement_table(p.placement);
    table.name = fmt::format("spoilt{}", plan_.placements.size());
    std::vector<ShareRange>& shares = table.of.distinct[any(table.of.distinct.size())];
    const auto share = static_cast<int>(any(static_cast<std::size_t>(plan_.term(p.term).shares)));
    if (!shares.empty() && random_.chance(1, 2)) {
      shares.pop_back();
    } else {
      shares.push_back({share, share + 1});
    }
    p.placement = PlacementId{static_cast<std::int32_t>(plan_.placements.size())};
    plan_.placements.push_back(std::move(table));
    return at("another placement for", i);
  }

  std::string other_coefficient() {
    const std::size_t i = find([](const Operation& op) { return !op.produces.empty(); });
    if (i == ops().size()) return {};
    const Rational coefficients[] = {2, Rational(1, 2), Rational(1, 4), 3};
    ops()[i].produces[any(ops()[i].produces.size())].coefficient = coefficients[any(4)];
    return at("another coefficient for", i);
  }

  std::string other_kind() {
    const std::size_t i = find([](const Operation& op) {
      return op.kind == OpKind::all_gather || op.kind == OpKind::all_reduce;
    });
    if (i == ops().size()) return {};
    Operation& op = ops()[i];
    // On some ranks only, so that kinds differ within a call.
    Operation other = op;
    other.kind = op.kind == OpKind::all_gather ? OpKind::all_reduce : OpKind::all_gather;
    other.axis = Axis::rows;
    other.reduction = Reduction::sum;
    const RankSet ranks = op.ranks.empty() ? RankSet::range(0, plan_.world) : op.ranks;
    RankSet left;
    RankSet right;
    for (const int rank : ranks.to_vector()) (random_.chance(1, 2) ? left : right).insert(rank);
    if (left.empty() || right.empty()) return {};
    op.ranks = left;
    other.ranks = right;
    std::string what = at("another kind on some ranks for", i);
    ops().insert(ops().begin() + offset(i + 1), std::move(other));
    return what;
  }

  std::string other_dtype() {
    const std::size_t i = any(plan_.tensors.size());
    plan_.tensors[i].dtype = "float32";
    return fmt::format("another data type for {}", plan_.tensors[i].name);
  }

  std::string other_rows() {
    const std::size_t i =
        find([](const Operation& op) { return !op.in.empty() && op.in.front().expect.exists(); });
    if (i == ops().size()) return {};
    Operand& in = ops()[i].in.front();
    StateSpec spec = plan_.spec(in.expect);
    spec.rows = LayoutId{static_cast<std::int32_t>(any(plan_.layouts.size()))};
    in.expect = SpecId{static_cast<std::int32_t>(plan_.specs.size())};
    plan_.specs.push_back(std::move(spec));
    return at("other rows owed by", i);
  }

  // What reads a sum reads the addends; its own result is summed instead.
  std::string sum_too_late() {
    const std::size_t i = find([](const Operation& op) { return op.kind == OpKind::all_reduce; });
    if (i == ops().size()) return {};
    const TensorId summed = ops()[i].out.front().tensor;
    const TensorId addends = ops()[i].in.front().tensor;
    for (std::size_t reader = i + 1; reader < ops().size(); ++reader) {
      Operation& op = ops()[reader];
      const bool reads = is_nonlinear(op.kind) && !op.in.empty() &&
                         op.in.front().tensor == summed && !op.out.empty();
      if (!reads) continue;
      const std::string what = at("summed too late:", i);
      op.in.front().tensor = addends;
      Operation late = ops()[i];
      late.in.front().tensor = op.out.front().tensor;
      late.out = op.out;
      ops().insert(ops().begin() + offset(reader + 1), std::move(late));
      if (addends == summed) ops().erase(ops().begin() + offset(i));
      return what;
    }
    return {};
  }

  Plan& plan_;
  Random& random_;
  bool later_kinds_;
};

}  // namespace

std::string spoil(Plan& plan, Random& random, const ProgramOptions& options) {
  return Spoiler(plan, random, options.later_kinds).spoil();
}

}  // namespace lockstep::test

#include "tests/differential/mutate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "sim/plan/builder.h"
#include "sim/plan/shares.h"

namespace lockstep::test {
namespace {

using Predicate = bool (*)(const Operation&);

// A random operation that satisfies `wanted`; -1 if there is none.
int pick(const Plan& plan, Random& random, Predicate wanted) {
  std::vector<int> found;
  for (std::size_t i = 0; i < plan.operations.size(); ++i) {
    if (wanted(plan.operations[i])) found.push_back(static_cast<int>(i));
  }
  if (found.empty()) return -1;
  return found[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(found.size())))];
}

Operation& at(Plan& plan, int index) { return plan.operations[static_cast<std::size_t>(index)]; }

bool is_moving(const Operation& op) {
  return is_collective(op.kind) || op.kind == OpKind::copy_rows || op.kind == OpKind::add;
}
bool communicates(const Operation& op) { return is_collective(op.kind); }
bool is_sum(const Operation& op) { return sums(op.kind); }
bool is_copy(const Operation& op) { return op.kind == OpKind::copy_rows; }
bool has_sizes(const Operation& op) { return op.sizes.exists(); }
bool is_partial_producer(const Operation& op) {
  return std::ranges::any_of(op.produces, [](const Production& p) { return p.major.exists(); });
}
bool computes_experts(const Operation& op) { return op.kind == OpKind::experts; }
bool is_add_on_some(const Operation& op) { return op.kind == OpKind::add && !op.ranks.empty(); }

std::string named(const Plan& plan, int index) {
  const Operation& op = plan.operations[static_cast<std::size_t>(index)];
  return fmt::format("operation {} ({}, {})", index, to_string(op.kind), op.name);
}

std::string remove(Plan& plan, Random& random) {
  const int i = pick(plan, random, is_moving);
  if (i < 0) return {};
  const std::string what = "deleted " + named(plan, i);
  plan.operations.erase(plan.operations.begin() + i);
  return what;
}

std::string repeat(Plan& plan, Random& random) {
  const int i = pick(plan, random, communicates);
  if (i < 0) return {};
  const Operation copy = at(plan, i);
  plan.operations.insert(plan.operations.begin() + i, copy);
  return "doubled " + named(plan, i);
}

std::string move_later(Plan& plan, Random& random) {
  const int i = pick(plan, random, communicates);
  const auto last = static_cast<int>(plan.operations.size()) - 1;
  if (i < 0 || i == last) return {};
  const int by = 1 + static_cast<int>(random.below(std::min(3, last - i)));
  const std::string what = fmt::format("moved {} down by {}", named(plan, i), by);
  std::rotate(plan.operations.begin() + i, plan.operations.begin() + i + 1,
              plan.operations.begin() + i + by + 1);
  return what;
}

// The next norm behind operation `from` if only linear operations lie between; -1 otherwise.
int next_norm(const Plan& plan, std::size_t from) {
  for (std::size_t i = from + 1; i < plan.operations.size(); ++i) {
    const OpKind kind = plan.operations[i].kind;
    if (kind == OpKind::norm) return static_cast<int>(i);
    if (is_nonlinear(kind) || kind == OpKind::require) return -1;
  }
  return -1;
}

// The sum of a tensor is taken on the result of the norm that it feeds instead.
std::string reduce_after_norm(Plan& plan, Random& random) {
  std::vector<int> sums_before_norms;
  for (std::size_t i = 0; i < plan.operations.size(); ++i) {
    const bool found = plan.operations[i].kind == OpKind::all_reduce && next_norm(plan, i) >= 0;
    if (found) sums_before_norms.push_back(static_cast<int>(i));
  }
  if (sums_before_norms.empty()) return {};
  const int i = sums_before_norms[static_cast<std::size_t>(
      random.below(static_cast<std::int64_t>(sums_before_norms.size())))];
  const std::string what = fmt::format("moved {} behind the next norm", named(plan, i));
  const auto norm = plan.operations.begin() + next_norm(plan, static_cast<std::size_t>(i));
  Operation late = at(plan, i);
  late.in[0].tensor = norm->out[0].tensor;
  late.out = norm->out;
  plan.operations.insert(norm + 1, late);
  plan.operations.erase(plan.operations.begin() + i);
  return what;
}

// One rank stops somewhere and takes no further part.
std::string leave_early(Plan& plan, Random& random) {
  const int i = pick(plan, random, communicates);
  if (i < 0 || plan.world < 2) return {};
  const int gone = static_cast<int>(random.below(plan.world));
  for (std::size_t k = static_cast<std::size_t>(i); k < plan.operations.size(); ++k) {
    std::vector<int> rest;
    for (int r = 0; r < plan.world; ++r) {
      if (r != gone && executes(plan.operations[k], r)) rest.push_back(r);
    }
    if (!rest.empty()) plan.operations[k].ranks = RankSet::of(rest);
  }
  return fmt::format("rank {} leaves before {}", gone, named(plan, i));
}

std::string drop_a_rank(Plan& plan, Random& random) {
  const int i = pick(plan, random, communicates);
  if (i < 0) return {};
  const int rank = static_cast<int>(random.below(plan.world));
  std::vector<int> ranks;
  for (int r = 0; r < plan.world; ++r) {
    if (r != rank && executes(at(plan, i), r)) ranks.push_back(r);
  }
  if (ranks.empty()) return {};
  at(plan, i).ranks = RankSet::of(ranks);
  return fmt::format("rank {} skips {}", rank, named(plan, i));
}

std::string regroup(Plan& plan, Random& random) {
  const int i = pick(plan, random, is_sum);
  if (i < 0) return {};
  const GroupId other{
      static_cast<std::int32_t>(random.below(static_cast<std::int64_t>(plan.groups.size())))};
  if (plan.group(other).parts == plan.group(at(plan, i).group).parts) return {};
  at(plan, i).group = other;
  return fmt::format("{} over {}", named(plan, i), plan.group(other).role);
}

// Gives the operation a private copy of a table, so that one call is wrong and not all.
MoveTable& own_moves(Plan& plan, Operation& op) {
  MoveTable table = plan.move_table(op.moves);
  table.name = fmt::format("mutant{}", plan.moves.size());
  plan.moves.push_back(table);
  op.moves = MovesId{static_cast<std::int32_t>(plan.moves.size()) - 1};
  return plan.moves.back();
}

std::string shift_move(Plan& plan, Random& random) {
  const int i = pick(plan, random, is_copy);
  if (i < 0) return {};
  MoveTable& table = own_moves(plan, at(plan, i));
  RowMoves& moves = table.of.distinct[static_cast<std::size_t>(
      random.below(static_cast<std::int64_t>(table.of.distinct.size())))];
  if (moves.moves.empty()) return {};
  Move& move = moves.moves[static_cast<std::size_t>(
      random.below(static_cast<std::int64_t>(moves.moves.size())))];
  if (random.chance(1, 2)) {
    move.from += 1;
  } else {
    move.to += 1;
  }
  return "shifted rows in " + named(plan, i);
}

std::string resize_copy(Plan& plan, Random& random) {
  const int i = pick(plan, random, is_copy);
  if (i < 0) return {};
  for (RowMoves& moves : own_moves(plan, at(plan, i)).of.distinct) moves.rows_out += 1;
  return "one row more in " + named(plan, i);
}

std::string break_sizes(Plan& plan, Random& random) {
  const int i = pick(plan, random, has_sizes);
  if (i < 0) return {};
  SizeTable table = plan.size_table(at(plan, i).sizes);
  table.name = fmt::format("mutant_sizes{}", plan.sizes.size());
  if (random.chance(1, 3) || table.sizes.size() < 2) {
    table.sizes.pop_back();
  } else {  // same total, other split
    const auto from =
        static_cast<std::size_t>(random.below(static_cast<std::int64_t>(table.sizes.size())));
    const std::size_t to = (from + 1) % table.sizes.size();
    if (table.sizes[from] == 0) return {};
    table.sizes[from] -= 1;
    table.sizes[to] += 1;
  }
  plan.sizes.push_back(table);
  at(plan, i).sizes = SizesId{static_cast<std::int32_t>(plan.sizes.size()) - 1};
  return "other sizes in " + named(plan, i);
}

// A term that should be sharded is made whole on every rank, or scaled.
std::string replicate_producer(Plan& plan, Random& random) {
  const int i = pick(plan, random, is_partial_producer);
  if (i < 0) return {};
  Operation& op = at(plan, i);
  Production& p = op.produces[static_cast<std::size_t>(
      random.below(static_cast<std::int64_t>(op.produces.size())))];
  p.coefficient = p.coefficient * Rational(random.chance(1, 2) ? 2 : 3);
  return fmt::format("{} times {} in {}", to_string(p.coefficient), plan.term(p.term).name,
                     named(plan, i));
}

// The shares of `production` on each rank.
std::vector<std::vector<ShareRange>> shares_by_rank(const Plan& plan,
                                                    const Production& production) {
  std::vector<std::vector<ShareRange>> of_rank(static_cast<std::size_t>(plan.world));
  for (int rank = 0; rank < plan.world; ++rank) {
    for (const CountedShares& s : counted_shares(plan, production, rank)) {
      of_rank[static_cast<std::size_t>(rank)].insert(of_rank[static_cast<std::size_t>(rank)].end(),
                                                     static_cast<std::size_t>(s.count),
                                                     ShareRange{s.first, s.last});
    }
  }
  return of_rank;
}

// A rank computes an expert (or a slice of one) too many, or one too few.
std::string misplace_experts(Plan& plan, Random& random) {
  const int i = pick(plan, random, computes_experts);
  if (i < 0) return {};
  std::size_t routed = 0;
  while (plan.term(at(plan, i).produces[routed].term).kind != TermKind::routed) {
    if (++routed == at(plan, i).produces.size()) return {};
  }
  const Production production = at(plan, i).produces[routed];
  std::vector<std::vector<ShareRange>> of_rank = shares_by_rank(plan, production);
  std::vector<ShareRange>& own = of_rank[static_cast<std::size_t>(random.below(plan.world))];
  if (!own.empty() && random.chance(1, 2)) {
    if (--own.back().last == own.back().first) own.pop_back();
  } else {
    const auto share = static_cast<int>(random.below(plan.term(production.term).shares));
    own.push_back({share, share + 1});
  }
  PlanBuilder builder(std::move(plan));
  const std::string name = fmt::format("mutant{}", builder.plan().placements.size());
  const PlacementId placement = builder.placement(name, std::move(of_rank));
  plan = builder.take();
  at(plan, i).produces[routed] = {production.term, {}, {}, 1, production.coefficient, placement};
  return "other experts in " + named(plan, i);
}

std::string add_everywhere(Plan& plan, Random& random) {
  const int i = pick(plan, random, is_add_on_some);
  if (i < 0) return {};
  at(plan, i).ranks = RankSet{};
  return "all ranks execute " + named(plan, i);
}

using Change = std::string (*)(Plan&, Random&);
constexpr std::array<Change, 25> kChanges{regroup,
                                          reduce_after_norm,
                                          reduce_after_norm,
                                          remove,
                                          remove,
                                          repeat,
                                          repeat,
                                          move_later,
                                          reduce_after_norm,
                                          reduce_after_norm,
                                          reduce_after_norm,
                                          drop_a_rank,
                                          leave_early,
                                          leave_early,
                                          regroup,
                                          regroup,
                                          shift_move,
                                          shift_move,
                                          resize_copy,
                                          resize_copy,
                                          break_sizes,
                                          replicate_producer,
                                          misplace_experts,
                                          misplace_experts,
                                          add_everywhere};

}  // namespace

Mutant mutate(const Plan& plan, Random& random) {
  Mutant mutant{plan, {}};
  const auto choice = random.below(static_cast<std::int64_t>(kChanges.size()));
  mutant.what = kChanges[static_cast<std::size_t>(choice)](mutant.plan, random);
  return mutant;
}

}  // namespace lockstep::test

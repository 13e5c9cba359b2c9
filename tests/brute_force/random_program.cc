#include "tests/brute_force/random_program.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tests/brute_force/program_draws.h"

namespace lockstep::test {
namespace {

// Groups along the axes of a world of `sizes`: all, each axis, and each pair of three.
std::vector<Group> groups_of(const std::vector<int>& sizes, Random& random) {
  int world = 1;
  for (const int size : sizes) world *= size;
  const auto axes = static_cast<int>(sizes.size());
  // Ranks that differ only along the axes of `along` are one part.
  const auto parts = [&](unsigned along) {
    std::map<std::vector<int>, std::vector<int>> by_place;
    for (int rank = 0; rank < world; ++rank) {
      std::vector<int> place;
      int rest = rank;
      for (int axis = axes; axis-- > 0; rest /= sizes[static_cast<std::size_t>(axis)]) {
        const int at = rest % sizes[static_cast<std::size_t>(axis)];
        if ((along >> axis & 1U) == 0) place.push_back(at);
      }
      by_place[place].push_back(rank);
    }
    std::vector<std::vector<int>> all;
    for (auto& [place, ranks] : by_place) all.push_back(std::move(ranks));
    return all;
  };
  const unsigned whole = (1U << axes) - 1;
  std::vector<Group> groups{{"all", "all", parts(whole)}};
  for (int axis = 0; axes > 1 && axis < axes; ++axis) {
    groups.push_back({fmt::format("axis{}", axis), fmt::format("axis{}", axis), parts(1U << axis)});
  }
  if (axes == 3) groups.push_back({"pair", "pair", parts(3)});
  if (random.chance(1, 4)) groups.push_back({"again", "all", groups.front().parts});
  if (random.chance(1, 6)) {
    Group turned{"turned", "all", groups.front().parts};
    std::ranges::reverse(turned.parts.front());
    groups.push_back(std::move(turned));
  }
  return groups;
}

Model tiny_model(int world) {
  Model m;
  m.name = "tiny";
  m.num_hidden_layers = 1;
  m.hidden_size = 16;
  m.intermediate_size = 16;
  m.moe_intermediate_size = 8;
  m.n_routed_experts = 2 * world;
  m.num_experts_per_tok = 2;
  m.num_attention_heads = 8;
  m.num_key_value_heads = 8;
  m.v_head_dim = 4;
  m.vocab_size = 64;
  return m;
}

// Uneven, some of them none.
std::vector<Tokens> draw_tokens(Random& random, int world, std::int64_t& next, Step& step) {
  std::vector<Tokens> own(static_cast<std::size_t>(world));
  const int most = world > 4 ? 2 : 3;
  const bool even = random.chance(1, 3);
  const auto of_each = random.below(most) + 1;
  for (int rank = 0; rank < world; ++rank) {
    const std::int64_t count = even ? of_each : random.chance(1, 4) ? 0 : random.below(most + 1);
    for (std::int64_t i = 0; i < count; ++i)
      own[static_cast<std::size_t>(rank)].push_back(next + i);
    if (count > 0) step.requests.push_back({rank, 0, next, static_cast<int>(count), 0});
    next += count;
  }
  return own;
}

Plan start(Random& random, std::vector<std::vector<Tokens>>& own) {
  static const std::vector<int> kShapes[] = {{2},    {3},    {4},       {2, 2}, {5},    {6},
                                             {2, 3}, {3, 2}, {7},       {8},    {2, 4}, {4, 2},
                                             {2, 2}, {4},    {2, 2, 2}, {2},    {2, 3}};
  const std::vector<int>& shape = kShapes[random.below(std::size(kShapes))];
  Plan plan;
  plan.name = "random program";
  for (const int size : shape) plan.world *= size;
  plan.model = tiny_model(plan.world);
  plan.groups = groups_of(shape, random);
  const auto steps = random.chance(2, 3) ? 1 : 2 + random.below(2);
  std::int64_t next = 0;
  for (std::int64_t i = 0; i < steps; ++i) {
    Step step;
    own.push_back(draw_tokens(random, plan.world, next, step));
    plan.steps.push_back(std::move(step));
  }
  return plan;
}

// Draws until `operations` more are there.
void fill(Bench& bench, std::size_t operations) {
  const std::vector<Draw> all = draws(bench);
  const std::size_t wanted = bench.w.plan().operations.size() + operations;
  draw_input(bench);
  while (bench.w.plan().operations.size() < wanted) {
    all[static_cast<std::size_t>(bench.w.below(static_cast<int>(all.size())))](bench);
    constexpr std::size_t kMostLive = 12;
    if (bench.live.size() > kMostLive) bench.live.erase(bench.live.begin());
  }
  for (int i = 0; i < 2; ++i) draw_require(bench);
}

// Each term is owed in tensors of one width: of another there is no such term.
bool terms_have_one_width(const Plan& plan) {
  std::vector<std::string> columns(plan.terms.size());
  const auto fits = [&](SpecId spec, TensorId tensor) {
    return !spec.exists() || std::ranges::all_of(plan.spec(spec).terms, [&](TermId term) {
      std::string& known = columns[term.index()];
      if (known.empty()) known = plan.tensor(tensor).columns;
      return known == plan.tensor(tensor).columns;
    });
  };
  return std::ranges::all_of(plan.operations, [&](const Operation& op) {
    return std::ranges::all_of(op.in, [&](const Operand& i) { return fits(i.expect, i.tensor); }) &&
           std::ranges::all_of(op.out, [&](const Output& o) { return fits(o.declared, o.tensor); });
  });
}

}  // namespace

std::vector<Draw> draws(const Bench& bench) {
  struct Weight {
    Draw draw;
    int weight;
    bool later;
  };
  const Weight weights[] = {{draw_input, 2, false},
                            {draw_compute, 6, true},
                            {draw_linear, 4, true},
                            {draw_copy, 3, false},
                            {draw_placement_of_rows, 2, false},
                            {draw_scales, 1, false},
                            {draw_add, 4, false},
                            {draw_closing, 2, false},
                            {draw_slice_columns, 2, true},
                            {draw_require, 4, false},
                            {draw_all_reduce, 6, false},
                            {draw_repeated_sum, 1, false},
                            {draw_scatter, 4, false},
                            {draw_rooted, 2, true},
                            {draw_broadcast, 1, true},
                            {draw_gather, 4, false},
                            {draw_gather_columns, 3, false},
                            {draw_all_to_all, 3, true},
                            {draw_send, 2, true},
                            {draw_ring, 2, true},
                            {draw_barrier, 1, true}};
  std::vector<Draw> all;
  for (const Weight& w : weights) {
    if (w.later && !bench.later_kinds) continue;
    for (int i = 0; i < w.weight; ++i) all.push_back(w.draw);
  }
  for (int i = 0; bench.of_model && i < 12; ++i) all.push_back(draw_of_model);
  return all;
}

Plan right_program(Random& random, const ProgramOptions& options, bool of_model) {
  std::vector<std::vector<Tokens>> own;
  Plan begun = start(random, own);
  ProgramWriter writer(std::move(begun), random);
  const std::size_t per_step = static_cast<std::size_t>(5 + random.below(32)) / own.size() + 1;
  std::vector<TermId> closed;
  for (std::size_t step = 0; step < own.size(); ++step) {
    writer.begin_step(static_cast<int>(step));
    Bench bench{writer, options.later_kinds, of_model, own[step], {}, std::move(closed)};
    fill(bench, per_step);
    closed = std::move(bench.closed);
  }
  return writer.builder().take();
}

RandomProgram random_program(std::uint64_t seed, const ProgramOptions& options) {
  Random random(mix64(seed));
  RandomProgram program;
  program.of_model = !options.later_kinds || random.chance(1, 5);
  program.plan = right_program(random, options, program.of_model);
  constexpr int kFaults[] = {0, 0, 1, 1, 1, 2, 2, 3};
  const int faults = kFaults[random.below(8)];
  constexpr int kTries = 40;
  for (int i = 0; i < kTries && static_cast<int>(program.faults.size()) < faults; ++i) {
    Plan spoilt = program.plan;
    std::string what = spoil(spoilt, random, options);
    if (what.empty() || !terms_have_one_width(spoilt) || !validate(spoilt).empty()) continue;
    program.plan = std::move(spoilt);
    program.faults.push_back(std::move(what));
  }
  return program;
}

}  // namespace lockstep::test

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "sim/serving/sglang/layout.h"
#include "sim/serving/sglang/scatter_modes.h"
#include "tests/serving/inputs.h"

namespace lockstep::sglang {
namespace {

using test::layout;
using test::tiny_deepseek;
using Parts = std::vector<std::vector<int>>;

AcceptedLayout accepted(const ParallelFlags& flags) {
  const auto layout = accept_layout(flags, tiny_deepseek(), *resolve_revision("24785"));
  REQUIRE(static_cast<bool>(layout));
  return *layout;
}

bool rejects(const ParallelFlags& flags, const std::string& key, const std::string& why) {
  const auto layout = accept_layout(flags, tiny_deepseek(), *resolve_revision("24785"));
  if (layout) return false;
  INFO(to_string(layout.faults()));
  return std::ranges::any_of(layout.faults(), [&](const Diagnostic& d) {
    return d.path == "parallel." + key && d.message.find(why) != std::string::npos;
  });
}

Group group_of(const ParallelFlags& flags, const std::string& role) {
  const auto groups = build_groups(accepted(flags).parallel);
  return *std::ranges::find(groups, role, &Group::role);
}

TEST_CASE("the worked examples of section 1.5 have their groups") {
  const Parts singletons8{{0}, {1}, {2}, {3}, {4}, {5}, {6}, {7}};
  const Parts all8{{0, 1, 2, 3, 4, 5, 6, 7}};
  CHECK(group_of(layout(8, 8, 8), "attn_tp").parts == singletons8);
  CHECK(group_of(layout(8, 8, 8), "moe_ep").parts == all8);
  CHECK(group_of(layout(8, 8, 8), "moe_ep").object == "tp");
  CHECK(group_of(layout(8, 8, 8), "moe_tp").parts == singletons8);
  CHECK(group_of(layout(8, 8, 1), "moe_ep").parts == singletons8);
  CHECK(group_of(layout(8, 8, 1), "moe_tp").object == "tp");
  CHECK(group_of(layout(8, 2, 2), "attn_tp").parts == Parts{{0, 1, 2, 3}, {4, 5, 6, 7}});
  CHECK(group_of(layout(8, 2, 2), "moe_ep").parts == Parts{{0, 4}, {1, 5}, {2, 6}, {3, 7}});
  CHECK(group_of(layout(8, 2, 2), "moe_ep").object == "moe_ep");
  CHECK(group_of(layout(8, 2, 2), "moe_tp").parts == Parts{{0, 1, 2, 3}, {4, 5, 6, 7}});
  CHECK(group_of(layout(4, 2, 4), "attn_tp").parts == Parts{{0, 1}, {2, 3}});
  CHECK(group_of(layout(4, 2, 4), "moe_ep").object == "tp");
}

TEST_CASE("coordinates of the ranks that section 1.5 names") {
  // t = (dp_rank * a_cp + cp_rank) * a_tp + attn_tp_rank; 5 = 1 * 4 + 1.
  const Parallel p = accepted(layout(8, 2, 2)).parallel;
  CHECK(p.attn_dp_rank(5) == 1);
  CHECK(p.attn_tp_rank(5) == 1);
  CHECK(p.ep_rank(5) == 1);
  CHECK(p.moe_tp_rank(5) == 1);
  const Parallel q = accepted(layout(16, 4, 16)).parallel;
  CHECK(q.attn_dp_rank(13) == 3);
  CHECK(q.attn_tp_rank(13) == 1);
  CHECK(q.ep_rank(13) == 13);
}

TEST_CASE("what SGLang changes silently is noted") {
  ParallelFlags one = layout(4, 1, 1);
  one.enable_dp_attention = true;
  one.enable_dp_lm_head = true;
  CHECK_FALSE(accepted(one).parallel.dp_attention);
  CHECK_FALSE(accepted(one).parallel.dp_lm_head);
  CHECK(accepted(one).notes.size() == 1);
  ParallelFlags a2a = layout(4, 4, 1);
  a2a.moe_a2a_backend = "deepep";
  CHECK(accepted(a2a).parallel.ep == 4);
  CHECK(accepted(a2a).notes.size() == 1);
}

TEST_CASE("what SGLang rejects is rejected with its reason") {
  CHECK(rejects(layout(8, 3, 1), "dp_size", "tp_size % dp_size"));
  CHECK(rejects(layout(8, 8, 3), "ep_size", "not a multiple"));
  CHECK(rejects(layout(32, 1, 1), "tp_size", "attention heads"));
  CHECK(rejects(layout(32, 32, 32), "tp_size", "routed experts"));
  ParallelFlags dense = layout(8, 8, 8);
  dense.moe_dense_tp_size = 2;
  CHECK(rejects(dense, "moe_dense_tp_size", "1 or nothing"));
  ParallelFlags head = layout(8, 2, 1);
  head.enable_dp_attention = false;
  head.enable_dp_lm_head = true;
  CHECK(rejects(head, "enable_dp_lm_head", "without enable_dp_attention"));
  CHECK(rejects(layout(0, 1, 1), "tp_size", "from 1"));
  CHECK(rejects(layout(8, -2, 1), "dp_size", "from 1"));
}

TEST_CASE("what is not modelled is refused by name") {
  ParallelFlags flags = layout(8, 1, 1);
  flags.pp_size = 2;
  CHECK(rejects(flags, "pp_size", "not modelled"));
  flags = layout(8, 1, 1);
  flags.attn_cp_size = 2;
  CHECK(rejects(flags, "attn_cp_size", "not modelled"));
  flags = layout(8, 1, 1);
  flags.moe_dp_size = 2;
  CHECK(rejects(flags, "moe_dp_size", "not modelled"));
  flags = layout(8, 2, 1);
  flags.enable_dp_attention = false;
  CHECK(rejects(flags, "dp_size", "plain data parallelism"));
  flags = layout(8, 8, 8);
  flags.moe_a2a_backend = "pplx";
  CHECK(rejects(flags, "moe_a2a_backend", "not modelled"));
  flags.moe_a2a_backend = "depep";
  CHECK(rejects(flags, "moe_a2a_backend", "there is no"));
}

std::vector<ScatterModes> modes(int tp, int dp, const std::string& a2a, bool dense_tp_1) {
  Parallel parallel;
  parallel.tp = tp;
  parallel.attn_dp = dp;
  parallel.attn_tp = tp / dp;
  parallel.ep = tp;
  parallel.dp_attention = dp > 1;
  parallel.a2a = a2a;
  parallel.dense_tp_1 = dense_tp_1;
  return scatter_modes(tiny_deepseek(4, 1), parallel);
}

TEST_CASE("scatter modes are those of section 2.3") {
  constexpr auto kSlice = ScatterMode::scattered;
  constexpr auto kOwn = ScatterMode::tp_attn_full;
  constexpr auto kFull = ScatterMode::full;
  const auto dep8 = modes(8, 8, "none", false);
  CHECK(dep8[0] == ScatterModes{kOwn, kOwn, kFull, kOwn, kOwn});
  CHECK(dep8[2] == ScatterModes{kOwn, kOwn, kFull, kOwn, kOwn});
  const auto deepep = modes(8, 2, "deepep", false);
  CHECK(deepep[0] == ScatterModes{kOwn, kOwn, kFull, kOwn, kOwn});
  CHECK(deepep[1] == ScatterModes{kOwn, kOwn, kSlice, kSlice, kSlice});
  CHECK(deepep[2] == ScatterModes{kSlice, kOwn, kSlice, kSlice, kSlice});
  CHECK(deepep[3] == ScatterModes{kSlice, kOwn, kSlice, kSlice, kOwn});
  const auto dense = modes(8, 2, "none", true);
  CHECK(dense[0] == ScatterModes{kOwn, kOwn, kSlice, kSlice, kSlice});
  CHECK(dense[1] == ScatterModes{kSlice, kOwn, kFull, kOwn, kOwn});
}

}  // namespace
}  // namespace lockstep::sglang

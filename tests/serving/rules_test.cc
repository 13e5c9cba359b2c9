// Section 5 of the reference sheet, row by row, through the lowering and the checker.
#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "sim/contract/check.h"
#include "sim/serving/rule.h"
#include "sim/serving/sglang/rules.h"
#include "sim/serving/sglang/timeline.h"
#include "tests/serving/inputs.h"

namespace lockstep {
namespace {

using test::batch;
using test::layout;

bool decides(Input rule, const std::string& revision, Environment e) {
  const auto at = sglang::resolve_revision(revision);
  REQUIRE(static_cast<bool>(at));
  const auto book =
      RuleBook::build(test::deepseek_rules(), [&](int pr) { return at->includes(pr); }, {});
  REQUIRE(static_cast<bool>(book));
  book->decide(e);
  return e.is(rule);
}

Environment sizes(int tp, int dp, int ep) {
  Environment e;
  e.set(Input::tp, tp);
  e.set(Input::attn_dp, dp);
  e.set(Input::attn_tp, tp / dp);
  e.set(Input::ep, ep);
  e.set(Input::moe_tp, tp / ep);
  e.set(Input::dp_attention, dp > 1);
  e.set(Input::a2a, Symbol::none);
  return e;
}

TEST_CASE("should_use_dp_reduce_scatterv by layout, as in the table of section 5.1") {
  struct Row {
    int tp, dp, ep;
    bool in_e1_to_e3, in_e4;
  };
  for (const Row& row :
       {Row{8, 8, 8, true, true}, Row{4, 4, 4, true, true}, Row{8, 8, 1, false, false},
        Row{8, 2, 2, true, false}, Row{8, 2, 8, false, false}, Row{4, 2, 4, false, false},
        Row{16, 4, 16, false, false}, Row{8, 1, 8, false, false}}) {
    const Environment e = sizes(row.tp, row.dp, row.ep);
    INFO(row.tp, " ", row.dp, " ", row.ep);
    CHECK_FALSE(decides(Input::use_dp_reduce_scatterv, "22642^", e));
    for (const char* revision : {"22642", "23748", "24785", "32663^"}) {
      CHECK(decides(Input::use_dp_reduce_scatterv, revision, e) == row.in_e1_to_e3);
    }
    CHECK(decides(Input::use_dp_reduce_scatterv, "32663", e) == row.in_e4);
  }
  Environment a2a = sizes(8, 8, 8);
  a2a.set(Input::a2a, Symbol::deepep);
  CHECK_FALSE(decides(Input::use_dp_reduce_scatterv, "24785", a2a));
}

TEST_CASE("384 experts fuse their shared expert for three days, then with Quark only") {
  Environment kimi = sizes(8, 8, 1);
  kimi.set(Input::gpu, Symbol::hopper);
  kimi.set(Input::n_shared_experts, 1);
  kimi.set(Input::n_routed_experts, 384);
  kimi.set(Input::quantization, Symbol::other);
  CHECK_FALSE(decides(Input::shared_experts_fused, "25390^", kimi));
  CHECK(decides(Input::shared_experts_fused, "25390", kimi));
  CHECK_FALSE(decides(Input::shared_experts_fused, "25974", kimi));
  kimi.set(Input::quantization, Symbol::quark);
  CHECK(decides(Input::shared_experts_fused, "25974", kimi));
  kimi.set(Input::n_routed_experts, 256);
  kimi.set(Input::quantization, Symbol::none);
  CHECK(decides(Input::shared_experts_fused, "10414", kimi));
  kimi.set(Input::ep, 8);
  CHECK_FALSE(decides(Input::shared_experts_fused, "24785", kimi));
}

// How often the feed-forward terms of the dense layer 0 and of the sparse layers arrive.
struct Factors {
  std::string dense = "1";
  std::string sparse = "1";
  bool mismatch = false;
};

Factors factors(const LoweringInput& input) {
  const Result<Plan> plan = lower(input);
  REQUIRE(static_cast<bool>(plan));
  REQUIRE(validate(*plan).empty());
  Factors found;
  for (const contract::Violation& v : contract::check(*plan).violations) {
    if (v.code == contract::Code::collective_mismatch) found.mismatch = true;
    if (v.code != contract::Code::double_reduction) continue;
    CHECK(v.group == "tp");
    (v.site.layer == 0 ? found.dense : found.sparse) = to_string(*v.factor);
    CHECK(v.site.module == (v.site.layer == 0 ? "mlp" : "moe"));
  }
  return found;
}

Factors dep(int n, const std::string& revision, bool max_len) {
  BatchSpec step = batch(max_len ? ForwardMode::decode : ForwardMode::extend,
                         std::vector<int>(static_cast<std::size_t>(n), 4));
  if (max_len) step.cuda_graph = false;
  return factors(test::input(layout(n, n, n), revision, step));
}

TEST_CASE("the truth table of section 5.3, DeepSeek's rows, for tp == dp == ep == n") {
  struct Row {
    const char* revision;
    bool max_len;
    bool dense_doubled, sparse_doubled;
  };
  for (const Row& row :
       {Row{"22642^", true, false, false}, Row{"22642^", false, false, false},   // E0
        Row{"22642", true, false, false}, Row{"22642", false, true, true},       // E1
        Row{"23731", false, true, true}, Row{"23734", false, true, true},        // not yet told
        Row{"23732", false, true, false}, Row{"23748", true, false, false},      // E2
        Row{"24785^", false, true, false}, Row{"24785^", true, false, false},    // E2
        Row{"24785", false, false, false}, Row{"24785", true, false, false},     // E3
        Row{"32663", false, false, false}, Row{"32663", true, false, false}}) {  // E4
    for (const int n : {2, 8}) {
      INFO(row.revision, row.max_len ? " MAX_LEN " : " SUM_LEN ", n);
      const Factors found = dep(n, row.revision, row.max_len);
      CHECK(found.dense == (row.dense_doubled ? std::to_string(n) : "1"));
      CHECK(found.sparse == (row.sparse_doubled ? std::to_string(n) : "1"));
      CHECK_FALSE(found.mismatch);
    }
  }
}

TEST_CASE("DP8 sums once in every epoch") {
  for (const char* revision : {"22642^", "22642", "24785^", "24785", "32663"}) {
    for (const ForwardMode mode : {ForwardMode::extend, ForwardMode::decode}) {
      const Factors found =
          factors(test::input(layout(8, 8, 1), revision, batch(mode, std::vector<int>(8, 4))));
      CHECK(found.dense == "1");
      CHECK(found.sparse == "1");
    }
  }
}

TEST_CASE("tp8 dp2 ep2 passes two sizes to a group of eight until #32663") {
  const BatchSpec step = batch(ForwardMode::extend, {8, 4});
  CHECK_FALSE(factors(test::input(layout(8, 2, 2), "22642^", step)).mismatch);
  CHECK(factors(test::input(layout(8, 2, 2), "22642", step)).mismatch);
  CHECK(factors(test::input(layout(8, 2, 2), "24785", step)).mismatch);
  CHECK_FALSE(factors(test::input(layout(8, 2, 2), "32663", step)).mismatch);
}

TEST_CASE("the what-if rule of the fix repairs the dense layer before #24785") {
  LoweringInput in = test::input(layout(8, 8, 8), "24785^",
                                 batch(ForwardMode::extend, {9, 37, 0, 12, 3, 1, 64, 5}));
  CHECK(factors(in).dense == "8");
  in.serving.rules["should_use_reduce_scatter"] = "use_dp_reduce_scatterv or padding == max_len";
  CHECK(factors(in).dense == "1");
  in.serving.rules = {{"should_use_dp_reduce_scatterv", "false"}};
  CHECK(factors(in).dense == "1");
}

contract::CheckResult checked(const LoweringInput& input) {
  const Result<Plan> plan = lower(input);
  REQUIRE(static_cast<bool>(plan));
  REQUIRE(validate(*plan).empty());
  return contract::check(*plan);
}

TEST_CASE("without DP attention the sum is deferred to the next layer and arrives once") {
  LoweringInput in = test::input(layout(8, 1, 8), "24785", batch(ForwardMode::extend, {20}));
  const Result<Plan> plan = lower(in);
  REQUIRE(static_cast<bool>(plan));
  int fused = 0;
  for (const Operation& op : plan->operations) fused += op.name.starts_with("fused all_reduce");
  CHECK(fused == in.model.num_hidden_layers - 1);
  CHECK(checked(in).verdict == contract::Verdict::holds);
  in.serving.flags["enforce_disable_flashinfer_allreduce_fusion"] = true;
  CHECK(checked(in).verdict == contract::Verdict::holds);
  // Above 2048 rows nothing is deferred.
  in.serving.flags.clear();
  in.steps = {batch(ForwardMode::extend, {2049})};
  const Result<Plan> large = lower(in);
  REQUIRE(static_cast<bool>(large));
  for (const Operation& op : large->operations) CHECK_FALSE(op.name.starts_with("fused"));
}

TEST_CASE("the fused sum after experts covers EP only, so that hybrid EP and MoE-TP loses terms") {
  LoweringInput in = test::input(layout(8, 1, 2), "32663", batch(ForwardMode::extend, {20}));
  const auto result = checked(in);
  CHECK(result.verdict == contract::Verdict::violated);
  for (const contract::Violation& v : result.violations) {
    CHECK(v.site.module == "moe");
    CHECK((v.code == contract::Code::wrong_group || v.code == contract::Code::missing_reduction));
  }
  in.gpu = "ampere";  // no fusion there
  CHECK(checked(in).verdict == contract::Verdict::holds);
}

TEST_CASE("a whole shared expert added to a sum still owed is counted on every rank") {
  LoweringInput in =
      test::input(layout(4, 4, 4), "24949", batch(ForwardMode::extend, {4, 4, 4, 4}));
  in.serving.env["SGLANG_SHARED_EXPERT_TP1"] = "1";
  const auto owed = checked(in);
  CHECK(owed.verdict == contract::Verdict::violated);
  for (const contract::Violation& v : owed.violations) {
    CHECK(v.code == contract::Code::duplicated_term);
    CHECK(v.site.module == "moe");
    CHECK(to_string(*v.factor) == "4");
  }
  // The producer sums by itself: the shared expert is added after the sum.
  in.parallel = layout(4, 4, 1);
  CHECK(checked(in).verdict == contract::Verdict::holds);
}

}  // namespace
}  // namespace lockstep

// Sections 7.4 (which cases are safe) and 7.6 (the mirror-image failures) of the reference sheet.
#include <algorithm>

#include "tests/serving/truth.h"

namespace lockstep {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the vocabulary of the tables

contract::CheckResult checked(const LoweringInput& input) {
  const Result<Plan> plan = lower(input);
  REQUIRE(static_cast<bool>(plan));
  for (const std::string& fault : validate(*plan)) FAIL_CHECK(fault);
  return contract::check(*plan);
}

constexpr const char* kFuse = "enable_flashinfer_allreduce_fusion";

TEST_CASE("7.4: each safe case of DeepSeek, in E1 to E4") {
  struct Safe {
    const char* why;
    ParallelFlags parallel;
    Mode mode;
  };
  ParallelFlags a2a = layout(8, 8, 8);
  a2a.moe_a2a_backend = "deepep";
  ParallelFlags a2a_attn_tp = layout(8, 2, 8);
  a2a_attn_tp.moe_a2a_backend = "deepep";
  const std::vector<Safe> table{{"DEP8 MAX_LEN, rs_ok", layout(8, 8, 8), Mode::max},
                                {"DP8, SUM_LEN", layout(8, 8, 1), Mode::sum},
                                {"DP8, MAX_LEN", layout(8, 8, 1), Mode::max},
                                {"a2a backend", a2a, Mode::sum},
                                {"a2a backend", a2a_attn_tp, Mode::sum},
                                {"tp8 dp2 ep8", layout(8, 2, 8), Mode::sum},
                                {"tp8 dp2 ep8", layout(8, 2, 8), Mode::max},
                                {"a_dp = 1", layout(8, 1, 1), Mode::sum},
                                {"a_dp = 1", layout(8, 1, 8), Mode::sum}};
  for (const Safe& row : table) {
    for (const char* revision : {"22642", "23748", "24785^", "24785", "32663"}) {
      INFO(text("7.4", row.why, revision));
      CHECK(multiplicity(input_of(kDeepseek, row.parallel, revision, row.mode)).whole == "holds");
    }
  }
}

TEST_CASE("7.4: replicated dense layers have no return over DP, sparse layers still do") {
  for (const char* revision : {"22642", "24785^", "24785"}) {
    INFO(text("7.4 moe_dense_tp_size=1", revision));
    LoweringInput in = input_of(kDeepseek, layout(8, 8, 8), revision, Mode::sum);
    in.parallel.moe_dense_tp_size = 1;
    const Multiplicity found = multiplicity(in);
    CHECK(found.dense == "1");
    CHECK(found.sparse == (std::string(revision) == "22642" ? "8" : "1"));
  }
}

TEST_CASE("7.4: captured decode is MAX_LEN, safe if rs_ok, and not for Qwen3-MoE or GPT-OSS") {
  const auto captured = [](const char* architecture, const char* revision) {
    LoweringInput in = input_of(architecture, layout(8, 8, 8), revision, Mode::max);
    in.steps = {batch(ForwardMode::decode, {16, 3, 0, 7, 1, 12, 5, 9})};
    return multiplicity(in);
  };
  for (const char* revision : {"22642", "24785^"}) {
    INFO(text("7.4 captured", revision));
    CHECK(captured(kDeepseek, revision).whole == "holds");
    CHECK(captured(kGlm4, revision).whole == "holds");
    CHECK(captured(kGptOss, revision).sparse == "8");
  }
  CHECK(captured(kQwen3Moe, "22642").sparse == "8");
  CHECK(captured(kQwen3Moe, "24785^").whole == "holds");
}

TEST_CASE("7.4: in E1 the prefill of Kimi K2.6 has 8*(R+Sh) on each of the 60 sparse layers") {
  LoweringInput in = input_of(kDeepseek, layout(8, 8, 8), "22642", Mode::sum);
  in.model = kimi_k2_6();
  const contract::CheckResult result = checked(in);
  CHECK(result.violations.size() == 61);
  for (const contract::Violation& v : result.violations) {
    CHECK(v.code == contract::Code::double_reduction);
    CHECK(to_string(*v.factor) == "8");
    // A dense layer has one term, a sparse one R and Sh.
    CHECK(v.terms.size() == (v.site.layer == 0 ? 1 : 2));
  }
}

TEST_CASE("7.5: GPT-OSS at tp4 dp4 ep4 is x4 on every layer until #37199") {
  const auto at = [](const char* revision) {
    return checked(input_of(kGptOss, layout(4, 4, 4), revision, Mode::sum));
  };
  for (const char* revision : {"22642", "37199^"}) {
    const contract::CheckResult result = at(revision);
    CHECK(result.violations.size() == 3);
    for (const contract::Violation& v : result.violations) {
      CHECK(v.operation.kind == "reduce_scatterv");
      CHECK(v.group == "tp");
      CHECK(to_string(*v.factor) == "4");
    }
  }
  CHECK(at("22642^").verdict == contract::Verdict::holds);
  CHECK(at("37199").verdict == contract::Verdict::holds);
}

TEST_CASE("7.6: the fused sum over expert parallelism alone loses MoE-TP's terms until #32963") {
  const auto fused = [](const char* revision, int ep) {
    LoweringInput in = input_of(kDeepseek, layout(8, 1, ep), revision, Mode::sum);
    in.serving.flags[kFuse] = true;
    return in;
  };
  const contract::CheckResult result = checked(fused("32963^", 2));
  CHECK(result.verdict == contract::Verdict::violated);
  CHECK(result.violations.size() == 1);  // layer 1; the last one sums by itself, layer 0 is dense
  for (const contract::Violation& v : result.violations) {
    CHECK(v.code == contract::Code::wrong_group);
    CHECK(v.site.layer == 1);
    CHECK(v.site.module == "moe");
    CHECK(v.group == "moe_ep");
  }
  CHECK(checked(fused("32963", 2)).verdict == contract::Verdict::holds);
  for (const int ep : {1, 8}) {
    CHECK(checked(fused("32963^", ep)).verdict == contract::Verdict::holds);
  }
  // How far back it goes is not known.
  CHECK(checked(fused("30802^", 2)).verdict == contract::Verdict::unknown);
  LoweringInput apart = fused("32963^", 2);
  apart.serving.flags = {{"enforce_disable_flashinfer_allreduce_fusion", true}};
  CHECK(checked(apart).verdict == contract::Verdict::holds);
}

TEST_CASE("7.6: a replicated shared expert is there n times until #41195") {
  const auto replicated = [](const char* revision, int ep, Mode mode) {
    LoweringInput in = input_of(kDeepseek, layout(4, 4, ep), revision, mode);
    in.serving.env["SGLANG_SHARED_EXPERT_TP1"] = "1";
    return checked(in);
  };
  for (const char* revision : {"24949", "32663", "41195^"}) {
    for (const Mode mode : {Mode::max, Mode::sum}) {
      INFO(text("7.6 shared replicated", revision, name_of(mode)));
      const contract::CheckResult result = replicated(revision, 4, mode);
      CHECK(result.violations.size() == 2);  // the sparse layers
      for (const contract::Violation& v : result.violations) {
        CHECK(v.code == contract::Code::duplicated_term);
        CHECK(to_string(*v.factor) == "4");
        CHECK(v.terms.size() == 1);  // R is there once
      }
      // DP4: in SUM_LEN the producer sums first, and adds Sh to a complete value.
      const bool owed = mode == Mode::max;
      CHECK((replicated(revision, 1, mode).verdict == contract::Verdict::violated) == owed);
    }
  }
  for (const char* revision : {"41195", "41197", "41253", "latest"}) {
    for (const int ep : {1, 4}) {
      for (const Mode mode : {Mode::max, Mode::sum}) {
        INFO(text("7.6 shared replicated", revision, name_of(mode), ep));
        CHECK(replicated(revision, ep, mode).verdict == contract::Verdict::holds);
      }
    }
  }
}

TEST_CASE("7.6, 6.4: a declined fused kernel adds and norms without the sum until #41193") {
  const auto declined = [](const char* architecture, const char* revision) {
    LoweringInput in = input_of(architecture, layout(8, 1, 8), revision, Mode::sum);
    in.serving.flags[kFuse] = true;
    in.serving.rules["fused_kernel_declines"] = "true";
    return in;
  };
  for (const char* architecture : {kDeepseek, kQwen3Moe, kMinimax, kGptOss}) {
    INFO(text("7.6 fused fallback", architecture));
    const contract::CheckResult result = checked(declined(architecture, "41193^"));
    CHECK(result.violations.size() == 2);  // the last layer sums by itself
    for (const contract::Violation& v : result.violations) {
      const bool named = v.code == contract::Code::missing_reduction ||
                         v.code == contract::Code::nonlinear_on_partial;
      CHECK(named);
      CHECK(v.site.layer < 2);
      if (v.factor) CHECK(to_string(*v.factor) == "1/8");
    }
    CHECK(checked(declined(architecture, "41193")).verdict == contract::Verdict::holds);
    LoweringInput taken = declined(architecture, "41193^");
    taken.serving.rules.clear();
    CHECK(checked(taken).verdict == contract::Verdict::holds);
  }
}

TEST_CASE("7.6: tp8 dp2 ep2 stops in E1 to E3, for every family with DP attention") {
  for (const char* architecture : {kDeepseek, kGlm4, kQwen2Moe, kQwen3Moe, kMinimax, kGptOss}) {
    for (const Mode mode : {Mode::max, Mode::sum}) {
      const auto at = [&](const char* revision) {
        return multiplicity(input_of(architecture, layout(8, 2, 2), revision, mode)).whole;
      };
      INFO(text("7.6 crash", architecture, name_of(mode)));
      for (const char* revision : {"22642", "23748", "24785", "32663^"}) {
        CHECK(at(revision) == "collective-mismatch");
      }
      CHECK(at("32663") == "holds");
    }
  }
}

TEST_CASE("7.6, 4.1: in V0 an extending and a decoding shard choose different paddings") {
  const auto mixed = [](const char* revision, std::vector<ShardBatch> shards) {
    LoweringInput in = input_of(kDeepseek, layout(2, 2, 1), revision, Mode::sum);
    in.steps.front().shards = std::move(shards);
    in.steps.front().cuda_graph = false;
    return in;
  };
  const ShardBatch extends{ForwardMode::extend, {{4, 0}}};
  const ShardBatch decodes{ForwardMode::decode, {{1, 7}, {1, 7}, {1, 7}, {1, 7}}};
  for (const char* revision : {"8280", "8539", "9973", "10414^"}) {
    INFO(text("4.1 V0", revision));
    const contract::CheckResult result = checked(mixed(revision, {extends, decodes}));
    REQUIRE(result.verdict == contract::Verdict::violated);
    CHECK(result.violations.front().code == contract::Code::collective_mismatch);
    CHECK(checked(mixed(revision, {extends, extends})).verdict == contract::Verdict::holds);
    CHECK(checked(mixed(revision, {decodes, decodes})).verdict == contract::Verdict::holds);
  }
  for (const char* revision : {"10414", "20406", "24785"}) {
    CHECK(checked(mixed(revision, {extends, decodes})).verdict == contract::Verdict::holds);
  }
}

}  // namespace
}  // namespace lockstep

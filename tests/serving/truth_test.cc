// Section 5.3 of the reference sheet, row by row, for every family: DEP-n with tp == dp == ep == n,
// and the layouts of the sentences below its table.
#include "tests/serving/truth.h"

#include <array>

#include "sim/serving/sglang/timeline.h"

namespace lockstep {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the vocabulary of the tables

using Names = std::vector<const char*>;

struct Row {
  const char* section;
  Names architectures;
  Names revisions;
  std::vector<Mode> modes;
  std::string times;  // "1", "n", "own"
};

const std::vector<Mode> kBoth{Mode::max, Mode::sum};
const std::vector<Mode> kMax{Mode::max};
const std::vector<Mode> kSum{Mode::sum};

// What the table says of one kind of layer, in numbers.
std::string in_numbers(const std::string& times, int n) {
  return times == "n" ? std::to_string(n) : times;
}

template <class Visit>
void for_each_case(const std::vector<Row>& rows, Visit visit) {
  for (const Row& row : rows) {
    for (const char* architecture : row.architectures) {
      for (const char* revision : row.revisions) {
        for (const Mode mode : row.modes) visit(row, architecture, revision, mode);
      }
    }
  }
}

TEST_CASE("the truth table of section 5.3, experts") {
  const std::vector<Row> table{
      {"E0 any MAX", {kDeepseek, kGlm5, kGlm4, kQwen2Moe, kGptOss}, {"20406", "22642^"}, kMax, "1"},
      {"E0 any MAX", {kQwen3Moe}, {"20406", "18233^"}, kMax, "1"},
      {"E0 any MAX", {kMinimax}, {"20067", "22642^"}, kMax, "1"},
      {"E0 Qwen3-MoE from 2026-03-24", {kQwen3Moe}, {"21195", "22642^"}, kMax, "n"},
      {"E0 any SUM",
       {kDeepseek, kGlm5, kGlm4, kQwen2Moe, kQwen3Moe, kGptOss},
       {"20406", "22642^"},
       kSum,
       "1"},
      {"E0 any SUM", {kMinimax}, {"20067", "22642^"}, kSum, "1"},
      {"E0 Qwen3-MoE 2026-03-22..23", {kQwen3Moe}, {"18233", "21195^"}, kSum, "own"},
      {"E0 Qwen3-MoE 2026-03-22..23", {kQwen3Moe}, {"18233", "21195^"}, kMax, "1"},
      {"E1 MAX", {kDeepseek, kGlm5, kGlm4, kMinimax}, {"22642", "23731^"}, kMax, "1"},
      {"E1 SUM", {kDeepseek, kGlm5, kGlm4, kMinimax}, {"22642", "23731^"}, kSum, "n"},
      {"E1 Qwen2-MoE", {kQwen2Moe}, {"22642", "23731^"}, kBoth, "1"},
      {"E1 Qwen3-MoE", {kQwen3Moe}, {"22642", "23731^"}, kBoth, "n"},
      {"6.5.2: not yet told", {kDeepseek, kGlm5, kGlm4, kMinimax}, {"23731", "23734"}, kSum, "n"},
      {"E1-E2 never asks", {kGptOss}, {"22642", "23748", "24785^"}, kBoth, "n"},
      {"E2-E4 asks USE_RSV",
       {kDeepseek, kGlm5, kGlm4, kMinimax, kQwen2Moe, kQwen3Moe},
       {"23732", "23748", "24785^", "24785", "30802", "32663^", "32663", "32963", "41195"},
       kBoth,
       "1"},
      {"until #37199", {kGptOss}, {"24785", "32663^", "32663", "37199^"}, kBoth, "n"},
      {"until #37199", {kGptOss}, {"37199", "32963", "41195"}, kBoth, "1"},
      {"E5",
       {kDeepseek, kGlm5, kGlm4, kMinimax, kQwen2Moe, kQwen3Moe, kGptOss},
       {"41196", "41197", "41253", "42301", "latest"},
       kBoth,
       "1"}};
  for_each_case(table, [](const Row& row, const char* architecture, const char* at, Mode mode) {
    for (const int n : {2, 8}) {
      INFO(text("5.3", row.section, ":", architecture, at, name_of(mode), n));
      const Multiplicity found = multiplicity(input_of(architecture, layout(n, n, n), at, mode));
      CHECK(found.sparse == in_numbers(row.times, n));
    }
  });
}

TEST_CASE("the truth table of section 5.3, dense layers") {
  const std::vector<Row> table{
      {"E0 any", {kDeepseek, kGlm5, kGlm4, kQwen3}, {"20406", "22642^"}, kBoth, "1"},
      {"E1-E2 rs_ok MAX", {kDeepseek, kGlm5, kGlm4}, {"22642", "23748", "24785^"}, kMax, "1"},
      {"E1-E2 rs_ok SUM", {kDeepseek, kGlm5, kGlm4}, {"22642", "23748", "24785^"}, kSum, "n"},
      {"E3-E4 rs_ok",
       {kDeepseek, kGlm5, kGlm4},
       {"24785", "30802", "32663^", "32663", "41195"},
       kBoth,
       "1"},
      {"until #41195, no rs_ok",
       {kQwen3},
       {"22642", "23748", "24785^", "24785", "32663", "37199", "41195^"},
       kBoth,
       "n"},
      {"until #41195, no rs_ok", {kQwen3}, {"41195"}, kBoth, "1"},
      {"E5",
       {kDeepseek, kGlm5, kGlm4, kQwen3},
       {"41196", "41197", "41253", "42301", "latest"},
       kBoth,
       "1"}};
  for_each_case(table, [](const Row& row, const char* architecture, const char* at, Mode mode) {
    for (const int n : {2, 8}) {
      INFO(text("5.3", row.section, ":", architecture, at, name_of(mode), n));
      const Multiplicity found = multiplicity(input_of(architecture, layout(n, n, n), at, mode));
      CHECK(found.dense == in_numbers(row.times, n));
    }
  });
}

const Names kDpFamilies{kDeepseek, kGlm5, kGlm4, kMinimax, kQwen2Moe, kQwen3Moe, kGptOss, kQwen3};
const Names kFromMinimaxOn{"22642^", "22642", "23731", "23732", "24785^", "24785", "30802",
                           "32663^", "32663", "37199", "32963", "41193",  "41195", "41196",
                           "41197^", "41197", "41253", "42301", "latest"};

TEST_CASE("below the table of section 5.3: tp8 dp8 ep1 is x1 in every epoch") {
  for (const char* architecture : kDpFamilies) {
    for (const char* revision : kFromMinimaxOn) {
      for (const Mode mode : kBoth) {
        INFO(text("5.3", architecture, revision, name_of(mode)));
        const LoweringInput in = input_of(architecture, layout(8, 8, 1), revision, mode);
        CHECK(multiplicity(in).whole == "holds");
      }
    }
  }
}

// Qwen3-MoE's sum over expert parallelism asks for the reduce-scatter from #23734 on (6.5.3).
bool told_both(const std::string& revision) {
  return sglang::resolve_revision(revision)->includes(23734);
}

TEST_CASE("below the table of section 5.3: ep > 1 with USE_RSV false is x1, Qwen3-MoE later") {
  for (const auto& [tp, dp, ep] : {std::array{8, 2, 8}, std::array{4, 2, 4}, std::array{8, 4, 2}}) {
    for (const char* architecture : kDpFamilies) {
      for (const char* revision : kFromMinimaxOn) {
        for (const Mode mode : kBoth) {
          const bool told = architecture != std::string(kQwen3Moe) || told_both(revision);
          INFO(text("5.3", architecture, revision, name_of(mode), tp, dp, ep));
          const LoweringInput in = input_of(architecture, layout(tp, dp, ep), revision, mode);
          if (told || mode == Mode::sum) CHECK(multiplicity(in).whole == "holds");
        }
      }
    }
  }
}

TEST_CASE("5.3, 6.5.4: Llama and Mixtral under DP attention are not known after the last copy") {
  for (const char* revision : {"22642", "24785", "41195", "latest"}) {
    for (const int ep : {1, 4}) {
      INFO(text(revision, ep));
      CHECK(multiplicity(input_of(kLlama, layout(4, 4, ep), revision, Mode::sum)).whole ==
            "unknown");
    }
  }
  for (const char* revision : {"24785", "41195", "latest"}) {
    INFO(text(revision));
    CHECK(multiplicity(input_of(kMixtral, layout(4, 4, 4), revision, Mode::sum)).whole ==
          "unknown");
  }
  // 6.5.1: not supported in any copy before.
  CHECK(multiplicity(input_of(kMixtral, layout(4, 4, 4), "22642", Mode::sum)).whole == "refused");
  CHECK(multiplicity(input_of(kLlama, layout(4, 4, 4), "11800", Mode::sum)).whole == "refused");
}

TEST_CASE("6.5.1: DP attention from the family's pull request on") {
  struct Since {
    const char* architecture;
    const char* revision;
  };
  for (const Since& since :
       {Since{kGptOss, "9359"}, Since{kMinimax, "20919"}, Since{kGlm4, "8539"}}) {
    INFO(text(since.architecture));
    const std::string before = std::string(since.revision) + "^";
    const auto at = [&](const std::string& revision) {
      return multiplicity(input_of(since.architecture, layout(4, 4, 1), revision, Mode::sum)).whole;
    };
    CHECK(at(before) == "refused");
    CHECK(at(since.revision) == "holds");
  }
}

TEST_CASE("6.5.2, 5.6: GLM-4.5's windows") {
  struct Window {
    const char* revision;
    Mode mode;
    const char* dense;
    const char* sparse;
  };
  // From #8539 to #8883 the decoder is DeepSeek's and returns by reduce-scatter, the experts are
  // not told. #11665 takes the reduce-scatter back until #11800.
  for (const Window& w :
       {Window{"8539", Mode::max, "1", "4"}, Window{"8539", Mode::sum, "1", "1"},
        Window{"8883^", Mode::max, "1", "4"}, Window{"8883", Mode::max, "1", "1"},
        Window{"11665^", Mode::max, "1", "1"}, Window{"11665", Mode::max, "1", "1"},
        Window{"11665", Mode::sum, "1", "1"}, Window{"11800", Mode::max, "1", "1"},
        Window{"11800", Mode::sum, "1", "1"}}) {
    for (const int ep : {1, 4}) {
      INFO(text("6.5.2", w.revision, name_of(w.mode), ep));
      const Multiplicity found =
          multiplicity(input_of(kGlm4, layout(4, 4, ep), w.revision, w.mode));
      CHECK(found.dense == w.dense);
      CHECK(found.sparse == w.sparse);
    }
  }
}

TEST_CASE("5.6 row 14: between #11665 and #11800 GLM-4.5 returns by dp_scatter") {
  const auto scatters = [](const char* revision) {
    const Result<Plan> plan = lower(input_of(kGlm4, layout(4, 4, 4), revision, Mode::max));
    REQUIRE(static_cast<bool>(plan));
    return std::ranges::count(plan->operations, "dp_scatter", &Operation::name);
  };
  CHECK(scatters("11665^") == 0);
  CHECK(scatters("11665") == 3);
  CHECK(scatters("11800") == 0);
}

}  // namespace
}  // namespace lockstep

// Section 6.5.3 of the reference sheet: Qwen3-MoE, all windows and all six columns, without fusion.
#include <array>

#include "tests/serving/truth.h"

namespace lockstep {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the vocabulary of the tables

struct Window {
  const char* name;
  std::vector<const char*> revisions;
  // DEP-n MAX, DEP-n SUM, tp8 dp2 ep2 MAX, tp8 dp2 ep8 MAX, tp8 dp2 ep8 SUM, tp8 ep8 without DP.
  std::array<const char*, 6> times;
};

constexpr const char* kStops = "collective-mismatch";

const std::vector<Window>& windows() {
  static const std::vector<Window> table{
      {"2025-08-14 .. 2026-03-21",
       {"9101", "9973", "10414", "20406", "18233^"},
       {"1", "1", "1", "1", "1", "1"}},
      {"03-22 .. 03-23 (#18233)", {"18233", "21195^"}, {"1", "own", "1", "1", "own", "own"}},
      {"03-24 .. 04-12 (#21195)", {"21195", "22642^"}, {"n", "1", "2", "8", "1", "1"}},
      {"04-13 .. 04-24 (E1)", {"22642", "22003", "23731^"}, {"n", "n", kStops, "8", "1", "1"}},
      {"04-25 (#23731)", {"23731"}, {"1", "1", kStops, "8", "1", "1"}},
      {"from 04-26 (#23734)",
       {"23734", "23732", "23748", "24785^", "24785", "30802", "32663^"},
       {"1", "1", kStops, "1", "1", "1"}},
      {"from #32663",
       {"32663", "32963^", "32963", "41193", "41195", "41196", "41197", "41253", "42301", "latest"},
       {"1", "1", "1", "1", "1", "1"}}};
  return table;
}

void check_cell(const Window& window, const char* revision, ParallelFlags parallel, Mode mode,
                const std::string& times) {
  LoweringInput in = input_of(kQwen3Moe, parallel, revision, mode);
  in.serving.flags["enforce_disable_flashinfer_allreduce_fusion"] = true;
  INFO(text("6.5.3", window.name, " at", revision, name_of(mode), "tp", parallel.tp_size, " dp",
            parallel.dp_size, " ep", parallel.ep_size));
  const Multiplicity found = multiplicity(in);
  if (times == kStops) {
    CHECK(found.whole == kStops);
    return;
  }
  CHECK(found.sparse == times);
  CHECK(found.whole == (times == "1" ? "holds" : "violated"));
}

TEST_CASE("section 6.5.3: Qwen3-MoE, every window and layout") {
  for (const Window& window : windows()) {
    for (const char* revision : window.revisions) {
      for (const int n : {2, 8}) {
        const auto times = [&](std::size_t column) {
          const std::string text = window.times[column];
          return text == "n" ? std::to_string(n) : text;
        };
        check_cell(window, revision, layout(n, n, n), Mode::max, times(0));
        check_cell(window, revision, layout(n, n, n), Mode::sum, times(1));
      }
      check_cell(window, revision, layout(8, 2, 2), Mode::max, window.times[2]);
      check_cell(window, revision, layout(8, 2, 8), Mode::max, window.times[3]);
      check_cell(window, revision, layout(8, 2, 8), Mode::sum, window.times[4]);
      check_cell(window, revision, layout(8, 1, 8), Mode::sum, window.times[5]);
    }
  }
}

TEST_CASE("6.5.3: the MAX_LEN decode of tp2 dp2 ep2 is x2 in E0 and E1, Qwen2-MoE's never") {
  for (const char* revision : {"21195", "22642^", "22642", "23731^"}) {
    INFO(text(revision));
    CHECK(multiplicity(input_of(kQwen3Moe, layout(2, 2, 2), revision, Mode::max)).sparse == "2");
    CHECK(multiplicity(input_of(kQwen2Moe, layout(2, 2, 2), revision, Mode::max)).sparse == "1");
  }
}

TEST_CASE("6.5.3, own rank's experts only: the ledger keeps one of n shares") {
  const LoweringInput in = input_of(kQwen3Moe, layout(4, 4, 4), "18233", Mode::sum);
  const Result<Plan> plan = lower(in);
  REQUIRE(static_cast<bool>(plan));
  const contract::CheckResult result = contract::check(*plan);
  REQUIRE(result.violations.size() == 3);
  for (const contract::Violation& v : result.violations) {
    CHECK(v.code == contract::Code::missing_reduction);
    CHECK(v.operation.kind == "copy_rows");
    CHECK(v.operation.name == "dp_scatter");
    REQUIRE(v.factor.has_value());
    CHECK(to_string(*v.factor) == "1/4");
    CHECK(v.site.module == "moe");
  }
}

}  // namespace
}  // namespace lockstep

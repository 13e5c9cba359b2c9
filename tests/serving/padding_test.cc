#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "sim/serving/sglang/cuda_graph.h"
#include "sim/serving/sglang/padding.h"

namespace lockstep::sglang {
namespace {

Parallel dp_layout(int dp, int attn_tp) {
  Parallel p;
  p.tp = dp * attn_tp;
  p.attn_dp = dp;
  p.attn_tp = attn_tp;
  p.moe_tp = p.tp;
  p.dp_attention = dp > 1;
  return p;
}

PaddedCounts pad(const std::string& revision, const std::vector<int>& tokens, int attn_tp,
                 bool is_extend) {
  PaddingQuestion question;
  question.tokens = tokens;
  question.is_extend = is_extend;
  return *pad_counts(question, dp_layout(static_cast<int>(tokens.size()), attn_tp),
                     *resolve_revision(revision));
}

using Rows = std::vector<int>;
constexpr const char* kV1 = "20406^";
constexpr const char* kV2 = "20406";

TEST_CASE("the worked examples of section 4.2") {
  // MAX_LEN iff 2S > M * a_dp (V1), 2S >= M * a_dp (V2); an extend batch is SUM_LEN.
  for (const char* revision : {kV1, kV2}) {
    const PaddedCounts extend = pad(revision, {5, 0, 17, 3}, 1, true);
    CHECK(extend.mode.front() == Padding::sum_len);
    CHECK(extend.rows == Rows{5, 0, 17, 3});
    // 2 * 25 = 50 < 17 * 4 = 68.
    CHECK(pad(revision, {5, 0, 17, 3}, 1, false).mode.front() == Padding::sum_len);
    // 2 * 31 = 62 > 8 * 4 = 32.
    const PaddedCounts balanced = pad(revision, {8, 8, 8, 7}, 1, false);
    CHECK(balanced.mode.front() == Padding::max_len);
    CHECK(balanced.rows == Rows{8, 8, 8, 8});
    const PaddedCounts aligned = pad(revision, {5, 0}, 4, true);
    CHECK(aligned.mode.front() == Padding::sum_len);
    CHECK(aligned.rows == Rows{8, 0});
    // 2 * 16 = 32 < 16 * 8 = 128.
    const PaddedCounts lone = pad(revision, {16, 0, 0, 0, 0, 0, 0, 0}, 1, false);
    CHECK(lone.mode.front() == Padding::sum_len);
    CHECK(lone.rows == Rows{16, 0, 0, 0, 0, 0, 0, 0});
  }
}

TEST_CASE("a tie is SUM_LEN in V1 and MAX_LEN in V2") {
  // 2 * 4 = 8 = 4 * 2.
  CHECK(pad(kV1, {4, 0}, 1, false).mode.front() == Padding::sum_len);
  CHECK(pad(kV2, {4, 0}, 1, false).mode.front() == Padding::max_len);
  CHECK(pad(kV2, {4, 0}, 1, false).rows == Rows{4, 4});
}

TEST_CASE("counts are even between #23269 and #26911 only") {
  CHECK(pad("23269^", {5, 0, 17, 3}, 1, true).rows == Rows{5, 0, 17, 3});
  CHECK(pad("23269", {5, 0, 17, 3}, 1, true).rows == Rows{6, 0, 18, 4});
  CHECK(pad("26911", {5, 0, 17, 3}, 1, true).rows == Rows{5, 0, 17, 3});
}

TEST_CASE("without MLP sync nothing is padded, with it a lone list is aligned") {
  PaddingQuestion question;
  question.tokens = {333};
  question.is_extend = true;
  Parallel plain = dp_layout(1, 8);
  CHECK(pad_counts(question, plain, *resolve_revision(kV2))->rows == Rows{333});
  CHECK(pad_counts(question, plain, *resolve_revision(kV2))->mode.front() == Padding::none);
  plain.a2a = "deepep";
  plain.ep = 8;
  // ceil(333 / 8) * 8 = 336.
  CHECK(pad_counts(question, plain, *resolve_revision(kV2))->rows == Rows{336});
}

TEST_CASE("a list of length one makes the shards decide by themselves") {
  Parallel p = dp_layout(4, 1);
  p.a2a = "deepep";
  p.dense_tp_1 = true;
  p.dp_lm_head = true;
  CHECK_FALSE(needs_tp_gather(p));
  PaddingQuestion question;
  question.tokens = {5, 0, 5, 5};
  const PaddedCounts padded = *pad_counts(question, p, *resolve_revision(kV2));
  // Busy: 2 * 5 >= 5 * 4 is false. Idle: 0 >= 0.
  CHECK(padded.mode[0] == Padding::sum_len);
  CHECK(padded.mode[1] == Padding::max_len);
  CHECK(padded.rows == Rows{5, 0, 5, 5});
}

TEST_CASE("a captured graph is MAX_LEN with its bucket on every shard") {
  PaddingQuestion question;
  question.tokens = {16, 0, 0, 3};
  question.bucket = 16;
  const PaddedCounts padded = *pad_counts(question, dp_layout(4, 1), *resolve_revision(kV2));
  CHECK(padded.mode.front() == Padding::max_len);
  CHECK(padded.rows == Rows{16, 16, 16, 16});
}

TEST_CASE("the number of captured sizes is that of section 4.6") {
  CHECK(generated_sizes(8).size() == 4);
  CHECK(generated_sizes(24).size() == 7);
  CHECK(generated_sizes(32).size() == 8);
  CHECK(generated_sizes(80).size() == 14);
  CHECK(generated_sizes(160).size() == 24);
  CHECK(generated_sizes(256).size() == 36);
  CHECK(generated_sizes(512).size() == 52);
  CHECK(generated_sizes(100).back() == 100);
}

TEST_CASE("captured sizes are multiples of attn_tp where a gathered buffer is needed") {
  const auto first = [](const std::vector<int>& sizes) {
    return Rows(sizes.begin(), sizes.begin() + 5);
  };
  const CaptureOptions defaults;
  CHECK(first(captured_sizes(defaults, "hopper", dp_layout(8, 1))) == Rows{1, 2, 4, 8, 12});
  CHECK(first(captured_sizes(defaults, "hopper", dp_layout(2, 4))) == Rows{4, 8, 12, 16, 24});
  CHECK(first(captured_sizes(defaults, "hopper", dp_layout(1, 8))) == Rows{1, 2, 4, 8, 12});
  CHECK(captured_sizes(defaults, "hopper", dp_layout(2, 1)).back() == 256);
  CHECK(captured_sizes(defaults, "hopper", dp_layout(4, 1)).back() == 512);
  CHECK(captured_sizes(defaults, "blackwell", dp_layout(2, 1)).back() == 512);
  CHECK(captured_sizes({std::vector<int>{12, 3, 3, 8}, {}, false}, "none", dp_layout(2, 4)) ==
        Rows{8, 12});
}

TEST_CASE("a batch takes the smallest captured size that holds it") {
  const std::vector<int> sizes = generated_sizes(32);
  CHECK(bucket_of(sizes, 1) == 1);
  CHECK(bucket_of(sizes, 9) == 12);
  CHECK(bucket_of(sizes, 32) == 32);
  CHECK_FALSE(bucket_of(sizes, 33).has_value());
}

}  // namespace
}  // namespace lockstep::sglang

// Section 5.6 of the reference sheet as data.
#include <array>

#include "sim/serving/sglang/timeline.h"

namespace lockstep::sglang {
namespace {

using View = std::string_view;

constexpr TimelineEntry on(int position, int pull_request, View merged, View confidence,
                           View change, View families, View epoch = {}) {
  return {position, pull_request, merged, merged, confidence, change, families, epoch};
}
// Where the sheet bounds the day only; `until` is at the latest the day of the next entry whose
// order behind this one is known, `from` at the earliest that of the one before.
constexpr TimelineEntry within(int position, int pull_request, View from, View until,
                               View confidence, View change, View families, View epoch = {}) {
  return {position, pull_request, from, until, confidence, change, families, epoch};
}

constexpr View kAll = "all";
constexpr View kDeepseek = "DeepSeek";
constexpr View kQwen3Moe = "Qwen3-MoE";
constexpr View kMinimax = "MiniMax-M2";
constexpr View kKimi = "Kimi K2";
constexpr View kNotMla = "non-MLA families";
constexpr View kTold =
    "DeepSeek (both paths), GLM-4-MoE, MiniMax, Llama-4, Exaone, Hunyuan-V3, LLaDA-2, Bailing (2), "
    "4 more";

constexpr View kDeclared = "boundaries from declarations";
constexpr View kConstructed = "steps chosen at construction";
constexpr View kStage = "stage boundary completes every sum";
constexpr View kDropped = "skip predicates dropped";

constexpr auto kTimeline = std::to_array<TimelineEntry>({
    on(1, 1970, "2024-11-16", "N", "DP attention exists", "DeepSeek-V2"),
    on(2, 6121, "2025-05-16", "N", "DP attention", "Qwen2-MoE, Qwen3-MoE"),
    on(3, 7681, "2025-07-03", "N", "DP attention", "Qwen3 dense"),
    // Their order against rows 3 to 8 is unread.
    within(4, 7621, "2025-07-01", "2025-08-31", "T", "fused all-reduce + add + norm", kDeepseek),
    within(4, 7775, "2025-07-01", "2025-08-31", "T", "fused all-reduce + add + norm", kDeepseek),
    on(5, 8280, "2025-07-25", "N", "MAX_LEN and SUM_LEN padding, V0", "all with DP attention"),
    within(6, 8539, "2025-08-01", "2025-08-07", "T",
           "reduce-scatter return, use_reduce_scatter, rs_ok",
           "DeepSeek; GLM-4.5 without the MoE's skip", "E0"),
    on(7, 8883, "2025-08-07", "N", "MoE asks use_reduce_scatter, rs_ok", "GLM-4.5"),
    on(8, 9101, "2025-08-14", "N", "rs_ok and use_reduce_scatter", "Qwen2-MoE, Qwen3-MoE, Llama-4"),
    within(9, 9169, "2025-08-14", "2025-08-20", "T",
           "MAX_LEN gather without a size-1 reduce-scatter", kAll),
    on(10, 9359, "2025-08-20", "N", "DP attention, no rs_ok", "GPT-OSS"),
    on(11, 9973, "2025-09-04", "N", "MoE asks fuse; fusion up to 4096 rows, SM90 too", kQwen3Moe),
    within(12, 10414, "2025-09-04", "2025-09-30", "I", "V1 padding: the agreed extend flag decides",
           kAll),
    // Its order against rows 14 and 15 is unread.
    within(13, 11632, "2025-10-14", "2026-03-16", "T", "fusion never under DP attention", kAll),
    on(14, 11665, "2025-10-18", "N", "rs_ok off", "GLM-4.5"),
    on(15, 11800, "2025-10-24", "N", "own decoder, rs_ok on again", "GLM-4.5/4.6"),
    on(16, 20406, "2026-03-16", "F", "V2 padding: a tie is MAX_LEN", kAll),
    on(17, 18233, "2026-03-22", "N", "MOE_TP sum instead of the TP sum, no EP sum", kQwen3Moe),
    on(18, 21195, "2026-03-24", "N", "EP sum restored, asks fuse only", kQwen3Moe),
    on(19, 20919, "2026-04-07", "N", "DP attention", kMinimax),
    on(20, 20067, "2026-04-10", "N", "rs_ok, fusion and zero-row guards", kMinimax),
    on(21, 22642, "2026-04-13", "C", "should_use_dp_reduce_scatterv and reduce_scatterv",
       "communicator; Qwen2-MoE asks", "E1"),
    on(22, 22664, "2026-04-18", "N", "fusion auto-on list grows", "Qwen3-Next"),
    on(23, 22003, "2026-04-20", "N", "MOE_FULL", "Qwen3-MoE, communicator"),
    on(24, 23731, "2026-04-25", "N", "EP and MOE_TP sums ask use_dp_reduce_scatterv", kQwen3Moe,
       "E2"),
    // Two of one day whose order is unread and does not matter: they touch different files.
    on(25, 23734, "2026-04-26", "N", "EP sum asks use_reduce_scatter", kQwen3Moe),
    on(25, 23732, "2026-04-26", "N", "MoE asks use_dp_reduce_scatterv", kTold),
    on(26, 23748, "2026-04-27", "N", "one shared should_skip_post_experts_all_reduce", kTold),
    on(27, 24785, "2026-05-10", "T", "use_reduce_scatter includes use_dp_reduce_scatterv",
       "all with rs_ok", "E3"),
    on(28, 24949, "2026-05-12", "N", "SGLANG_SHARED_EXPERT_TP1", "DeepSeek class"),
    on(29, 25390, "2026-05-18", "N", "shared-expert fusion admits 384 experts", kKimi),
    on(30, 25974, "2026-05-21", "N", "... only with Quark quantisation", kKimi),
    on(31, 19918, "2026-05-23", "C", "no deferral where the feed-forward is SCATTERED", kAll),
    on(32, 23269, "2026-05-27", "C", "token counts made even", "all with DP attention"),
    on(33, 26911, "2026-06-03", "C", "... undone without context parallelism",
       "all with DP attention"),
    on(34, 27191, "2026-06-07", "C", "hand-written return uses reduce_scatterv", "DeepSeek-V4"),
    on(35, 23906, "2026-06-10", "N", "CUDA-graph settings per phase", kAll),
    on(36, 28216, "2026-06-17", "C", "gatherv option", "DeepSeek-V4 path"),
    on(37, 29103, "2026-06-25", "C", "equal-chunk reduce-scatter option", "DeepSeek-V4"),
    on(38, 30802, "2026-07-11", "C", "flags published per forward scope, values unchanged", kAll),
    on(39, 30898, "2026-07-13", "C, N", "V2b padding: breakable prefill graph", kNotMla),
    on(40, 31682, "2026-07-21", "C", "... on by default", kNotMla),
    on(41, 32663, "2026-07-29", "C", "should_use_dp_reduce_scatterv needs tp == attn_dp", kAll,
       "E4"),
    on(42, 36507, "2026-09-06", "N", "MHC communicator", "GLM-5.3"),
    on(43, 37199, "2026-09-07", "C", "MoE no longer sums before reduce_scatterv", "GPT-OSS"),
    on(44, 39899, "2026-09-17", "F", "logits rows with a length-1 list", kAll),
    on(45, 32963, "2026-09-18", "C", "EP and MOE_TP sums merge into one TP sum", "all MoE"),
    on(46, 41079, "2026-09-24", "C", "deferred sum completed before a pipeline send", "20+ models"),
    on(46, 41080, "2026-09-24", "C", "deferred sum completed before auxiliary capture",
       "20+ models"),
    on(46, 41097, "2026-09-24", "C", "one shared helper for the MoE sum", "20+ models"),
    on(47, 41193, "2026-09-25", "N", "a declined fused kernel still all-reduces", kAll),
    on(48, 41194, "2026-09-25", "C", "next-token layer planned as a one-layer model", "MTP layers"),
    on(49, 41195, "2026-09-25", "C",
       "TP-1 shared expert counted once; dense reduce_scatterv needs rs_ok",
       "DeepSeek class, dense"),
    on(50, 41196, "2026-09-25", "C", "unreduced value as a type", kAll, "E5"),
    on(51, 41197, "2026-09-25", "N, C", "deferral under attention DP", kAll),
    on(51, 41198, "2026-09-25", "N, C", "more models moved", kAll),
    on(51, 41199, "2026-09-25", "N, C", "exit decided once", kAll),
    on(51, 41200, "2026-09-25", "N, C", "group declared", kAll),
    on(52, 41252, "2026-09-26", "C", kConstructed, kAll),
    on(52, 41253, "2026-09-26", "I", "flag and completion from one selection", kAll),
    on(52, 41254, "2026-09-26", "C", kConstructed, kAll),
    on(52, 41257, "2026-09-26", "C", kConstructed, kAll),
    on(53, 41417, "2026-09-27", "C", kDeclared, kAll),
    on(53, 41418, "2026-09-27", "C", kDeclared, kAll),
    on(53, 41426, "2026-09-27", "C", kDeclared, kAll),
    on(53, 41427, "2026-09-27", "C", kDeclared, kAll),
    on(53, 41429, "2026-09-27", "C", kDeclared, kAll),
    on(53, 41431, "2026-09-27", "C", kDeclared, kAll),
    on(53, 41432, "2026-09-27", "C", kDeclared, kAll),
    on(53, 41435, "2026-09-27", "C", kDeclared, kAll),
    on(53, 41438, "2026-09-27", "C", kDeclared, kAll),
    on(53, 41439, "2026-09-27", "C", kDeclared, kAll),
    on(53, 41440, "2026-09-27", "C", kDeclared, kAll),
    on(53, 41441, "2026-09-27", "C", kDeclared, kAll),
    on(53, 41442, "2026-09-27", "C", kDeclared, kAll),
    on(53, 41443, "2026-09-27", "C", "scatter modes removed", kAll),
    on(54, 42301, "2026-10-03", "C", kStage, kAll),
    on(54, 42312, "2026-10-03", "C", kStage, kAll),
    on(54, 42478, "2026-10-04", "C", kDropped, kAll),
    on(54, 42479, "2026-10-04", "C", kDropped, kAll),
    on(54, 42481, "2026-10-04", "C", kDropped, kAll),
});

constexpr OffTimeline never_merged(int number, int replaced_by = 0) {
  return {number, "was never merged", replaced_by, "what took its place is"};
}
constexpr OffTimeline open(int number, int instead = 0) {
  return {number, "was open when its thread was read", instead, "the same was changed by"};
}
constexpr OffTimeline report(int number, int fixed_by) {
  return {number, "is a report, not a change", fixed_by, "what changed it is"};
}
constexpr OffTimeline floating(int number) {
  return {number, "was merged, but has no known place in the merge order", 0, {}};
}
// Named by the sheet as belonging to an entry's row; its own day is unread.
constexpr OffTimeline belongs(int number, int to) {
  return {number, "was merged, but its own day is not known", to, "it belongs with"};
}

constexpr auto kOff = std::to_array<OffTimeline>({
    never_merged(5988),
    never_merged(9308, 9359),
    never_merged(17826, 20919),
    never_merged(20489, 20919),
    never_merged(20975, 20919),
    never_merged(23431, 23732),
    never_merged(27251, 27191),
    never_merged(27423),
    never_merged(30185, 30898),
    never_merged(37104),
    never_merged(37191, 39899),
    open(31475, 41195),
    open(31476, 41195),
    open(33390),
    open(35535, 41195),
    report(23554, 24785),
    report(23729, 23731),
    report(27189, 27191),
    report(36879, 36507),
    report(37187, 37199),
    {36884, "was merged to a branch", 36507, "it came to main with"},
    belongs(8278, 8280),
    belongs(41419, 41443),
    belongs(41420, 41443),
    belongs(41421, 41443),
    belongs(41424, 41443),
    belongs(41425, 41443),
    belongs(41428, 41443),
    belongs(41430, 41443),
    floating(15268),
    floating(41082),
    floating(40799),
    floating(41433),
    floating(40800),
    floating(41436),
    floating(41422),
    floating(41423),
    floating(40868),
});

}  // namespace

std::span<const TimelineEntry> timeline() { return kTimeline; }
std::span<const OffTimeline> off_timeline() { return kOff; }

}  // namespace lockstep::sglang

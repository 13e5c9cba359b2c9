// Section 5.6 of the reference sheet as data.
#include <array>

#include "sim/serving/sglang/timeline.h"

namespace lockstep::sglang {
namespace {

constexpr auto kTimeline = std::to_array<TimelineEntry>({
    {1, 1970, "2024-11-16", "DP attention exists", ""},
    {2, 6121, "2025-05-16", "DP attention (Qwen2-MoE, Qwen3-MoE)", ""},
    {3, 7681, "2025-07-03", "DP attention (Qwen3 dense)", ""},
    {4, 7621, "", "fused all-reduce + add + norm", ""},
    {4, 7775, "", "fused all-reduce + add + norm", ""},
    {5, 8280, "2025-07-25", "MAX_LEN and SUM_LEN padding, V0", ""},
    {6, 8539, "", "reduce-scatter return, use_reduce_scatter, rs_ok", "E0"},
    {7, 8883, "2025-08-07", "MoE asks use_reduce_scatter (GLM-4.5)", ""},
    {8, 9101, "2025-08-14", "rs_ok and use_reduce_scatter (Qwen2-MoE, Qwen3-MoE, Llama-4)", ""},
    {9, 9169, "", "MAX_LEN gather without a size-1 reduce-scatter", ""},
    {10, 9359, "2025-08-20", "DP attention (GPT-OSS)", ""},
    {11, 9973, "2025-09-04", "fusion up to 4096 rows, SM90 too", ""},
    {12, 10414, "", "V1 padding: the agreed extend flag decides", ""},
    {13, 11632, "", "fusion never under DP attention", ""},
    {14, 11665, "2025-10-18", "rs_ok off (GLM-4.5)", ""},
    {15, 11800, "2025-10-24", "own decoder, rs_ok on again (GLM-4.5)", ""},
    {16, 20406, "2026-03-16", "V2 padding: a tie is MAX_LEN", ""},
    {17, 18233, "2026-03-22", "MOE_TP sum instead of the TP sum (Qwen3-MoE)", ""},
    {18, 21195, "2026-03-24", "EP sum restored (Qwen3-MoE)", ""},
    {19, 20919, "2026-04-07", "DP attention (MiniMax-M2)", ""},
    {20, 20067, "2026-04-10", "rs_ok, fusion and zero-row guards (MiniMax-M2)", ""},
    {21, 22642, "2026-04-13", "should_use_dp_reduce_scatterv and reduce_scatterv", "E1"},
    {22, 22664, "2026-04-18", "fusion auto-on list grows", ""},
    {23, 22003, "2026-04-20", "MOE_FULL", ""},
    {24, 23731, "2026-04-25", "MoE sums ask use_dp_reduce_scatterv (Qwen3-MoE)", "E2"},
    {25, 23734, "2026-04-26", "EP sum asks use_reduce_scatter (Qwen3-MoE)", ""},
    {25, 23732, "2026-04-26", "MoE asks use_dp_reduce_scatterv (DeepSeek and others)", ""},
    {26, 23748, "2026-04-27", "one shared should_skip_post_experts_all_reduce", ""},
    {27, 24785, "2026-05-10", "use_reduce_scatter includes use_dp_reduce_scatterv", "E3"},
    {28, 24949, "2026-05-12", "SGLANG_SHARED_EXPERT_TP1", ""},
    {29, 25390, "2026-05-18", "shared-expert fusion admits 384 experts", ""},
    {30, 25974, "2026-05-21", "... only with Quark quantisation", ""},
    {31, 19918, "2026-05-23", "no deferral where the feed-forward is SCATTERED", ""},
    {32, 23269, "2026-05-27", "token counts made even", ""},
    {33, 26911, "2026-06-03", "... undone without context parallelism", ""},
    {34, 27191, "2026-06-07", "hand-written return uses reduce_scatterv (DeepSeek-V4)", ""},
    {35, 23906, "2026-06-10", "CUDA-graph settings per phase", ""},
    {36, 28216, "2026-06-17", "gatherv option", ""},
    {37, 29103, "2026-06-25", "equal-chunk reduce-scatter option", ""},
    {38, 30802, "2026-07-11", "flags published per forward scope, values unchanged", ""},
    {39, 30898, "2026-07-13", "V2b padding: breakable prefill graph (non-MLA)", ""},
    {40, 31682, "2026-07-21", "... on by default (non-MLA)", ""},
    {41, 32663, "2026-07-29", "should_use_dp_reduce_scatterv needs tp == attn_dp", "E4"},
    {42, 36507, "2026-09-06", "MHC communicator (GLM-5.3)", ""},
    {43, 37199, "2026-09-07", "MoE no longer sums before reduce_scatterv (GPT-OSS)", ""},
    {44, 39899, "2026-09-17", "logits rows with a length-1 list", ""},
    {45, 32963, "2026-09-18", "EP and MOE_TP sums merge into one TP sum", ""},
    {46, 41079, "2026-09-24", "deferred sum completed before a pipeline send", ""},
    {46, 41080, "2026-09-24", "deferred sum completed before auxiliary capture", ""},
    {46, 41097, "2026-09-24", "one shared helper for the MoE sum", ""},
    {47, 41193, "2026-09-25", "a declined fused kernel still all-reduces", ""},
    {48, 41194, "2026-09-25", "next-token layer planned as a one-layer model", ""},
    {49, 41195, "2026-09-25", "TP-1 shared expert counted once; dense reduce_scatterv needs rs_ok",
     ""},
    {50, 41196, "2026-09-25", "unreduced value as a type", "E5"},
    {51, 41197, "2026-09-25", "deferral under attention DP", ""},
    {51, 41198, "2026-09-25", "more models moved", ""},
    {51, 41199, "2026-09-25", "exit decided once", ""},
    {51, 41200, "2026-09-25", "group declared", ""},
    {52, 41252, "2026-09-26", "steps chosen at construction", ""},
    {52, 41253, "2026-09-26", "flag and completion from one selection", ""},
    {52, 41254, "2026-09-26", "steps chosen at construction", ""},
    {52, 41257, "2026-09-26", "steps chosen at construction", ""},
    {53, 41417, "2026-09-27", "boundaries from declarations", ""},
    {53, 41418, "2026-09-27", "boundaries from declarations", ""},
    {53, 41426, "2026-09-27", "boundaries from declarations", ""},
    {53, 41427, "2026-09-27", "boundaries from declarations", ""},
    {53, 41429, "2026-09-27", "boundaries from declarations", ""},
    {53, 41431, "2026-09-27", "boundaries from declarations", ""},
    {53, 41432, "2026-09-27", "boundaries from declarations", ""},
    {53, 41435, "2026-09-27", "boundaries from declarations", ""},
    {53, 41438, "2026-09-27", "boundaries from declarations", ""},
    {53, 41439, "2026-09-27", "boundaries from declarations", ""},
    {53, 41440, "2026-09-27", "boundaries from declarations", ""},
    {53, 41441, "2026-09-27", "boundaries from declarations", ""},
    {53, 41442, "2026-09-27", "boundaries from declarations", ""},
    {53, 41443, "2026-09-27", "scatter modes removed", ""},
    {54, 42301, "2026-10-03", "stage boundary completes every sum", ""},
    {54, 42312, "2026-10-03", "stage boundary completes every sum", ""},
    {54, 42478, "2026-10-04", "skip predicates dropped", ""},
    {54, 42479, "2026-10-04", "skip predicates dropped", ""},
    {54, 42481, "2026-10-04", "skip predicates dropped", ""},
});

constexpr std::string_view kNeverMerged = "was never merged";
constexpr std::string_view kOpen = "was open when its thread was read";
constexpr std::string_view kReport = "is a report, not a change";
constexpr std::string_view kFloating = "has no known place in the merge order";
constexpr std::string_view kBranch = "was merged to a branch";

constexpr auto kOff = std::to_array<OffTimeline>({
    {5988, 0, kNeverMerged},      {9308, 9359, kNeverMerged},
    {17826, 20919, kNeverMerged}, {20489, 20919, kNeverMerged},
    {20975, 20919, kNeverMerged}, {23431, 23732, kNeverMerged},
    {27251, 27191, kNeverMerged}, {27423, 0, kNeverMerged},
    {30185, 30898, kNeverMerged}, {37104, 0, kNeverMerged},
    {37191, 39899, kNeverMerged}, {31475, 41195, kOpen},
    {31476, 41195, kOpen},        {33390, 0, kOpen},
    {35535, 41195, kOpen},        {23554, 24785, kReport},
    {23729, 23731, kReport},      {27189, 27191, kReport},
    {36879, 36507, kReport},      {37187, 37199, kReport},
    {36884, 36507, kBranch},      {15268, 0, kFloating},
    {41082, 0, kFloating},        {40799, 0, kFloating},
    {41433, 0, kFloating},        {40800, 0, kFloating},
    {41436, 0, kFloating},        {41422, 0, kFloating},
    {41423, 0, kFloating},        {40868, 0, kFloating},
    {41419, 0, kFloating},        {41420, 0, kFloating},
    {41421, 0, kFloating},        {41424, 0, kFloating},
    {41425, 0, kFloating},        {41428, 0, kFloating},
    {41430, 0, kFloating},        {8278, 8280, kFloating},
});

}  // namespace

std::span<const TimelineEntry> timeline() { return kTimeline; }
std::span<const OffTimeline> off_timeline() { return kOff; }

}  // namespace lockstep::sglang

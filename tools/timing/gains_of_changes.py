"""Published gains of single communication changes, measured and predicted."""

from gains_of_tables import NOISE, percent
from serving_errors import MIB

NORM_US = {"hgx-b200": 3.0, "hgx-b300": 3.0}  # floor of a memory-bound kernel, perf-data.md 8
HBM_GBPS = {"hgx-b200": 6400, "hgx-b300": 6400}
NODE_US = 0.7


def norm_us(preset, size):
    """A kernel that adds the residual and norms: two buffers read, two written."""
    return NODE_US + NORM_US[preset] + 4 * size / HBM_GBPS[preset] / 1e3


def norm_fusion(ask):
    """Eight tokens of 7168 in decoding on eight B200: vLLM's kernel and a norm, or one kernel."""
    size = 8 * 7168 * 2
    before = ask("all_reduce", "hgx-b200", 8, size, "vllm") + norm_us("hgx-b200", size)
    return before, ask("all_reduce", "hgx-b200", 8, size, "trtllm", "fused-norm")


def b300_unfused(ask):
    size = 8 * MIB
    return ask("all_reduce", "hgx-b300", 8, size, "vllm") + norm_us("hgx-b300", size)


def b300(library, algorithm):
    def both(ask):
        fused = ask("all_reduce", "hgx-b300", 8, 8 * MIB, library, algorithm)
        return b300_unfused(ask), fused + FUSED_US
    return both


FUSED_US = 2.6  # serving.fused_norm_us


def small_symmetric(ask):
    size = 8 * 1024
    return (ask("all_reduce", "hgx-h100", 8, size, "vllm"),
            ask("all_reduce", "hgx-h100", 8, size, "symmetric"))


def scattered_input(ask):
    """16,384 tokens of 7168: an all-reduce; or its scatter, and a gather of the 2,112 columns that
    the query and key-value projections leave. H20 has H200's NVLink."""
    size = 16384 * 7168 * 2
    before = ask("all_reduce", "hgx-h200", 8, size, "nccl")
    after = ask("reduce_scatter", "hgx-h200", 8, size, "nccl")
    return before, after + ask("all_gather", "hgx-h200", 8, 16384 * 2112 * 2, "nccl")


def reduce_scatterv(ask):
    """16,384 tokens of 4096 on four GB200: a gather (in SUM_LEN an all-reduce of a zeroed buffer)
    and an all-reduce, or that gather and a scatter."""
    size = 16384 * 4096 * 2
    gather = ask("all_reduce", "gb200-nvl72", 4, size, "nccl")
    before = gather + ask("all_reduce", "gb200-nvl72", 4, size, "nccl")
    return before, gather + ask("reduce_scatterv", "gb200-nvl72", 4, size, "nccl")


def scatter_after_experts(ask):
    """4,096 tokens of 7168 on eight B200: an all-reduce and a local slice, or a scatter."""
    size = 4096 * 7168 * 2
    return (ask("all_reduce", "hgx-b200", 8, size, "nccl"),
            ask("reduce_scatter", "hgx-b200", 8, size, "nccl"))


def symmetric_pair(ask):
    """Gather and scatter of 1,024 tokens of 7168 on eight B200."""
    size = 1024 * 7168 * 2
    def pair(library):
        return (ask("all_gather", "hgx-b200", 8, size, library) +
                ask("reduce_scatter", "hgx-b200", 8, size, library))
    return pair("nccl"), pair("symmetric")


def one_shot_or_two(size):
    def both(ask):
        return (ask("all_reduce", "gb200-nvl72", 4, size, "trtllm", "one-shot"),
                ask("all_reduce", "gb200-nvl72", 4, size, "trtllm", "two-shot"))
    return both


def scout_prefill(ask):
    """4,096 tokens of 5120 on four GB200."""
    size = 16 * 256 * 5120 * 2
    return (ask("all_reduce", "gb200-nvl72", 4, size, "trtllm", "one-shot"),
            ask("all_reduce", "gb200-nvl72", 4, size, "symmetric"))


# (what, measured gain as 1 - after / before in time, of what, function, what is known of its share)
SINGLE = [
    ("sglang#7621: fused all-reduce and norm, 8 B200", 1 - 8.7 / 13.5, "of the operation",
     norm_fusion, "known, but no test: fused_norm_us was set by it; tokens assumed: 8"),
    ("vllm#37756: 8 MiB, MNNVL one-shot against unfused, B300", 1 - 39 / 43, "of the operation",
     None, "not predictable: a one-shot that the switch copies is not modelled"),
    ("vllm#37756: 8 MiB, MNNVL two-shot against unfused, B300", 1 - 36 / 43, "of the operation",
     b300("symmetric", "two-shot"), "known: the operation itself"),
    ("vllm#37756: 8 MiB, TRT-LLM one-shot against unfused, B300", 1 - 115 / 43,
     "of the operation", b300("trtllm", "one-shot"), "known: the operation itself"),
    ("vllm#37756: 8 MiB, TRT-LLM two-shot against unfused, B300", 1 - 70 / 43,
     "of the operation", b300("trtllm", "two-shot"), "known: the operation itself"),
    ("vllm#33839: NCCL symmetric against custom, up to 16 KiB (1.21x to 1.48x)", 1 - 1 / 1.345,
     "of the operation", small_symmetric, "known: the operation itself"),
    ("sglang#10568: scattered attention input, 16K prefill, H20", 1 - 249.63 / 267.1,
     "of communication", scattered_input, "known: the whole of communication"),
    ("sglang#22642: reduce_scatterv for all-reduce and slice, 4 GB200", 0.136, "of NCCL's time",
     reduce_scatterv, "known: NCCL's time; tokens assumed: 16,384"),
    ("sglang#8539: reduce-scatter after the experts, TP8 DP2", 1 - 1 / 1.117, "of the whole",
     scatter_after_experts, "unknown: sign only"),
    ("sglang#8934: gather and scatter on symmetric memory, B200", 0.047, "of the whole",
     symmetric_pair, "unknown: sign only"),
    ("sglang#7775: fused all-reduce and norm, R1 TP8, B200", 1 - 928.6 / 957.1, "of the whole",
     norm_fusion, "unknown: sign only"),
    ("TRT-LLM tech blog 1: fused one-shot all-reduce and norm, R1 batch 1", 1 - 164 / 168,
     "of the whole", norm_fusion, "unknown (accepted tokens a step): sign only"),
    ("sglang#12787: symmetric memory for TRT-LLM's fusion, 4 GB200", 1 - 0.12075 / 0.14941,
     "of the whole", scout_prefill, "unknown: sign only"),
] + [
    (f"TRT-LLM#14534: two-shot for one-shot, {size // MIB} MiB, 4 GB200", 1 - two / one,
     "of the operation with its norm", one_shot_or_two(size), "known: the operation itself")
    for size, one, two in ((2 * MIB, 37.951, 38.172), (4 * MIB, 38.433, 39.477),
                           (8 * MIB, 54.259, 47.155), (32 * MIB, 214.886, 152.115),
                           (64 * MIB, 421.929, 278.491))
]

UNPREDICTABLE = [
    ("sglang#1970, vllm#51454", "DP attention against TP8 changes what every rank computes and "
     "caches; communication is not what decides: a question for `run`"),
    ("sglang#22379", "a regression of a development build (9,530 for 60,398 tok/s) and a version "
     "(57,877): no communication change is named"),
    ("sglang#27423", "MI355X: no preset of this GPU"),
    ("sglang#4521", "load-limited (1,696 and 1,699 tok/s): no visible gain"),
    ("sglang#8279", "GPU not named; +0.2 % and +2.6 % with other changes in the same branch"),
    ("sglang#22583", "NVSHMEM's all-to-all (floor 60 us) is not modelled"),
    ("sglang#13797", "GPU not named; eager below 1 MiB"),
    ("tokenspeed#860", "its baseline of 260 us is the host's, not the GPU's; the sign (+96 % "
     "at one token) follows from that alone"),
    ("vllm#20759", "only the state before is readable"),
    ("flashinfer#5023", "two GPUs on PCIe with their own IPC kernel: not modelled"),
    ("FlagTree#888, FlagGems-vllm#773", "fused kernels without a baseline of the same machine"),
    ("TRT-LLM tech blog 1, other steps", "kernels, MTP and clocks, no communication; EP4TP2 and "
     "EP2TP4 move work between ranks: a question for `run`"),
    ("sheet 5.5, other rows", "corrections of wrong sums: accuracy, no time is published"),
]


def single_gains(lockstep, out):
    def ask(kind, preset, ranks, size, library, algorithm="", launch="graph"):
        if (library, algorithm) == ("symmetric", "two-shot"):
            library = "custom"
        options = ["--library", library, "--launch", launch]
        options += ["--algorithm", algorithm] if algorithm else []
        return lockstep.us(kind, preset, ranks, size, *options)
    out += ["### Published gains: single ones", "",
            "Time saved, 1 - after / before; of a throughput 1 - before / after. Of vllm#37756 the "
            "number of GPUs is not readable: 8 assumed. Predicted is what "
            "the communication itself saves. Where the share of communication is not known only "
            "the sign is judged.", "",
            "| change | measured | of | predicted | before us | after us | share | judged |",
            "|---|--:|---|--:|--:|--:|---|---|"]
    verdicts = []
    for what, measured, of, function, share in SINGLE:
        if function is None:
            out.append(f"| {what} | {percent(measured)} | {of} | - | - | - | {share} | - |")
            continue
        before, after = function(ask)
        gain = 1 - after / before
        verdicts.append((share.startswith("known"), judged(measured, gain, share)))
        out.append(f"| {what} | {percent(measured)} | {of} | {percent(gain)} | {before:.1f} | "
                   f"{after:.1f} | {share} | {verdicts[-1][1]} |")
    out += ["", "Not predicted, and why:", "", "| change | why |", "|---|---|"]
    out += [f"| {what} | {why} |" for what, why in UNPREDICTABLE] + [""]
    return verdicts


def judged(measured, predicted, share):
    if "no test" in share:
        return "fitted"
    if abs(measured) < NOISE and share.startswith("known"):
        return "too small to judge"
    if measured * predicted <= 0:
        return "sign wrong"
    if not share.startswith("known"):
        return "sign right"
    return "within a third" if abs(predicted - measured) <= abs(measured) / 3 else \
        "sign right, size not"

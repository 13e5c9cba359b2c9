"""What a kernel saves against NCCL at the same size, measured and predicted."""

import collections

from serving_errors import PRESETS

# (source, variant): what Lockstep takes for it. Before is NCCL in the same launch style.
VARIANTS = {
    "custom_1stage": ("vllm", "one-shot"), "custom_2stage": ("vllm", "two-shot"),
    "symm_mem_multimem": ("vllm", "multimem"), "symm_mem_two_shot": ("vllm", "two-shot"),
    "pynccl_symm": ("symmetric", ""), "triton_1shot": ("custom", "one-shot"),
    "triton_multimem": ("vllm", "multimem"), "dist_1shot": ("vllm", "one-shot"),
    "dist_2shot": ("vllm", "two-shot"), "dist_multimem": ("vllm", "multimem"),
    "NCCL symmetric kernel": ("symmetric", ""),
}
NOISE = 0.05
WHY_WRONG = [
    "All but one are of vLLM's first measurements in September 2025 (#24111, #24532). There its "
    "two-stage kernel takes 43 us for 4 MiB on four H100; the tables that the constants were "
    "fitted to and checked with, of vLLM 0.24.0, have 30 us for the same call, and their one-stage "
    "kernel takes in 290 GB/s where #24111 has 320 to 450. Why is not known; Lockstep follows the "
    "newer ones. The remaining one is a gather of 128 MiB that saves 22 us of 385.", ""]


class Gains:
    """How often the sign is right, and how often the size is within a third."""

    def __init__(self):
        self.pairs, self.clear, self.sign, self.third, self.misses = 0, 0, 0, 0, []

    def add(self, measured, predicted, what=""):
        self.pairs += 1
        if abs(measured) < NOISE:
            return
        self.clear += 1
        right = measured * predicted > 0
        self.sign += right
        self.third += abs(predicted - measured) <= abs(measured) / 3
        if not right:
            self.misses.append(f"{what} ({percent(measured)}, predicted {percent(predicted)})")


def percent(gain):
    return f"{gain * 100:+.1f} %"


def kind_of(row):
    text = row["model_or_op"].replace("-", "_")
    return next((k for k in ("all_gather", "reduce_scatter", "all_reduce") if k in text), None)


def faster_than_nvlink(row):
    """A one-shot whose bytes from all peers would need more than H100's 450 GB/s."""
    received = (int(row["gpus"]) - 1) * int(row["bytes"])
    return received / float(row["value"]) / 1e3 > 450


def table_gains(lockstep, rows, out):
    out += ["### Published gains: tables by size", "",
            "What a kernel saves against NCCL at the same size: 1 - after / before, both measured "
            "and both predicted in a graph. Gains below 5 % are noise and not judged.", "",
            "| source | variant | GPU | pairs | judged | sign right | within a third |",
            "|---|---|---|--:|--:|--:|--:|"]
    groups = collections.defaultdict(Gains)
    impossible = 0
    for row in rows:
        if row["variant"] not in VARIANTS or not row["baseline_value"] or not row["bytes"]:
            continue
        kind = kind_of(row)
        if kind is None or row["gpu"] not in PRESETS:
            continue
        if row["variant"] == "custom_1stage" and faster_than_nvlink(row):
            impossible += 1
            continue
        library, algorithm = VARIANTS[row["variant"]]
        preset, ranks, size = PRESETS[row["gpu"]], int(row["gpus"]), int(row["bytes"])
        named = ["--algorithm", algorithm] if algorithm else []
        after = lockstep.us(kind, preset, ranks, size, "--launch", "graph", "--library", library,
                            *named)
        before = lockstep.us(kind, preset, ranks, size, "--launch", "graph", "--library", "nccl")
        groups[(row["source"], row["variant"], f"{row['gpu']} x{ranks}")].add(
            1 - float(row["value"]) / float(row["baseline_value"]), 1 - after / before,
            f"{row['source']}, {row['variant']}, {row['gpu']} x{ranks}, {size:,} B")
    total = Gains()
    for key, group in sorted(groups.items()):
        out.append(f"| {key[0]} | {key[1]} | {key[2]} | {group.pairs} | {group.clear} | "
                   f"{group.sign} | {group.third} |")
        for name in ("pairs", "clear", "sign", "third"):
            setattr(total, name, getattr(total, name) + getattr(group, name))
        total.misses += group.misses
    out += [f"| **all** | | | {total.pairs} | {total.clear} | {total.sign} | {total.third} |", ""]
    out += [f"Left out: {impossible} one-shots on eight H100 (vllm#24111) that would have taken in "
            "more than NVLink's 450 GB/s.", ""]
    out += ["Signs that are wrong:", ""] + [f"- {miss}" for miss in total.misses] + [""]
    out += WHY_WRONG
    return total

#!/usr/bin/env python3
"""Compares the serving systems' collectives with published times, as a section of Markdown.

  tools/validate_serving_collectives.py --data DIR [--lockstep BINARY] [--output FILE]

DIR holds comm_variants.csv and moe_a2a.csv. Predictions come from `lockstep collective`; docs/
validation/serving_collectives.md is the result. Errors are |predicted - measured| / measured.
Standard library only; the same bytes every time.
"""
import argparse
import collections
import csv
import json
import math
import os
import subprocess
import sys

PRESETS = {"A100 SXM": "hgx-a100", "H100 SXM": "hgx-h100", "H200 SXM": "hgx-h200",
           "H100/H200": "hgx-h200", "B200": "hgx-b200", "B300": "hgx-b300",
           "GB200": "gb200-nvl72", "GB300": "gb200-nvl72", "Hopper": "hgx-h100"}
MI = 1024 * 1024


# ---------------------------------------------------------------- asking Lockstep

class Lockstep:
    """The built binary; every answer is asked for once."""

    def __init__(self, binary):
        self.binary = binary
        self.known = {}

    def times(self, kind, preset, ranks, rows, options=()):
        """Rows of the table for `rows` ({"--sizes": ...} or {"--tokens": ...}), in us."""
        command = [self.binary, "collective", kind, "--hardware", preset, "--ranks", str(ranks),
                   "--json", "-", *rows, *options]
        key = tuple(command)
        if key not in self.known:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")
            self.known[key] = json.loads(done.stdout)["rows"]
        return self.known[key]

    def us(self, kind, preset, ranks, size, *options):
        return self.times(kind, preset, ranks, ["--sizes", str(size)], options)[0]["time_us"]


# ---------------------------------------------------------------- errors and baselines

def percentile(values, share):
    values = sorted(values)
    place = (len(values) - 1) * share
    low = math.floor(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)


def chosen(points):
    """The points that the baselines are given: the least, the greatest, and evenly between."""
    count = min(6, max(3, len(points) // 2))
    return sorted({round(i * (len(points) - 1) / (count - 1)) for i in range(count)})


def line(given):
    """a + b x with the least squared relative error."""
    s = [0.0] * 5
    for x, y in given:
        w = 1 / (y * y)
        for i, v in enumerate((w, w * x, w * x * x, w * y, w * x * y)):
            s[i] += v
    det = s[0] * s[2] - s[1] * s[1]
    if det == 0:
        return lambda x: given[0][1]
    a = (s[3] * s[2] - s[4] * s[1]) / det
    b = (s[0] * s[4] - s[1] * s[3]) / det
    return lambda x: max(a + b * x, 0.001)


def interpolation(given):
    """Linear between the logarithms of neighbours."""
    def at(x):
        i = min(max(1, sum(1 for p in given if p[0] < x)), len(given) - 1)
        (x0, y0), (x1, y1) = given[i - 1], given[i]
        t = (math.log(x) - math.log(x0)) / (math.log(x1) - math.log(x0))
        return math.exp(math.log(y0) + t * (math.log(y1) - math.log(y0)))
    return at


class Errors:
    """Of Lockstep on every point of a table; of the baselines on those that they did not see."""

    def __init__(self):
        self.own, self.line, self.between, self.worst = [], [], [], []

    def add(self, name, points):
        """points: (x, measured, predicted), one table."""
        points = sorted(points)
        for x, measured, predicted in points:
            self.own.append(abs(predicted / measured - 1))
            self.worst.append((abs(predicted / measured - 1), name, x, measured, predicted))
        if len(points) < 5:
            return
        seen = chosen(points)
        given = [points[i][:2] for i in seen]
        for kind, into in ((line(given), self.line), (interpolation(given), self.between)):
            into += [abs(kind(p[0]) / p[1] - 1) for i, p in enumerate(points) if i not in seen]

    def cells(self):
        def of(values):
            if not values:
                return "-"
            return f"{percentile(values, 0.5) * 100:.1f} / {percentile(values, 0.95) * 100:.1f}"
        return f"{len(self.own)} | {of(self.own)} | {of(self.line)} | {of(self.between)}"


def summary(title, groups):
    all_of = Errors()
    for group in groups:
        all_of.own += group.own
        all_of.line += group.line
        all_of.between += group.between
        all_of.worst += group.worst
    return f"| **{title}** | | {all_of.cells()} |", all_of


# ---------------------------------------------------------------- all-reduces

# What was fitted; everything else is held out. Of (system, GPU); by launch style, too.
FITTED = {("sglang", "A100 SXM"), ("sglang", "H200 SXM"), ("sglang", "B200"),
          ("vllm", "H200 SXM"), ("vllm", "B200"), ("trtllm", "H200 SXM"), ("trtllm", "B200")}
# Of the eager tables the host's floor, only.
EAGER_FLOOR = {("sglang", "A100 SXM"), ("sglang", "H200 SXM"), ("sglang", "B200"),
               ("sglang", "GB300"), ("vllm", "A100 SXM"), ("vllm", "H200 SXM"), ("vllm", "B200"),
               ("vllm", "GB300")}


def is_fitted(system, launch, gpu, ranks):
    if launch == "eager":
        return (system, gpu) in EAGER_FLOOR
    return (system, gpu) in FITTED or (system, gpu, ranks) == ("trtllm", "A100 SXM", 2)


def all_reduce_tables(rows):
    tables = collections.defaultdict(list)
    for row in rows:
        if "aiconfigurator" not in row["source"]:
            continue
        name = row["variant"].split()[0]
        system, launch = (name.split("_") + ["graph"])[:2]
        tables[(system, launch, row["gpu"], int(row["gpus"]))].append(
            (int(row["bytes"]), float(row["value"])))
    return tables


def all_reduce_section(lockstep, rows, out):
    out += ["### All-reduces in one kernel", "",
            "Sizes up to the limit of each system; above it the call is NCCL's. GPUs of a row: 2, "
            "4 and, where they were measured, 8. Median / 95th percentile of the error in per "
            "cent. The baselines have six points of the same table (three to five of a short one) "
            "and are judged on the others; Lockstep has none of a table that is held out. Of "
            "eager tables only the host's floor and the rate of the copy were fitted.", "",
            "| system, launch | GPU | points | Lockstep | line | interpolation |",
            "|---|---|--:|--:|--:|--:|"]
    groups = collections.defaultdict(Errors)
    above = Errors()
    for (system, launch, gpu, ranks), points in sorted(all_reduce_tables(rows).items()):
        library = {"sglang": "custom"}.get(system, system)
        sizes = ",".join(str(size) for size, _ in sorted(points))
        told = lockstep.times("all_reduce", PRESETS[gpu], ranks, ["--sizes", sizes],
                              ["--launch", launch, "--library", library])
        points = [(size, measured, row) for (size, measured), row in zip(sorted(points), told)]
        held = "fitted" if is_fitted(system, launch, gpu, ranks) else "held out"
        name = f"{system} {launch} {gpu} x{ranks}"
        own = [(s, m, r["time_us"]) for s, m, r in points if r.get("library") != "nccl"]
        if own:
            groups[(held, f"{system} {launch}", gpu)].add(name, own)
        rest = [(s, m, r["time_us"]) for s, m, r in points if r.get("library") == "nccl"]
        if rest:
            above.add(name, rest)
    return grouped(groups, out), above


def grouped(groups, out):
    totals = {}
    for held in ("fitted", "held out"):
        mine = sorted(key for key in groups if key[0] == held)
        for key in mine:
            out.append(f"| {key[1]} | {key[2]} | {groups[key].cells()} |")
        text, totals[held] = summary(f"all {held}", [groups[key] for key in mine])
        out.append(text)
    out.append("")
    return totals


def worst(errors, out, unit):
    out += ["The ten worst that were held out:", "",
            f"| table | {unit} | measured us | predicted us | error |", "|---|--:|--:|--:|--:|"]
    for error, name, x, measured, predicted in sorted(errors.worst, reverse=True)[:10]:
        out.append(f"| {name} | {x:,} | {measured:g} | {predicted:.1f} | {error * 100:.0f} % |")
    out.append("")


# ---------------------------------------------------------------- dispatch and combine

MODES = {"DeepEP low-latency": "low-latency", "DeepEP normal": "normal",
         "TensorRT-LLM NVLinkOneSided": "one-sided", "DeepEP V1 low-latency": "low-latency"}
DTYPES = {"fp8": "fp8", "bf1": "bf16", "nvf": "nvfp4", "mxf": "fp8", "bfl": "bf16"}


def dtype_of(row):
    """What travels: FP8 out and BF16 back where the table says both."""
    if row["phase"] == "combine":
        return "bf16"
    return DTYPES[row["dtype"][:3]]


def exchange_tables(rows):
    tables = collections.defaultdict(list)
    for row in rows:
        if row["library"] not in MODES or row["phase"] not in ("dispatch", "combine"):
            continue
        if not row["latency_us"] or row["gpu"] not in (*PRESETS, "H800"):
            continue
        shape = (int(row["hidden"]), int(row["topk"]), int(row["experts"]))
        key = (row["library"], row["gpu"], int(row["ep_size"]), int(row["nodes"]), row["phase"],
               dtype_of(row), row["sms"], shape)
        tables[key].append((int(row["tokens_per_rank"]), float(row["latency_us"])))
    return tables


def exchange_us(lockstep, key, tokens):
    library, gpu, ranks, nodes, phase, dtype, sms, (hidden, topk, experts) = key
    options = ["--hidden", str(hidden), "--top-k", str(topk), "--experts", str(experts),
               "--dtype", dtype, "--library", "deepep", "--algorithm", MODES[library],
               "--launch", "graph"]
    if dtype == "nvfp4":  # half a byte, and a byte for each 16; one byte counts as 33/32 of one
        options[1], options[7] = str(round(hidden * 9 / 16 * 32 / 33)), "int8"
    preset = PRESETS.get(gpu, "hgx-h100")
    if gpu == "H800":  # 400 GB/s of NVLink, 160 of them in one direction: constants.csv c-004
        options += ["--set", "node.link_GBps=160"]
    if preset != "gb200-nvl72" and nodes > 1:
        options += ["--nodes", str(nodes)]
    if sms:
        options += ["--set", f"serving.normal_sms={sms}"]
    told = lockstep.times(phase, preset, ranks, ["--tokens", ",".join(map(str, tokens))], options)
    return [row["time_us"] for row in told]


def exchange_fitted(key, shapes):
    """Every second shape of H200, B200 and GB200 on one node, H100/H200 on two, one-sided on 16."""
    library, gpu, ranks, nodes, _, _, _, shape = key
    if library == "TensorRT-LLM NVLinkOneSided":
        return ranks == 16
    if gpu in ("H200 SXM", "B200", "GB200"):
        return shapes.index(shape) % 2 == 0
    return gpu == "H100/H200" and nodes == 2


def exchange_section(lockstep, rows, out):
    out += ["### Dispatch and combine", "",
            "Tokens of a rank from 1 to 32,768; a table is one shape (hidden, top-k, experts), "
            "GPU, group, direction and number of SMs.", "",
            "| library, direction | GPU, ranks | points | Lockstep | line | interpolation |",
            "|---|---|--:|--:|--:|--:|"]
    tables = exchange_tables(rows)
    shapes = collections.defaultdict(set)
    for key in tables:
        shapes[key[0], key[1]].add(key[-1])
    groups = collections.defaultdict(Errors)
    doubtful = Errors()
    for key, points in sorted(tables.items()):
        points = sorted({tokens: us for tokens, us in points}.items())
        told = exchange_us(lockstep, key, [tokens for tokens, _ in points])
        library, gpu, ranks, nodes, phase, dtype, sms, shape = key
        fitted = exchange_fitted(key, sorted(shapes[library, gpu]))
        name = f"{library} {phase} {gpu} x{ranks}, {shape[0]}/{shape[1]}/{shape[2]}"
        if sms:
            name += f", {sms} SMs"
        where = f"{gpu} x{ranks}" + (f" on {nodes} nodes" if nodes > 1 else "")
        group = groups[("fitted" if fitted else "held out", f"{library} {phase}", where)]
        if (library, phase, nodes) == ("DeepEP normal", "dispatch", 8):
            group = doubtful
        group.add(name, [(x, m, p) for (x, m), p in zip(points, told)])
    totals = grouped(groups, out)
    out += ["Left out: dispatch of the normal mode on eight nodes, slower than combine with twice "
            "the bytes, which the data mark as doubtful (23 GB/s a NIC, whatever the SMs): "
            f"{doubtful.cells()} (points, Lockstep, line, interpolation).", ""]
    return totals


# ---------------------------------------------------------------- published gains: tables

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


# ---------------------------------------------------------------- published gains: single ones

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
    size = 8 * MI
    return ask("all_reduce", "hgx-b300", 8, size, "vllm") + norm_us("hgx-b300", size)


def b300(library, algorithm):
    def both(ask):
        fused = ask("all_reduce", "hgx-b300", 8, 8 * MI, library, algorithm)
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
    (f"TRT-LLM#14534: two-shot for one-shot, {size // MI} MiB, 4 GB200", 1 - two / one,
     "of the operation with its norm", one_shot_or_two(size), "known: the operation itself")
    for size, one, two in ((2 * MI, 37.951, 38.172), (4 * MI, 38.433, 39.477),
                           (8 * MI, 54.259, 47.155), (32 * MI, 214.886, 152.115),
                           (64 * MI, 421.929, 278.491))
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
    for what, measured, of, function, share in SINGLE:
        if function is None:
            out.append(f"| {what} | {percent(measured)} | {of} | - | - | - | {share} | - |")
            continue
        before, after = function(ask)
        gain = 1 - after / before
        out.append(f"| {what} | {percent(measured)} | {of} | {percent(gain)} | {before:.1f} | "
                   f"{after:.1f} | {share} | {judged(measured, gain, share)} |")
    out += ["", "Not predicted, and why:", "", "| change | why |", "|---|---|"]
    out += [f"| {what} | {why} |" for what, why in UNPREDICTABLE] + [""]


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


# ---------------------------------------------------------------- the page

def read(folder, name):
    with open(os.path.join(folder, name), newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def page(lockstep, folder):
    variants, exchanges = read(folder, "comm_variants.csv"), read(folder, "moe_a2a.csv")
    out = ["## Serving collectives", "",
           "Formulas and constants: docs/cost_models_serving.md. Written by "
           "tools/validate_serving_collectives.py from comm_variants.csv and moe_a2a.csv.", "",
           "Held out means that no constant was fitted to a table. The forms of the formulas were "
           "chosen with all tables in view, those of other sources, too: that reading from one "
           "peer is slower (`one_peer_GBps`), and that NCCL's kernels on symmetric memory are "
           "one-shot, half a two-shot or multimem, was seen in them. So these errors say how well "
           "constants carry over, and less how the formulas would do on a kernel never seen.", ""]
    totals, above = all_reduce_section(lockstep, variants, out)
    out += [f"Above the limits (NCCL's model, docs/cost_models_nccl.md): {above.cells()} "
            "(points, Lockstep, line, interpolation).", ""]
    worst(totals["held out"], out, "bytes")
    totals = exchange_section(lockstep, exchanges, out)
    worst(totals["held out"], out, "tokens")
    table_gains(lockstep, variants, out)
    single_gains(lockstep, out)
    return "\n".join(out).rstrip() + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="folder of the measurements")
    parser.add_argument("--lockstep", default="build/tools/lockstep", help="the built binary")
    parser.add_argument("--output", help="file to write; without it, standard output")
    arguments = parser.parse_args()
    text = page(Lockstep(arguments.lockstep), arguments.data)
    if arguments.output:
        with open(arguments.output, "w", encoding="utf-8") as file:
            file.write(text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Compares predicted kernels with published ones, and writes a section of Markdown.

    tools/validate_kernels.py --data DIR [--lockstep build/tools/lockstep] [--output FILE]

DIR holds kernels.csv. Rows that the collection flags as doubtful are left out. Every row is
predicted by `lockstep kernel` with the preset of its GPU; a third of the shapes, chosen by a hash
of the shape, was held out when the constants of the presets were fitted. Standard library only.
"""

import argparse
import collections
import csv
import io
import json
import statistics
import subprocess
import sys

PRESETS = {"A100 SXM": "hgx-a100", "H100 SXM": "hgx-h100", "H200 SXM": "hgx-h200",
           "B200": "hgx-b200", "GB200": "gb200-nvl72"}
FORMATS = {"bfloat16": "bf16", "fp8_block": "fp8", "nvfp4": "fp4", "int4_wo": "int4", "fp8": "fp8"}
FEWEST = 30  # rows of a GPU and format; below, all of them were used in the fit


def is_held_out(*numbers):
    """A third of the shapes, by an integer hash: the same third as in the fit."""
    value = 0
    for number in numbers:
        value = (value * 1000003 + int(number)) % 2147483647
    return (value // 7) % 3 == 0


Row = collections.namedtuple("Row", "gpu table kind shape measured held")


def number(row, name):
    return int(float(row[name])) if row[name] else 0


def gemm(row):
    m, n, k = (number(row, name) for name in ("m_or_tokens", "n", "k"))
    shape = {"m": m, "n": n, "k": k, "weights": FORMATS[row["dtype"]]}
    return "gemm", "gemm", shape, is_held_out(n, k)


def absorbed(row):
    """The products that MLA folds into query and output: one for each head."""
    n, k = (512, 128) if row["op"] == "mla_gen_pre" else (128, 512)
    shape = {"m": number(row, "m_or_tokens"), "n": n, "k": k, "batch": number(row, "heads_local"),
             "weights": FORMATS[row["dtype"]]}
    return "gemm, batched (never fitted)", "gemm", shape, True


def experts(row):
    tp, ep = number(row, "moe_tp"), number(row, "moe_ep")
    hidden, inter = number(row, "hidden"), number(row, "inter")
    every = number(row, "groups_or_experts")
    shape = {"tokens": number(row, "m_or_tokens"), "top_k": number(row, "topk"),
             "all_experts": every, "experts": every // ep, "hidden": hidden, "inter": inter // tp,
             "weights": FORMATS[row["dtype"]]}
    # Triton's kernel walks the padding of rows that belong to other ranks.
    walked = "triton" in row["kernel"] and ep > 1 and shape["tokens"] >= 1024
    table = "experts, Triton with EP, 1,024 tokens and more (never fitted)" if walked else "experts"
    return table, "experts", shape, walked or is_held_out(hidden, inter, every, tp, ep)


def attention(row):
    decode = "decode" in row["op"]
    latent = row["op"].startswith("mla")
    batch, kv, heads = (number(row, name) for name in ("batch", "kv_len", "heads_local"))
    kv_heads, dim = number(row, "kv_heads_local"), number(row, "head_dim")
    new = 1 if decode else number(row, "q_len")
    qk, v = (dim, dim) if not latent else (576, 512) if decode else (192, 128)
    if latent:
        kv_heads = 1 if decode else heads
    shape = {"decode": int(decode), "latent": int(latent), "requests": batch, "new": new, "kv": kv,
             "heads": heads, "kv_heads": kv_heads, "qk_dim": qk, "v_dim": v,
             "cache": FORMATS[row["kv_dtype"]]}
    table = ("MLA " if latent else "GQA ") + ("decode" if decode else "prefill")
    return table, "attention", shape, is_held_out(batch, new, kv, heads, kv_heads, dim)


def reader_of(row):
    """The function that makes a shape of the row; None if the row is not predicted, and why."""
    op, kernel = row["op"], row["kernel"]
    blackwell = row["gpu"] in ("B200", "GB200")
    if row["gpu"] not in PRESETS or not row["latency_us"] or row["flag"]:
        return None
    if op == "gemm" and row["dtype"] in FORMATS and row["dtype"] != "fp8":
        return gemm
    if op in ("mla_gen_pre", "mla_gen_post"):
        return absorbed
    if op == "fused_moe" and row["dtype"] in FORMATS and row["routing"] == "balanced":
        return None if blackwell and "triton" in kernel else experts
    if op.startswith(("gqa_", "mla_prefill (", "mla_decode (")) and row["kv_dtype"] in FORMATS:
        other = blackwell and op.startswith("gqa_") and kernel != "trtllm_mha"
        return None if other else attention
    return None


def read_rows(path):
    rows, flags, others = [], collections.Counter(), collections.Counter()
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["flag"]:
                flags[row["flag"]] += 1
            reader = reader_of(row)
            if reader is None:
                if not row["flag"] and row["gpu"] in PRESETS:
                    others[(row["op"], row["kernel"], row["dtype"], row["routing"])] += 1
                continue
            table, kind, shape, held = reader(row)
            rows.append(Row(row["gpu"], table, kind, shape, float(row["latency_us"]), held))
    return rows, flags, others


def predict(command, preset, kind, shapes):
    names = list(dict.fromkeys(name for shape in shapes for name in shape))
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(shapes)
    done = subprocess.run([command, "kernel", kind, "--hardware", preset, "--shapes", "-",
                           "--json", "-"], input=text.getvalue(), capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return [row["time_us"] for row in json.loads(done.stdout)["rows"]]


def predict_all(command, rows):
    """Adds what is predicted; one call of the command for each GPU and kind of shape."""
    groups = collections.defaultdict(list)
    for index, row in enumerate(rows):
        groups[(row.gpu, row.kind)].append(index)
    predicted = [0.0] * len(rows)
    for (gpu, kind), indices in sorted(groups.items()):
        times = predict(command, PRESETS[gpu], kind, [rows[i].shape for i in indices])
        for index, time in zip(indices, times):
            predicted[index] = time
    return predicted


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def format_of(row):
    return row.shape.get("weights") or row.shape.get("cache")


def table_lines(rows, predicted):
    groups = collections.defaultdict(list)
    for row, time in zip(rows, predicted):
        groups[(row.table, format_of(row), row.gpu)].append((row, time / row.measured - 1))
    yield "| kernel | format | GPU | rows held out | median error | p95 | bias | rows fitted | " \
          "median error |"
    yield "|--|--|--|--:|--:|--:|--:|--:|--:|"
    for (table, form, gpu), found in sorted(groups.items()):
        few = len(found) < FEWEST and "never fitted" not in table
        held = [] if few else [error for row, error in found if row.held]
        fitted = [error for row, error in found if few or not row.held]
        yield f"| {table} | {form} | {gpu} | {len(held)} | {summary(held)} | {len(fitted)} | " \
              f"{percent(median_of(fitted))} |"


def median_of(errors):
    return statistics.median(abs(error) for error in errors) if errors else None


def percent(value):
    return "" if value is None else f"{100 * value:.1f} %"


def summary(errors):
    if not errors:
        return " | | "
    far = quantile([abs(error) for error in errors], 0.95)
    return f"{percent(median_of(errors))} | {percent(far)} | " \
           f"{100 * statistics.median(errors):+.0f} %"


def worst_lines(rows, predicted, count=10):
    held = [(abs(time / row.measured - 1), row, time) for row, time in zip(rows, predicted)
            if row.held]
    yield "| kernel | GPU | shape | measured us | predicted us |"
    yield "|--|--|--|--:|--:|"
    for _, row, time in sorted(held, key=lambda entry: -entry[0])[:count]:
        shape = ", ".join(f"{key} {value}" for key, value in row.shape.items())
        yield f"| {row.table} | {row.gpu} | {shape} | {row.measured:.1f} | {time:.1f} |"


def section(rows, predicted, flags, others):
    held = [time / row.measured - 1 for row, time in zip(rows, predicted)
            if row.held and "never fitted" not in row.table]
    yield "## Kernels"
    yield ""
    yield f"{len(rows)} published kernels (perf/kernels.csv, mostly ai-dynamo/aiconfigurator" \
          "@095f58a), each predicted with the preset of its GPU. The constants of a preset were " \
          "fitted to two thirds of the shapes (`is_held_out` in tools/validate_kernels.py says " \
          "which third no constant was fitted to: products by (n, k), experts by (hidden, inter, " \
          "experts, TP, EP), attention by the whole shape; forms and tile sizes were chosen with " \
          "all rows in view). Bias: median of predicted / measured " \
          "- 1. " \
          f"Over all held-out rows the median error is {percent(median_of(held))}, the 95th " \
          f"percentile {percent(quantile([abs(e) for e in held], 0.95))}. Where a GPU and format " \
          f"has fewer than {FEWEST} rows, all were fitted."
    yield ""
    yield from table_lines(rows, predicted)
    yield ""
    yield "The ten worst of the held-out rows:"
    yield ""
    yield from worst_lines(rows, predicted)
    yield ""
    yield "Left out as doubtful, in the words of the collection:"
    yield ""
    for flag, count in flags.most_common():
        yield f"- {count} rows: {flag}"
    yield ""
    yield "Not predicted, of the GPUs above (other kernels of the same operation, other formats, " \
          "or skewed routing):"
    yield ""
    for (op, kernel, dtype, routing), count in sorted(others.items()):
        if count >= FEWEST:
            yield f"- {count} rows: {op}, {kernel} {dtype} {routing}".rstrip()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, help="the folder of kernels.csv")
    parser.add_argument("--lockstep", default="build/tools/lockstep")
    parser.add_argument("--output", help="a Markdown file; standard output if not given")
    arguments = parser.parse_args()
    rows, flags, others = read_rows(f"{arguments.data}/kernels.csv")
    predicted = predict_all(arguments.lockstep, rows)
    text = "\n".join(section(rows, predicted, flags, others)) + "\n"
    if arguments.output:
        with open(arguments.output, "w", encoding="utf-8") as file:
            file.write(text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()

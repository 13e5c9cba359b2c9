"""Published kernels beside what `lockstep kernel` predicts, as a section of Markdown.

Rows of kernels.csv that the collection flags as doubtful are left out. A third of the shapes,
chosen by a hash of the shape, was held out when the constants of the presets were fitted.
"""

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
Findings = collections.namedtuple("Findings", "rows predicted flags others")


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
        held = [error for row, error in found if row.held]
        fitted = [error for row, error in found if not row.held]
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


def is_never_fitted(row):
    """Of a form of which no row was fitted."""
    return "never fitted" in row.table


def held_errors(found, never_fitted, preset=None):
    """predicted / measured - 1 of rows that no constant was fitted to."""
    return [time / row.measured - 1 for row, time in zip(found.rows, found.predicted)
            if row.held and is_never_fitted(row) == never_fitted and
            preset in (None, PRESETS[row.gpu])]


def validate(folder, command):
    rows, flags, others = read_rows(folder / "kernels.csv")
    counts = collections.Counter((row.table, format_of(row), row.gpu) for row in rows)
    # Of few rows all were fitted, whatever the hash says.
    rows = [row if is_never_fitted(row) or
            counts[(row.table, format_of(row), row.gpu)] >= FEWEST else row._replace(held=False)
            for row in rows]
    return Findings(rows, predict_all(command, rows), flags, others)


def intro(found):
    held = held_errors(found, never_fitted=False)
    far = quantile([abs(error) for error in held], 0.95)
    return (
        f"{len(found.rows)} published kernels (kernels.csv, mostly ai-dynamo/aiconfigurator"
        "@095f58a), each predicted with the preset of its GPU. The constants of a preset were "
        "fitted to two thirds of the shapes (`is_held_out` in tools/timing/kernels.py says which "
        "third was not: products by (n, k), experts by (hidden, inter, experts, TP, EP), "
        "attention by the whole shape). The other third was held out of the constants, not of the "
        "model: forms and sets of tiles were picked with all rows in view, and a fault in the "
        "rounding of expected rows was mended after the fit. So these errors "
        "say how well constants carry over to other shapes of the same kernels. Bias: median of "
        f"predicted / measured - 1. Over all held-out rows the median error is "
        f"{percent(median_of(held))}, the 95th percentile {percent(far)}. Where a GPU and format "
        f"has fewer than {FEWEST} rows, all were fitted. Why some stay far off: "
        "docs/cost_models_kernels.md.")


def section(found):
    yield "## Kernels"
    yield ""
    yield intro(found)
    yield ""
    yield from table_lines(found.rows, found.predicted)
    yield ""
    yield "The ten worst of the held-out rows:"
    yield ""
    yield from worst_lines(found.rows, found.predicted)
    yield ""
    yield "Left out as doubtful, in the words of the collection:"
    yield ""
    for flag, count in found.flags.most_common():
        yield f"- {count} rows: {flag}"
    yield ""
    yield "Not predicted, of the GPUs above (other kernels of the same operation, other formats, " \
          "or skewed routing):"
    yield ""
    for (op, kernel, dtype, routing), count in sorted(found.others.items()):
        if count >= FEWEST:
            yield f"- {count} rows: {op}, {kernel} {dtype} {routing}".rstrip()

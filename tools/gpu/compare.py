#!/usr/bin/env python3
"""Predicted against measured, on shapes and sizes that nothing was fitted to, as Markdown.

    tools/gpu/compare.py DIR > page.md

DIR is what tools/gpu/measure left: held_out_KIND.json of `lockstep kernel --measure`, predicted
with the calibrated hardware; collectives.json of the replay; predicted_KIND.json of `lockstep
collective`. What is missing is said. `--self-check` checks the arithmetic.
"""

import argparse
import json
import pathlib
import statistics

from to_nccl_tests import is_fitted, measured_collectives, ranks_of

KERNEL_GOAL = 0.15  # median error
KINDS = ("gemm", "experts", "attention", "elementwise")


def error(predicted, measured):
    return abs(predicted / measured - 1)


def spread(time):
    """Between quartiles, of the median."""
    return (time["high_us"] - time["low_us"]) / time["median_us"]


def percent(value):
    return f"{100 * value:.1f} %"


def part_of(kind, shape):
    if kind != "attention":
        return kind
    name = "decode" if shape.get("decode") == "1" else "prefill"
    return ("latent " if shape.get("latent") == "1" else "") + name


def machines(folder):
    """What measured: of kernels, of collectives."""
    found = []
    for path in sorted(folder.glob("held_out_*.json")) + [folder / "collectives.json"]:
        if not path.exists():
            continue
        told = json.loads(path.read_text(encoding="utf-8"))
        told = told[0] if isinstance(told, list) else told
        for text in (told.get("machine"), told.get("gpu", {}).get("machine"),
                     told.get("gpu", {}).get("placement")):
            if text and text not in found:
                found.append(text)
    return found


def kernel_rows(folder):
    """[(part, shape text, predicted, time)], what was not measured, and what is missing."""
    rows, not_measured, missing = [], [], []
    for kind in KINDS:
        path = folder / f"held_out_{kind}.json"
        if not path.exists():
            missing.append(kind)
            continue
        told = json.loads(path.read_text(encoding="utf-8"))
        told = told[0] if isinstance(told, list) else told
        for row in told["rows"]:
            shape = ",".join(f"{key}={value}" for key, value in row["shape"].items())
            if "measured" in row:
                rows.append((part_of(kind, row["shape"]), shape, row["time_us"], row["measured"]))
            else:
                not_measured.append(f"{kind} {shape}: {row.get('not_measured', 'no time')}")
    return rows, not_measured, missing


def groups(rows):
    found = {}
    for row in rows:
        found.setdefault(row[0], []).append(row)
    return found


def kernel_table(rows):
    text = ["| kernel | shapes | spread, median | error, median | worst | within 15 % |",
            "|--|--:|--:|--:|--:|--|"]
    for part, group in {**groups(rows), "all": rows}.items():
        errors = [error(predicted, time["median_us"]) for _, _, predicted, time in group]
        median = statistics.median(errors)
        text.append(f"| {part} | {len(group)} | "
                    f"{percent(statistics.median(spread(time) for *_, time in group))} | "
                    f"{percent(median)} | {percent(max(errors))} | "
                    f"{'yes' if median <= KERNEL_GOAL else 'no'} |")
    return text


def worst_kernels(rows, count=10):
    text = ["| kernel | shape | measured us | quartiles | predicted us | error |",
            "|--|--|--:|--:|--:|--:|"]
    ordered = sorted(rows, key=lambda row: -error(row[2], row[3]["median_us"]))
    for part, shape, predicted, time in ordered[:count]:
        text.append(f"| {part} | {shape} | {time['median_us']:.2f} | "
                    f"{time['low_us']:.2f} to {time['high_us']:.2f} | {predicted:.2f} | "
                    f"{100 * (predicted / time['median_us'] - 1):+.1f} % |")
    return text


def predicted_collectives(path):
    """{bytes: us} of `lockstep collective --json`."""
    told = json.loads(path.read_text(encoding="utf-8"))
    told = told[0] if isinstance(told, list) else told
    return {row["bytes"]: row["time_us"] for row in told["rows"]}


def collective_rows(folder):
    """[(kind, bytes, predicted, time)] of the sizes that were held out; ranks; where they ran."""
    path = folder / "collectives.json"
    if not path.exists():
        return [], 0, ""
    replay = json.loads(path.read_text(encoding="utf-8"))
    replay = replay[0] if isinstance(replay, list) else replay
    if "measured" not in replay.get("gpu", {}):  # it stopped before it came to that
        return [], 0, ""
    rows = []
    for kind, times in measured_collectives(replay).items():
        predictions = folder / f"predicted_{kind}.json"
        if not predictions.exists():
            continue
        by_size = predicted_collectives(predictions)
        rows += [(kind, size, by_size[size], time) for size, time in sorted(times.items())
                 if not is_fitted(size) and size in by_size]
    return rows, ranks_of(replay), replay["gpu"]["placement"]


def collective_table(rows):
    text = ["| collective | sizes | spread, median | error, median | worst | within twice the "
            "spread, of the sizes | at the median |", "|--|--:|--:|--:|--:|--:|--|"]
    for kind, group in {**groups(rows), "all": rows}.items():
        errors = [error(predicted, time["median_us"]) for _, _, predicted, time in group]
        spreads = [spread(time) for *_, time in group]
        within = sum(e <= 2 * s for e, s in zip(errors, spreads))
        met = statistics.median(errors) <= 2 * statistics.median(spreads)
        text.append(f"| {kind} | {len(group)} | {percent(statistics.median(spreads))} | "
                    f"{percent(statistics.median(errors))} | {percent(max(errors))} | "
                    f"{within} of {len(group)} | {'yes' if met else 'no'} |")
    return text


def collective_list(rows):
    text = ["| collective | bytes | measured us | quartiles | predicted us | error |",
            "|--|--:|--:|--:|--:|--:|"]
    for kind, size, predicted, time in rows:
        text.append(f"| {kind} | {size} | {time['median_us']:.0f} | "
                    f"{time['low_us']:.0f} to {time['high_us']:.0f} | {predicted:.0f} | "
                    f"{100 * (predicted / time['median_us'] - 1):+.1f} % |")
    return text


def page(folder):
    rows, not_measured, missing = kernel_rows(folder)
    text = ["Measured on: " + "; ".join(machines(folder)) + ".", ""] if machines(folder) else []
    text += ["### Kernels", "", "Shapes of tools/gpu/kernel_shapes_held_out.csv; constants fitted "
            "to those of kernel_shapes_fit.csv. The spread is between the quartiles of one "
            "measurement, of its median.", ""]
    text += kernel_table(rows) if rows else ["Nothing was measured."]
    if rows:
        text += ["", "The ten worst:", ""] + worst_kernels(rows)
    text += [""] + [f"Missing: {kind}." for kind in missing]
    text += [f"Not measured: {row}." for row in not_measured]
    collectives, ranks, placement = collective_rows(folder)
    text += ["", "### Collectives", ""]
    if not collectives:
        return "\n".join(text + ["Nothing was measured."]) + "\n"
    text += [f"{ranks} ranks: {placement}. Fitted to powers of two; "
             "these are the sizes between them. The goal is an error within twice the spread.", ""]
    text += collective_table(collectives) + [""] + collective_list(collectives)
    return "\n".join(text) + "\n"


def self_check():
    time = {"median_us": 100.0, "low_us": 90.0, "high_us": 110.0}
    assert abs(spread(time) - 0.2) < 1e-12  # (110 - 90) / 100
    assert abs(error(115.0, 100.0) - 0.15) < 1e-12
    assert part_of("attention", {"decode": "1"}) == "decode"
    assert part_of("attention", {"latent": "1"}) == "latent prefill"
    rows = [("gemm", "m=1", 110.0, time), ("gemm", "m=2", 130.0, time)]
    assert "| gemm | 2 | 20.0 % | 20.0 % | 30.0 % | no |" in kernel_table(rows)
    # Errors of 10 and 30 % against twice 20 %: both within.
    rows = [("all_reduce", 6144, 110.0, time), ("all_reduce", 12288, 130.0, time)]
    table = collective_table(rows)
    assert "| all_reduce | 2 | 20.0 % | 20.0 % | 30.0 % | 2 of 2 | yes |" in table, table


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=pathlib.Path)
    parser.add_argument("--self-check", action="store_true")
    arguments = parser.parse_args()
    if arguments.self_check:
        return self_check()
    if arguments.folder is None:
        parser.error("a folder is needed")
    print(page(arguments.folder), end="")


if __name__ == "__main__":
    main()

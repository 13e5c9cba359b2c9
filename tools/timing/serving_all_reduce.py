"""The serving systems' all-reduces in one kernel, beside published times."""

import collections

from serving_errors import PRESETS, Errors, grouped

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

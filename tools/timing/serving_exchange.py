"""Dispatch and combine of a mixture of experts, beside published times."""

import collections

from serving_errors import PRESETS, Errors, grouped

MODES = {"DeepEP low-latency": "low-latency", "DeepEP normal": "normal",
         "TensorRT-LLM NVLinkOneSided": "one-sided", "DeepEP V1 low-latency": "low-latency"}
DTYPES = {"fp8": "fp8", "bf1": "bf16", "nvf": "nvfp4", "mxf": "fp8", "bfl": "bf16"}


def library_of(name):
    """As `lockstep collective` calls it: the one-sided exchange is TensorRT-LLM's alone."""
    return "trtllm" if MODES[name] == "one-sided" else "deepep"


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
               "--dtype", dtype, "--library", library_of(library), "--algorithm", MODES[library],
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

"""Interpolation, transfer and presets: errors of predictions, beside those of two baselines."""

import math
from collections import namedtuple

# What a table predicted: errors are (predicted / measured - 1) by point.
Result = namedtuple("Result", "table base fitted points predicted line pieces")
Section = namedtuple("Section", "name results")
Findings = namedtuple("Findings",
                      "interpolation transfers presets fitted doubtful noisy unmatched")

# The preset of a GPU, and another of its generation. Neither was fitted to tables of the other.
PRESETS = {"H100 SXM": ("hgx-h100", "hgx-h200"), "H200 SXM": ("hgx-h200", "hgx-h100"),
           "B200": ("hgx-b200", "hgx-b300"), "B300": ("hgx-b300", "hgx-b200"),
           "GB200": ("gb200-nvl72", "hgx-b200"), "GB300": ("gb200-nvl72", "hgx-b200"),
           "A100 SXM": ("hgx-a100", "hgx-h200"),
           "RTX PRO 6000": ("pcie-rtx-pro-6000", "hgx-h200"),
           # GPUs without a preset: the nearest, and its link (below).
           "H20": ("hgx-h100", "hgx-h200"), "H800": ("hgx-h100", "hgx-h200"),
           "GH200": ("hgx-h100", "hgx-h200"),
           "H100 NVL pairwise NVLink": ("hgx-h100", "hgx-h200"),
           "A100 PCIe pairwise NVLink": ("pcie-rtx-pro-6000", "hgx-h200"),
           "L40S": ("pcie-rtx-pro-6000", "hgx-h200"),
           "RTX 6000D": ("pcie-rtx-pro-6000", "hgx-h200")}
# What one GPU's links carry where the board differs from the preset's, in GB/s: the specification,
# less the same share of protocol as the preset's own.
LINKS = {"H800": 165, "GH200": 123, "H100 NVL pairwise NVLink": 247,
         "A100 PCIe pairwise NVLink": 13, "L40S": 13}
# The source whose tables the presets were fitted to.
FITTED_SOURCE = "ai-dynamo/aiconfigurator"
FITTED_GPUS = ("H100 SXM", "H200 SXM", "B200", "B300", "GB200", "A100 SXM", "RTX PRO 6000")
KINDS = ("all_reduce", "all_gather", "reduce_scatter", "alltoall", "broadcast", "reduce",
         "sendrecv")
SIX = 6


def six_of(points):
    """Smallest, largest, and four evenly spaced between them in the logarithm of size."""
    low, high = math.log(points[0].bytes), math.log(points[-1].bytes)
    chosen = []
    for i in range(SIX):
        goal = low + (high - low) * i / (SIX - 1)
        left = [point for point in points if point not in chosen]
        chosen.append(min(left, key=lambda point: (abs(math.log(point.bytes) - goal),
                                                   point.bytes)))
    return sorted(chosen, key=lambda point: point.bytes)


def alpha_beta(points):
    """us(bytes) = a + b * bytes with the least sum of squared relative errors, a and b >= 0."""
    s0 = sum(1 / p.us**2 for p in points)
    s1 = sum(p.bytes / p.us**2 for p in points)
    s2 = sum(p.bytes**2 / p.us**2 for p in points)
    y0 = sum(1 / p.us for p in points)
    y1 = sum(p.bytes / p.us for p in points)
    det = s0 * s2 - s1 * s1
    a, b = (y0 * s2 - y1 * s1) / det, (s0 * y1 - s1 * y0) / det
    if a < 0:
        a, b = 0, y1 / s2
    if b < 0:
        a, b = y0 / s0, 0
    return lambda size: a + b * size


def piecewise(points):
    """Straight lines between the points, in the logarithms of size and time."""
    def at(size):
        for left, right in zip(points, points[1:]):
            if size <= right.bytes:
                break
        along = math.log(size / left.bytes) / math.log(right.bytes / left.bytes)
        return math.exp(math.log(left.us) + along * math.log(right.us / left.us))
    return at


def preset_of(table):
    return PRESETS.get(table.gpu, (None, None))[0]


def is_fitted(table):
    """Whether the preset of its GPU was fitted to this table."""
    return (table.source.startswith(FITTED_SOURCE) and table.gpu in FITTED_GPUS and
            "2.27.5" not in table.software)


def siblings(known, table):
    """Other tables of the same GPU, source and software."""
    return [(other, other.clean()) for other in known
            if other is not table and other.gpu == table.gpu and other.source == table.source and
            other.software == table.software and other.collective in KINDS and
            len(other.clean()) >= 2]


def board_of(table, program):
    """The preset of its GPU, with the links of its board."""
    preset = PRESETS[table.gpu][0]
    link = LINKS.get(table.gpu)
    if table.id.startswith("simllm-a100") and table.gpus == 2:
        link = 80  # four NVLinks between two GPUs, not twelve to a switch
    return program.variant(preset, {"node": {"link_GBps": link}}) if link else preset


def stranger_of(table, program):
    """The constants of another GPU, with what NCCL believes of this one: its links and limits.
    Those are not fitted, but some were set by hand with all tables in view."""
    preset, other = PRESETS[table.gpu]
    return program.blend(preset, other)


def base_of(known, table, program):
    """What a table's structure is taken from: never the table itself."""
    others = siblings(known, table)
    if len(others) < 3:
        if is_fitted(table):
            return stranger_of(table, program), PRESETS[table.gpu][1]
        return board_of(table, program), PRESETS[table.gpu][0]
    file, _ = program.calibrate(others, stranger_of(table, program))
    return file, f"{len(others)} other tables of {table.gpu}, {table.software}"


def interpolate(known, table, program):
    points = table.clean()
    six = six_of(points)
    left = [point for point in points if point not in six]
    base, base_name = base_of(known, table, program)
    file, found = program.calibrate([(table, six)], base)
    return Result(table, base_name, found["parameters"], left, program.predict(table, left, file),
                  [alpha_beta(six)(p.bytes) for p in left], [piecewise(six)(p.bytes) for p in left])


def usable(table):
    return (table.collective in KINDS and table.gpu in PRESETS and table.tests() and
            len(table.clean()) >= 10 and not table.algorithm.startswith("MSCCL"))


def groups(known):
    """Tables of one GPU, source and software: what calibrates together."""
    found = {}
    for table in known:
        if usable(table):
            found.setdefault((table.gpu, table.source, table.software), []).append(table)
    return list(found.items())


def transfer_result(program, source, target, base, name):
    file, found = program.calibrate([(t, t.clean()) for t in source], base)
    points = target.clean()
    predicted = program.predict(target, points, file)
    return Result(target, name, found["parameters"], points, predicted, None, None)


def transfer_to_eight(known, program):
    results = []
    for (gpu, _, software), group in groups(known):
        for target in group:
            if target.gpus != 8 or target.nodes != 1:
                continue
            source = [t for t in group if t.gpus in (2, 4)]
            if len({t.gpus for t in source}) < 2:
                continue
            base = stranger_of(target, program)
            results.append(transfer_result(program, source, target, base,
                                           f"2 and 4 GPUs, {software}"))
    return Section("Calibrated on 2 and 4 GPUs, 8 predicted", results)


def transfer_to_all_reduce(known, program):
    """Where all_reduce runs on a ring: up to four ranks, or where there is no NVLS."""
    results = []
    for (gpu, _, software), group in groups(known):
        source = [t for t in group if t.collective in ("all_gather", "reduce_scatter")]
        for target in group:
            ring = target.gpus <= 4 or gpu in ("A100 SXM", "RTX PRO 6000")
            if target.collective == "all_reduce" and ring and len(source) >= 2:
                base = stranger_of(target, program)
                results.append(transfer_result(program, source, target, base,
                                               f"all_gather and reduce_scatter, {software}"))
    return Section("Calibrated on all_gather and reduce_scatter, ring all_reduce predicted",
                   results)


def nic_rate(table):
    """GB/s, as a test of the network alone would tell: from the largest size. On a tree a node of
    half the ranks sends each byte once, on a ring nearly twice."""
    last = table.clean()[-1]
    ring = table.gpu == "A100 SXM" or table.gpus == table.nodes
    times = 2 * (table.gpus - 1) / table.gpus if ring else 1
    return round(times * last.bytes / last.us / 1e3 / (table.gpus // table.nodes), 3)


# Whose largest size the links of the nodes decide, so that it does not tell the rate of a NIC: two
# racks with a 400 Gbit/s NIC for each GPU.
LINKS_DECIDE = ("cw-144gb200",)
# How the environment of a table restricts NCCL. The scripts that bring this transport set
# NCCL_ALGO=Ring,Tree, NCCL_PROTO=Simple and NCCL_NVLS_ENABLE=0.
RESTRICTED = {"gcp-a3mega-2x8h100": (
    "Simple on rings and trees only",
    {"choice": "{ll_two_nodes_GBps: 0, ll128_GBps: 0, nvls_tree_two_nodes_GBps: 0}"})}


def transfer_to_nodes(known, program):
    """Presets were fitted on one node; of the network they know the rate of a NIC."""
    results = []
    for table in known:
        if table.nodes != 2 or table.gpu not in PRESETS or table.collective not in KINDS or \
                not table.tests() or table.algorithm.startswith("MSCCL"):
            continue
        preset, points = preset_of(table), table.clean()
        if table.id in LINKS_DECIDE:
            results.append(Result(table, f"{preset}, its NICs", 0, points,
                                  program.predict(table, points, preset), None, None))
            continue
        rate = nic_rate(table)
        note, nccl = RESTRICTED.get(table.id, ("", {}))
        file = program.variant(preset, {"node": {"nic_GBps": rate}, "nccl": nccl})
        predicted = program.predict(table, points, file)
        name = f"{preset}, {rate:.4g} GB/s a NIC" + (f", {note}" if note else "")
        results.append(Result(table, name, 0, points[:-1], predicted[:-1], None, None))
    return Section("Calibrated on one node, two nodes predicted from the rate of a NIC", results)


def fitted_to(known, program):
    """The tables that presets were fitted to: how well they fit."""
    results = []
    for table in known:
        if is_fitted(table) and table.collective in KINDS:
            points = table.clean()
            results.append(Result(table, preset_of(table), 0, points,
                                  program.predict(table, points, preset_of(table)), None, None))
    return Section("Presets on the tables that they were fitted to", results)


def validate_presets(known, program):
    """Tables of sources, GPUs and launch styles that no preset was fitted to."""
    results, unmatched = [], []
    for table in known:
        if is_fitted(table) or table.nodes == 2:
            continue
        if table.gpu not in PRESETS or table.collective not in KINDS or \
                table.algorithm.startswith("MSCCL"):
            unmatched.append(table)
            continue
        points = table.clean()
        if not points:
            continue
        launch = "nccl-tests" if table.tests() else "eager"
        algorithm = {"Ring": "ring", "NVLS": "nvls"}.get(table.algorithm.split(" ")[0], "")
        if " " in table.algorithm:
            algorithm = ""
        predicted = program.predict(table, points, board_of(table, program), launch, algorithm)
        results.append(Result(table, preset_of(table), 0, points, predicted, None, None))
    return Section("Presets on tables that none was fitted to", results), unmatched


def validate(known, doubtful, program):
    interpolation = [interpolate(known, table, program) for table in known if usable(table)]
    presets, unmatched = validate_presets(known, program)
    noisy = [(table, [p for p in table.points if p.flag]) for table in known
             if any(p.flag for p in table.points)]
    return Findings(Section("Interpolation", interpolation),
                    [transfer_to_eight(known, program), transfer_to_all_reduce(known, program),
                     transfer_to_nodes(known, program)],
                    presets, fitted_to(known, program), doubtful, noisy, unmatched)

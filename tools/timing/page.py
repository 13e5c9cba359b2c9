"""docs/validation/timing.md from what was found."""

import subprocess
import sys

from collectives import FITTED_SOURCE, LINKS, PRESETS, is_fitted

# Errors that stay, by the beginning of a table's id and collective: what is known of why.
REASONS = (
    ("gcp-a3mega-2x8h100", "GPUDirect-TCPXO: the network's transport is TCP. A call of 8 bytes "
     "takes 123 us where InfiniBand and RoCE take 43 to 49; a rate of the NIC does not tell that."),
    ("dranet-2h200-1nic", "One rank a node: which protocol NCCL takes across the network depends "
     "on rates of its topology search that this table does not say."),
    ("aic-b200_sxm-nccl2.27.5", "NCCL 2.27 takes LL128 on Blackwell where 2.29 does not "
     "(all_reduce of 8 MiB on four GPUs 48 us against 85 us), and LL with "
     "more channels for all-to-all; the preset is of 2.29."),
    ("nccl2094-8h100-small", "A report of a fault: 35 us for 1 KiB, against 16 us elsewhere on the "
     "same GPUs; one thread launches on eight GPUs."),
    ("azure-nd_a100_v4", "Below 1 MiB NCCL 2.18 takes twice as long as 2.27 on the same GPUs."),
    ("cw-1440gb200", "Twenty racks: neither the oversubscription of the network between them nor "
     "the number of NICs a rack is published; the preset assumes neither."),
    ("simllm-a100", "A board on which two GPUs have four NVLinks; its rate is scaled from twelve."),
    ("aic-rtx_pro_6000", "PCIe: LL gets slower with the number of ranks (14, 12 and 6 GB/s for 2, "
     "4 and 8), because rings cross the sockets; the model has one rate."),
    ("vidur", "Kernel times of a profiler, in whole microseconds and of 2023; not a call's."),
    ("stas-8b200", "torch.distributed, blocking: what a call of the framework costs varies."),
)
WORST = 10


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def errors(result, which):
    return [abs(guess / point.us - 1) for guess, point in zip(getattr(result, which),
                                                              result.points)]


def all_errors(results, which="predicted"):
    return [error for result in results for error in errors(result, which)]


def percent(value):
    return f"{100 * value:.1f}"


def size(count):
    for unit, scale in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= scale and count % scale == 0:
            return f"{count // scale} {unit}"
    return f"{count} B"


def name_of(table):
    where = f"{table.gpus} GPUs" if table.nodes == 1 else f"{table.gpus} GPUs, {table.nodes} nodes"
    return f"{table.id} ({table.gpu}, {table.collective}, {where})"


def row(*cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def goal_row(goal, section, median, high):
    found = all_errors(section.results)
    tables = len({result.table for result in section.results})
    met = quantile(found, 0.5) <= median and (high is None or quantile(found, 0.95) <= high)
    limit = f"{100 * median:g} / " + (f"{100 * high:g}" if high else "-")
    return row(goal, tables, len(found), limit, percent(quantile(found, 0.5)),
               percent(quantile(found, 0.95)), "yes" if met else "**no**")


def summary(found):
    lines = ["## Summary", "", "Errors are |predicted / measured - 1| in percent, over all points.",
             "", row("what", "tables", "points", "goal: median / 95th", "median", "95th", "met"),
             row(*["--"] * 7),
             goal_row("interpolation: six sizes in, the others out", found.interpolation, 0.04,
                      0.2)]
    results = found.interpolation.results
    for name, which in (("the same by an alpha-beta line", "line"),
                        ("the same by straight lines between the six", "pieces")):
        wrong = all_errors(results, which)
        lines.append(row(name, "", len(wrong), "", percent(quantile(wrong, 0.5)),
                         percent(quantile(wrong, 0.95)), ""))
    for section in found.transfers:
        lines.append(goal_row("transfer: " + section.name[0].lower() + section.name[1:], section,
                              0.12, 0.35))
    lines.append(goal_row("presets on what none was fitted to", found.presets, 0.2, None))
    return lines


def fitted_text(found):
    lines = ["## What presets were fitted to", "",
             f"Tables of {FITTED_SOURCE}, run in the style of nccl-tests without a graph. All "
             "other tables were not used.", "", row("preset", "tables"), row("--", "--")]
    tables = [result.table for result in found.interpolation.results]
    for gpu, (preset, _) in PRESETS.items():
        used = [t for t in tables if t.gpu == gpu and is_fitted(t)]
        if used:
            software = ", ".join(sorted({t.software for t in used}))
            counts = ", ".join(f"{c} on {'/'.join(str(g) for g in gpus)}" for c, gpus in
                               _by_collective(used))
            lines.append(row(f"`{preset}`", f"{gpu}, {software}: {counts} GPUs"))
    lines += ["", "GPUs without a preset are predicted by the nearest, with the rate of their own "
              "links: " + ", ".join(f"{gpu} {PRESETS[gpu][0]} at {link} GB/s"
                                    for gpu, link in LINKS.items()) + "."]
    return lines


def _by_collective(tables):
    names = sorted({table.collective for table in tables})
    return [(name, sorted({t.gpus for t in tables if t.collective == name})) for name in names]


def interpolation_text(section):
    lines = ["## Interpolation", "",
             "Six sizes of a table are given: the smallest, the largest, and those nearest to four "
             "even steps between them in the logarithm. At most three constants are fitted to "
             "them. The rest of the structure is of a base that never saw the table: the "
             "other tables of the same GPU and source, or, where there are fewer than three, "
             "the preset of that "
             "GPU, fitted to another source, or of another GPU. Noise is the median of (slowest - "
             "fastest) / median over repeats. Errors: median / 95th percentile.", "",
             row("table", "base", "fitted", "noise", "Lockstep", "alpha-beta", "straight lines"),
             row(*["--"] * 7)]
    for result in section.results:
        cells = [f"{percent(quantile(errors(result, which), 0.5))} / "
                 f"{percent(quantile(errors(result, which), 0.95))}"
                 for which in ("predicted", "line", "pieces")]
        lines.append(row(name_of(result.table), result.base, result.fitted,
                         percent(result.table.noise()), *cells))
    return lines


def section_text(section, note):
    lines = [f"## {section.name}", "", note, "",
             row("table", "by", "fitted", "points", "median", "95th"), row(*["--"] * 6)]
    for result in section.results:
        wrong = errors(result, "predicted")
        lines.append(row(name_of(result.table), result.base, result.fitted or "-", len(wrong),
                         percent(quantile(wrong, 0.5)), percent(quantile(wrong, 0.95))))
    return lines


def worst_text(section):
    """The worst point of each of the worst tables."""
    worst = []
    for result in section.results:
        triples = list(zip(errors(result, "predicted"), result.points, result.predicted))
        if triples:
            worst.append((max(triples, key=lambda triple: triple[0]), result.table))
    worst.sort(key=lambda entry: (-entry[0][0], entry[1].id))
    lines = ["", f"The worst point of the {WORST} worst tables:", "",
             row("table", "size", "measured us", "predicted us", "error"), row(*["--"] * 5)]
    for (error, point, guess), table in worst[:WORST]:
        lines.append(row(name_of(table), size(point.bytes), f"{point.us:.1f}", f"{guess:.1f}",
                         percent(error)))
    return lines


def reasons_text(found):
    sections = [found.interpolation, *found.transfers, found.presets]
    ids = {result.table.id for section in sections for result in section.results}
    lines = ["## Errors that stay, and why", ""]
    for prefix, reason in REASONS:
        if any(name.startswith(prefix) for name in ids):
            lines.append(f"- `{prefix}`: {reason}")
    lines += ["- All-to-all of 16 MiB takes a fifth to a quarter longer than sizes on both sides "
              "suggest, on every NVLink machine: a step of NCCL's chunk sizes that is not "
              "modelled.",
              "- The floors of LL rise by up to a microsecond between 8 and 32 KiB and between "
              "repeats; the model rises linearly until a channel is full."]
    return lines


def left_out_text(found):
    lines = ["## Left out", "", "Tables whose source or whose figures are doubtful:", ""]
    for table in found.doubtful:
        flag = next(point.flag for point in table.points if point.flag)
        lines.append(f"- {name_of(table)}: {flag}")
    lines += ["", "Points that vary by more than 30 % between repeats, or were rounded:", ""]
    for table, points in found.noisy:
        lines.append(f"- {name_of(table)}: {len(points)} of {len(table.points)} points")
    lines += ["", "Other libraries, or GPUs that no preset is near:", ""]
    lines += [f"- {name_of(table)}" for table in found.unmatched]
    return lines


def other_section(root, script, title, arguments):
    """What another script says, its headings one level down; a line where there is no script."""
    path = root / "tools" / script
    if not path.exists():
        return [f"## {title}", "", f"`tools/{script}` is not there."]
    command = [sys.executable, str(path), "--data", str(arguments.data), "--lockstep",
               str(arguments.lockstep)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        print(f"{' '.join(command)}\n{done.stderr}", file=sys.stderr)
        return [f"## {title}", "", f"`tools/{script}` failed."]
    lines = ["#" + line if line.startswith("#") else line for line in done.stdout.splitlines()]
    return lines


def render(found, root, arguments):
    two_nodes = ("Constants are those of the preset, all of one node; the rate of one NIC is read "
                 "off the largest size, which is not counted.")
    lines = ["# Timing: predicted and measured", "",
             "Generated by `tools/validate_timing --data DIR` from published measurements; do not "
             "edit. docs/cost_models_nccl.md derives the formulas.", ""]
    lines += summary(found) + [""] + fitted_text(found) + [""]
    lines += interpolation_text(found.interpolation) + [""]
    for section, note in zip(found.transfers,
                             ("The base has the constants of another GPU, and of this one what "
                              "NCCL itself believes.", "As above. Up to four GPUs, and where "
                              "there is no NVLS, all_reduce runs on a ring.", two_nodes)):
        lines += section_text(section, note) + worst_text(section) + [""]
    lines += section_text(found.presets, "Other sources, GPUs, versions and launch styles than "
                          "those that presets were fitted to; nothing is fitted here.")
    lines += worst_text(found.presets) + [""] + reasons_text(found) + [""]
    lines += left_out_text(found) + [""]
    lines += other_section(root, "validate_kernels.py", "Kernels", arguments) + [""]
    lines += other_section(root, "validate_serving_collectives.py", "Serving collectives",
                           arguments)
    return "\n".join(lines).rstrip() + "\n"

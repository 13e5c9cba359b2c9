"""The page's sections on collectives of NCCL."""

from collectives import FITTED_SOURCE, LINKS, PRESETS, is_fitted
from text import errors, name_of, percent, quantile, row, size

WORST = 10


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

"""Asking Lockstep for times of collectives, and errors of its answers and of two baselines."""

import json
import math
import subprocess
import sys

PRESETS = {"A100 SXM": "hgx-a100", "H100 SXM": "hgx-h100", "H200 SXM": "hgx-h200",
           "H100/H200": "hgx-h200", "B200": "hgx-b200", "B300": "hgx-b300",
           "GB200": "gb200-nvl72", "GB300": "gb200-nvl72", "Hopper": "hgx-h100"}
MIB = 1024 * 1024


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

"""Published tables of collectives, and the program that predicts them."""

import csv
import json
import math
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

# As nccl-tests prints them.
PERF = {"all_reduce": "all_reduce_perf", "all_gather": "all_gather_perf",
        "reduce_scatter": "reduce_scatter_perf", "alltoall": "alltoall_perf",
        "broadcast": "broadcast_perf", "reduce": "reduce_perf", "sendrecv": "sendrecv_perf"}
# A node is what one NVLink network joins: a rack of these, not a host of four.
RACKS = {"GB200": 72, "GB300": 72}
SUMS = {"all_reduce", "reduce_scatter", "reduce"}


@dataclass(frozen=True)
class Point:
    bytes: int
    us: float
    least: float
    most: float
    flag: str


@dataclass(frozen=True)
class Table:
    id: str
    gpu: str
    gpus: int
    nodes: int
    collective: str
    algorithm: str
    launch: str
    software: str
    source: str
    points: tuple = field(default=())

    def clean(self):
        return [point for point in self.points if not point.flag]

    def noise(self):
        """Median of (most - least) / median over repeats; 0: measured once."""
        spreads = sorted((p.most - p.least) / p.us for p in self.clean())
        return spreads[len(spreads) // 2] if spreads else 0.0

    def tests(self):
        """Launched as nccl-tests does: no framework between the calls."""
        return not any(word in self.launch for word in ("torch", "profiler"))


def read(path):
    """Tables by id, in the order of the file; and those with a doubtful row, apart."""
    rows = {}
    with open(path, newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            rows.setdefault(row["table_id"], []).append(row)
    known, doubtful = [], []
    for name, group in rows.items():
        # One id, several numbers of GPUs, collectives or algorithms: each is a table of its own.
        parts = {}
        for row in group:
            key = int(row["gpus"]), row["collective"], row["algo_if_known"]
            parts.setdefault(key, []).append(row)
        for key in sorted(parts):
            table = _table(name, parts[key])
            bad = any(row.flag.startswith("doubtful") for row in table.points)
            (doubtful if bad else known).append(table)
    return known, doubtful


def _table(name, rows):
    first = rows[0]
    points = []
    for row in rows:
        us = float(row["time_us_out_of_place"])
        least = float(row["time_us_min"] or us)
        most = float(row["time_us_max"] or us)
        points.append(Point(int(float(row["bytes"])), us, least, most, row["flag"]))
    points.sort(key=lambda point: point.bytes)
    gpus, nodes = int(first["gpus"]), int(first["nodes"])
    if first["gpu"] in RACKS:
        nodes = math.ceil(gpus / RACKS[first["gpu"]])
    return Table(name, first["gpu"], gpus, nodes, first["collective"], first["algo_if_known"],
                 first["launch"], first["software"], first["source"], tuple(points))


def log(table, points):
    """What nccl-tests would have printed."""
    lines = [f"# Collective test starting: {PERF[table.collective]}",
             "# nThread 1 nGpus 1 minBytes 8 maxBytes 8589934592 step: 2(factor) graph: 0",
             "# Using devices"]
    per_node = table.gpus // table.nodes
    for rank in range(table.gpus):
        lines.append(f"#  Rank {rank:2d} Group  0 Pid {1000 + rank} on "
                     f"node{rank // per_node} device {rank % per_node} [0x00] {table.gpu}")
    factor = {"all_reduce": 2 * (table.gpus - 1) / table.gpus}.get(
        table.collective, 1 if table.collective in ("broadcast", "reduce", "sendrecv")
        else (table.gpus - 1) / table.gpus)
    lines.append("#       size         count      type   redop    root     time   algbw   busbw "
                 "#wrong     time   algbw   busbw #wrong")
    operation = "sum" if table.collective in SUMS else "none"
    for point in points:
        rate = point.bytes / point.us / 1e3
        figures = f"{point.us} {rate:.2f} {rate * factor:.2f} 0"
        lines.append(f"{point.bytes} {point.bytes // 2} half {operation} -1 {figures} {figures}")
    return "\n".join(lines) + "\n"


def _block(lines, head, indent):
    """The line `head` and what is indented below it."""
    start = lines.index(head)
    end = start + 1
    while end < len(lines) and lines[end].startswith(" " * (indent + 1)):
        end += 1
    return lines[start:end]


class Program:
    """The built `lockstep`, and a folder for what it reads and writes."""

    def __init__(self, binary, folder):
        self.binary, self.folder, self.count = binary, folder, 0
        self.kept = {}

    def _run(self, arguments):
        done = subprocess.run([str(self.binary), *arguments], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{self.binary} {' '.join(arguments)}\n{done.stderr}")
        return json.loads(done.stdout)

    def calibrate(self, measured, base):
        """`measured`: pairs of a table and its points. A hardware file, and what was fitted."""
        key = (tuple((t.id, t.gpus, tuple(p.bytes for p in points)) for t, points in measured),
               str(base))
        if key not in self.kept:
            logs = []
            for table, points in measured:
                self.count += 1
                logs.append(self.folder / f"{self.count}.log")
                logs[-1].write_text(log(table, points))
            file = self.folder / f"fit{self.count}.yaml"
            found = self._run(["calibrate", *map(str, logs), "--base", str(base), "--output",
                               str(file), "--json", "-"])
            self.kept[key] = file, found
        return self.kept[key]

    def _write(self, text):
        self.count += 1
        file = self.folder / f"board{self.count}.yaml"
        file.write_text("lockstep_hardware: 1\nname: board\nabout: a variant\n"
                        "accuracy: unknown\n" + text)
        return file

    def variant(self, preset, constants):
        """A preset with other constants, by group: {"node": {"link_GBps": 80}, "nccl": {}}."""
        text = f"generation: none\nbase: {preset}\n"
        sources = "sources:\n"
        for group, values in constants.items():
            if not values:
                continue
            text += f"{group}:\n"
            for name, value in values.items():
                text += f"  {name}: {value}\n"
                sources += f"  {group}.{name}: validation\n"
        return self._write(text + sources)

    def blend(self, preset, other):
        """The constants of `other`, but the node and nccl.choice of `preset`."""
        base = Path(__file__).resolve().parents[2] / "scenarios/hardware" / f"{preset}.yaml"
        lines = base.read_text().splitlines()
        choice = _block(lines, "  choice:", 2)
        link = [line for line in _block(lines, "nccl:", 0) if line.startswith("  link_GBps")]
        text = f"generation: none\nbase: {other}\nnode:\n" + "\n".join(link) + "\nnccl:\n"
        text += "\n".join(link) + "\n" + "\n".join(choice) + "\n"
        return self._write(text + "sources:\n  node: validation\n  nccl: validation\n")

    def predict(self, table, points, hardware, launch="nccl-tests", algorithm=""):
        """us of each point."""
        kind = {"alltoall": "all_to_all"}.get(table.collective, table.collective)
        arguments = ["collective", kind, "--ranks", str(table.gpus), "--nodes", str(table.nodes),
                     "--sizes", ",".join(str(point.bytes) for point in points), "--hardware",
                     str(hardware), "--launch", launch, "--library", "nccl", "--json", "-"]
        if algorithm:
            arguments += ["--algorithm", algorithm]
        return [row["time_us"] for row in self._run(arguments)["rows"]]

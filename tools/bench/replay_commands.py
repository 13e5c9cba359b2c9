#!/usr/bin/env python3
"""Times whole `lockstep replay` commands, each run a new process, and prints markdown: median and
best of wall time, median of processor time, and peak memory. A table of docs/performance.md.

    tools/bench/replay_commands.py [--runs 5] [--full-size-runs 1]

The scenario is Kimi K2.6 at 24785^ (violated, so that 1 is the exit code of a success), cut to few
layers. Processor time is of all processes together, peak memory that of the largest one. Needs an
optimised build in build/, or in LOCKSTEP_BUILD_DIR. Standard library only.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCKSTEP = ROOT / os.environ.get("LOCKSTEP_BUILD_DIR", "build") / "tools/lockstep"
SCENARIO = ROOT / "scenarios/bugs/sglang/24785-kimi-k2.6-dep8-before.yaml"
DIVERGES = 1


@dataclass(frozen=True)
class Run:
    wall: float       # seconds
    processor: float  # seconds, of the command and all that it waited for
    memory: float     # MiB, of the largest process


def replay(settings, options):
    command = [str(LOCKSTEP), "replay", str(SCENARIO), "--quiet", *options]
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    start = time.perf_counter()
    child = subprocess.Popen(command)
    _, status, used = os.wait4(child.pid, 0)
    wall = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != DIVERGES:
        sys.exit(f"replay_commands.py: {' '.join(command)} ended with {child.returncode}, "
                 f"expected {DIVERGES}: diverges")
    return Run(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def seconds(value):
    return f"{value * 1e3:.0f} ms" if value < 1 else f"{value:.1f} s"


def row(what, runs, settings, options):
    if runs == 0:
        return
    done = [replay(settings, options) for _ in range(runs)]
    wall = [run.wall for run in done]
    print(f"| {what} | {seconds(statistics.median(wall))} ({seconds(min(wall))}) | "
          f"{seconds(statistics.median(run.processor for run in done))} | "
          f"{max(run.memory for run in done):.0f} MiB | {runs} |", flush=True)


def wide(ranks):
    """As many ranks, with 1 to 12 tokens each."""
    tokens = [1 + rank % 12 for rank in range(ranks)]
    return {"parallel.tp_size": ranks, "parallel.dp_size": ranks, "parallel.ep_size": ranks,
            "batch.tokens": str(tokens).replace(" ", "")}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--full-size-runs", type=int, default=1)
    given = parser.parse_args()
    three = {"model.num_hidden_layers": 3}
    four = {"model.num_hidden_layers": 4} | wide(64)
    print("| what | wall, median (best) | processor time | peak memory of a process | runs |")
    print("|---|---|---|---|---|")
    for backend in ("cpu", "process"):
        for dtype in ("float32", "bfloat16"):
            row(f"three layers, 8 ranks, `{backend}`, {dtype}", given.runs, three,
                ["--backend", backend, "--dtype", dtype])
    row("four layers, 64 ranks, `cpu`, float32", given.runs, four, ["--backend", "cpu"])
    row("four layers, 64 ranks, `process`, float32: 64 processes and the observer", given.runs,
        four, ["--backend", "process"])
    row("three layers, 8 ranks, `cpu`, float32, full size", given.full_size_runs, three,
        ["--full-size"])


if __name__ == "__main__":
    main()

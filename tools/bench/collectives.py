#!/usr/bin/env python3
"""Collectives of the process backend beside Open MPI's, on this machine, in the same run.

    tools/bench/collectives.py [--members 4,8] [--rounds 3] [--effort 1] [--largest BYTES]
                               [--mpirun "--bind-to none ..."]

Runs lockstep_collectives and mpi_collectives in turn, the one first and then the other, and prints
markdown: the section of docs/performance.md that the machine fills. Times are medians over the
repetitions of all rounds. Needs an optimised build of both in build/, or in LOCKSTEP_BUILD_DIR:

    cmake --build build --target lockstep_collectives mpi_collectives

Without Open MPI the table has our times only. Standard library only.
"""

import argparse
import collections
import datetime
import json
import os
import re
import shlex
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("LOCKSTEP_BUILD_DIR", "build")
KINDS = ("all_reduce", "all_gather", "reduce_scatter", "all_to_all")
# --oversubscribe: more processes than cores are no error. Root is refused elsewhere.
MPIRUN = ["mpirun", "--oversubscribe", "--allow-run-as-root"]
OURS, PEER = "ours", "Open MPI"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--members", default="4,8", help="numbers of processes")
    parser.add_argument("--rounds", type=int, default=3, help="how often both are run")
    parser.add_argument("--effort", type=float, default=1, help="times as many repetitions")
    parser.add_argument("--largest", type=int, default=64 << 20, help="bytes")
    parser.add_argument("--mpirun", default="", help="further arguments of mpirun")
    given = parser.parse_args()
    given.members = [int(n) for n in given.members.split(",")]
    return given


def run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"collectives.py: {shlex.join(map(str, command))} ended with {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])["cases"]


def measure(given, has_peer):
    """Median times by (who, members, collective, bytes)."""
    times = collections.defaultdict(list)
    common = ["--json", "--effort", str(given.effort), "--largest", str(given.largest)]
    for number in range(given.rounds):
        for members in given.members:
            peer = [*MPIRUN, *shlex.split(given.mpirun), "-np", str(members),
                    str(BUILD / "tools/bench/mpi_collectives"), *common]
            ours = [str(BUILD / "tools/bench/lockstep_collectives"), "--members", str(members),
                    *common]
            both = [(OURS, ours)] + ([(PEER, peer)] if has_peer else [])
            for who, command in both if number % 2 == 0 else reversed(both):
                print(f"round {number + 1} of {given.rounds}: {members} processes, {who}",
                      file=sys.stderr)
                for case in run(command):
                    key = (who, case["members"], case["collective"], case["bytes"])
                    times[key] += case["microseconds"]
    return {key: statistics.median(values) for key, values in times.items()}


def size_text(size):
    for unit, name in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= unit:
            return f"{size // unit} {name}"
    return f"{size} B"


def milliseconds(microseconds):
    value = microseconds / 1e3
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def cell(medians, members, kind, size):
    ours = medians[OURS, members, kind, size]
    peer = medians.get((PEER, members, kind, size))
    if peer is None:
        return milliseconds(ours)
    return f"{milliseconds(ours)} / {milliseconds(peer)} ({ours / peer:.2g})"


def machine():
    """(cores that this process may use, the processor's name)"""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    name = re.search(r"model name\s*:\s*(.*)", text)
    return len(os.sched_getaffinity(0)), name.group(1) if name else "an unknown processor"


def version_of_peer():
    text = subprocess.run(["mpirun", "--version"], stdout=subprocess.PIPE, text=True, check=False)
    return text.stdout.splitlines()[0].replace("mpirun (Open MPI)", "Open MPI")


def print_tables(given, medians, has_peer):
    cores, name = machine()
    print(f"Measured on {datetime.date.today()}, {cores} cores ({name}), float32; medians of "
          f"{given.rounds} rounds. Milliseconds: ours"
          + (f" / {version_of_peer()} (ours divided by its). "
             f"`{shlex.join([*MPIRUN, *shlex.split(given.mpirun)])}`" if has_peer else "") + ".")
    for members in given.members:
        crowded = ", more than cores" if members > cores else ""
        print(f"\n| {members} processes{crowded} | " + " | ".join(f"`{k}`" for k in KINDS) + " |")
        print("|---" * (len(KINDS) + 1) + "|")
        sizes = sorted({size for who, n, _, size in medians if n == members})
        for size in sizes:
            cells = [cell(medians, members, kind, size) for kind in KINDS]
            print(f"| {size_text(size)} | " + " | ".join(cells) + " |")


def main():
    given = arguments()
    has_peer = (BUILD / "tools/bench/mpi_collectives").exists() and shutil.which("mpirun")
    if not has_peer:
        print("collectives.py: no mpi_collectives or no mpirun: ours alone", file=sys.stderr)
    medians = measure(given, has_peer)
    print_tables(given, medians, has_peer)


if __name__ == "__main__":
    main()

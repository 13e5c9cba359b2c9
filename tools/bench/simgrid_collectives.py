#!/usr/bin/env python3
"""Collectives in simulated time beside SimGrid's, whole processes, on this machine, in one run.

    tools/bench/simgrid_collectives.py [--runs 5] [--peer-limit 600]

Runs lockstep_exchange and simgrid_collectives in turn and prints a markdown table: median processor
time, wall time and peak memory of the process, and the simulated time. Needs an optimised build of
both in build/, or in LOCKSTEP_BUILD_DIR:

    tools/install_packages --peers
    cmake --build build --target lockstep_exchange simgrid_collectives

Without SimGrid the table has ours only. SimGrid is run as users of collectives run it, without its
corrections for TCP (network model CM02, no window), twice: with its usual precision, and with the
one that more digits need. Standard library only.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("LOCKSTEP_BUILD_DIR", "build") / "tools" / "bench"
OURS, PEER = BUILD / "lockstep_exchange", BUILD / "simgrid_collectives"
# (arguments, does the peer have it)
CASES = (("ring 512", True), ("ring 512 --seed 1", False), ("ring 4096", False),
         ("ring 4096 --seed 1", False), ("all-to-all 512", True), ("all-to-all 1024", False),
         ("pairwise 512", False), ("uneven 64 --seed 1", False), ("uneven 128 --seed 1", False))
MODEL = ["--log=root.thresh:warning", "--cfg=network/model:CM02", "--cfg=network/crosstraffic:0",
         "--cfg=network/TCP-gamma:0", "--cfg=contexts/stack-size:32"]
PRECISE = ["--cfg=surf/precision:1e-12", "--cfg=maxmin/precision:1e-9"]


def run_once(command, limit):
    """(processor seconds, wall seconds, peak MiB, the last line), or None: over the limit."""
    begin = time.monotonic()
    # A small helper of the system starts it, so that its peak is not this interpreter's.
    whole = ["/usr/bin/env", "timeout", str(limit), *map(str, command)]
    process = subprocess.Popen(whole, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               close_fds=False)  # with vfork: the child's peak starts at its own
    out, err = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    process.returncode = code
    if code == 124:
        return None
    if code != 0:
        sys.exit(f"simgrid_collectives.py: {' '.join(map(str, command))} ended with {code}\n{err}")
    return (usage.ru_utime + usage.ru_stime, time.monotonic() - begin, usage.ru_maxrss / 1024,
            out.splitlines()[-1])


def measure(command, given):
    runs = []
    for _ in range(given.runs):
        once = run_once(command, given.peer_limit)
        if once is None:
            return f"over {given.peer_limit} s | | |"
        runs.append(once)
    cpu, wall, memory = (statistics.median(r[i] for r in runs) for i in range(3))
    return f"{cpu:.3f} s | {wall:.3f} s | {memory:.0f} MiB | {runs[0][3].split()[1]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--peer-limit", type=int, default=600, help="seconds a run")
    given = parser.parse_args()
    if not OURS.exists():
        sys.exit(f"simgrid_collectives.py: {OURS} is missing; cmake --build build --target "
                 "lockstep_exchange")
    if not PEER.exists():
        print("SimGrid is left out: simgrid_collectives was not built (libsimgrid-dev)",
              file=sys.stderr)
    print("| case | who | processor | wall | peak | simulated us |\n|---|---|---|---|---|---|")
    for case, has_peer in CASES:
        print(f"| {case} | Lockstep | {measure([OURS, *case.split()], given)} |", flush=True)
        if has_peer and PEER.exists():
            for name, extra in (("SimGrid", []), ("SimGrid, precise", PRECISE)):
                row = measure([PEER, *case.split(), *MODEL, *extra], given)
                print(f"| {case} | {name} | {row} |", flush=True)


if __name__ == "__main__":
    main()

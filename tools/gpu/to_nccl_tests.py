#!/usr/bin/env python3
"""Turns a replay's measured collectives into tables of nccl-tests, for `lockstep calibrate`.

    tools/gpu/to_nccl_tests.py replay.json OUT_DIR

`replay.json` is what `lockstep replay ... --backend nccl --json` wrote of a scenario of
collective_plan.py. A file KIND_perf.log for each kind; its ranks stand on a host each where they
share a GPU, as NCCL sees them, else on one. Only powers of two are written: the sizes between them
are held out. `--self-check` checks that.
"""

import argparse
import json
import pathlib
import re

NAME = re.compile(r"^(all_reduce|all_gather|reduce_scatter|all_to_all|broadcast)_(\d+)$")
PROGRAM = {"all_to_all": "alltoall"}  # as nccl-tests calls it


def measured_collectives(replay):
    """{kind: {bytes: {median_us, low_us, high_us}}} of a replay's JSON."""
    replay = replay[0] if isinstance(replay, list) else replay
    found = {}
    for operation in replay["gpu"]["measured"]["operations"]:
        match = NAME.match(operation["name"])
        if match:
            found.setdefault(match[1], {})[int(match[2])] = operation["time"]
    return found


def ranks_of(replay):
    replay = replay[0] if isinstance(replay, list) else replay
    return len(replay["gpu"]["peak_bytes"])


def sharing_of(replay):
    """"none": a GPU for each rank; "mps", "time-slices"."""
    replay = replay[0] if isinstance(replay, list) else replay
    return replay["gpu"]["sharing"]


def hosts_of(replay):
    """The host of each rank, and its device there."""
    ranks = range(ranks_of(replay))
    if sharing_of(replay) == "none":
        return [("one", rank) for rank in ranks]
    return [(f"loopback-{rank}", 0) for rank in ranks]


def is_fitted(size):
    return size & (size - 1) == 0


def table(kind, hosts, times):
    ranks = len(hosts)
    reduces = kind in ("all_reduce", "reduce_scatter")
    text = [f"# Collective test starting: {PROGRAM.get(kind, kind)}_perf",
            f"# nThread 1 nGpus 1 minBytes {min(times)} maxBytes {max(times)}"]
    text += [f"#  Rank {rank:2} Group  0 Pid {1000 + rank} on {host} device {device:2} [0x00] GPU"
             for rank, (host, device) in enumerate(hosts)]
    text.append("#       size  count  type  redop  root  time  algbw  busbw  #wrong")
    for size, time in sorted(times.items()):
        us = time["median_us"]
        rate = size / us / 1e3
        figures = f"{us:.2f} {rate:.6f} {rate * bus_factor(kind, ranks):.6f} 0"
        text.append(f"{size} {size // 2} bfloat16 {'sum' if reduces else 'none'} -1 "
                    f"{figures} {figures}")
    return "\n".join(text) + "\n"


def bus_factor(kind, ranks):
    if kind == "broadcast":
        return 1
    return (2 if kind == "all_reduce" else 1) * (ranks - 1) / ranks


def self_check():
    operations = [{"name": f"all_reduce_{size}", "time": {"median_us": 100.0}}
                  for size in (4096, 6144, 8192)] + [{"name": "norm", "time": {}}]
    replay = {"gpu": {"peak_bytes": [1, 1], "sharing": "mps",
                      "measured": {"operations": operations}}}
    found = measured_collectives([replay])
    assert list(found) == ["all_reduce"] and sorted(found["all_reduce"]) == [4096, 6144, 8192]
    assert ranks_of(replay) == 2
    assert hosts_of([replay]) == [("loopback-0", 0), ("loopback-1", 0)]
    replay["gpu"]["sharing"] = "none"
    assert hosts_of(replay) == [("one", 0), ("one", 1)]
    assert is_fitted(4096) and not is_fitted(6144)
    # Two ranks: bus bytes are 2 (2 - 1) / 2 = 1 times the bytes.
    assert "4096 2048 bfloat16 sum -1 100.00 0.040960 0.040960 0" in table(
        "all_reduce", hosts_of(replay), {4096: {"median_us": 100.0}})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("replay", nargs="?", type=pathlib.Path)
    parser.add_argument("out", nargs="?", type=pathlib.Path)
    parser.add_argument("--self-check", action="store_true")
    arguments = parser.parse_args()
    if arguments.self_check:
        return self_check()
    if arguments.out is None:
        parser.error("a replay's JSON and a folder are needed")
    replay = json.loads(arguments.replay.read_text(encoding="utf-8"))
    hosts = hosts_of(replay)
    for kind, times in measured_collectives(replay).items():
        fitted = {size: time for size, time in times.items() if is_fitted(size)}
        path = arguments.out / f"{PROGRAM.get(kind, kind)}_perf.log"
        path.write_text(table(kind, hosts, fitted), encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()

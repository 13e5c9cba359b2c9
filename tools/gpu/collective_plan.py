#!/usr/bin/env python3
"""Writes a scenario whose program calls collectives of many sizes, to be replayed on GPUs.

    tools/gpu/collective_plan.py --ranks 8 > collectives.yaml
    lockstep replay collectives.yaml --backend nccl --dtype bfloat16 --full-size --json c.json

Each call has a tensor of its own, named KIND_BYTES, and its line that name. BYTES are counted as
nccl-tests does, in bfloat16: of all_gather the result, of the others what a rank puts in. They hold
zeros, which a GPU fills in no time: what NCCL does depends on no value.
`--self-check` checks the sizes.
"""

import argparse
import sys

KINDS = ("all_reduce", "all_gather", "reduce_scatter", "all_to_all", "broadcast")
ELEMENT_BYTES = 2  # bfloat16
COLUMNS = 128      # of every tensor: what zeros are is one value, which has one width
KIB = 1024
MIB = 1024 * KIB


def all_sizes(least=4 * KIB, most=64 * MIB):
    """Two a doubling: 4, 6, 8, 12 KiB, ..."""
    sizes = []
    size = least
    while size <= most:
        sizes += [size, size + size // 2]
        size *= 2
    return [size for size in sizes if size <= most]


def lines_of(kind, size):
    """The program's lines of one call."""
    name = f"{kind}_{size}"
    # An all-gather takes each rank's part and gives the whole; the others take the whole.
    rows = f"part_{size}" if kind == "all_gather" else f"all_{size}"
    partial = ", partial: world" if kind in ("all_reduce", "reduce_scatter") else ""
    root = ", root: 0" if kind == "broadcast" else ""
    return [f"{{zeros: {name}, rows: {rows}, width: {COLUMNS}{partial}}}",
            f"{{{kind}: {name}, group: world{root}, name: {name}}}"]


def scenario(ranks, sizes):
    row = COLUMNS * ELEMENT_BYTES
    if any(size % (row * ranks) for size in sizes):
        raise SystemExit(f"collective_plan.py: {ranks} ranks cannot share {row} bytes a row evenly")
    text = ["# Written by tools/gpu/collective_plan.py.",
            "lockstep: 1",
            "name: collectives",
            f"about: collectives of {len(sizes)} sizes on {ranks} ranks, to be timed",
            f"world: {ranks}",
            "tokens: 1",
            "rows:"]
    for size in sizes:
        text += [f"  all_{size}: {{pad: own, to: {size // row}}}",
                 f"  part_{size}: {{pad: own, to: {size // row // ranks}}}"]
    text.append("program:")
    for size in sizes:
        for kind in KINDS:
            text += ["  - " + line for line in lines_of(kind, size)]
    return "\n".join(text) + "\n"


def self_check():
    sizes = all_sizes()
    assert sizes[0] == 4 * KIB and sizes[-1] == 64 * MIB and len(sizes) == 29, sizes
    assert sizes == sorted(set(sizes))
    text = scenario(8, sizes)
    assert text.count(", name: ") == len(sizes) * len(KINDS)
    # 6144 bytes are 24 rows of 128 columns of 2 bytes, 3 on each of 8 ranks.
    assert "  all_6144: {pad: own, to: 24}\n  part_6144: {pad: own, to: 3}\n" in text, text


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ranks", type=int, default=8)
    parser.add_argument("--most", type=int, default=64 * MIB, help="largest size in bytes")
    parser.add_argument("--self-check", action="store_true")
    arguments = parser.parse_args()
    if arguments.self_check:
        return self_check()
    sys.stdout.write(scenario(arguments.ranks, all_sizes(most=arguments.most)))


if __name__ == "__main__":
    main()

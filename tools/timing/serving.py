"""The serving systems' collectives beside published times, as a section of Markdown."""

import csv
from collections import namedtuple

from gains_of_changes import single_gains
from gains_of_tables import table_gains
from serving_all_reduce import all_reduce_section
from serving_errors import Lockstep, worst
from serving_exchange import exchange_section

# The text, the errors of what was held out, and the gains: of tables (a Gains), of single changes
# (whether the share of communication is known, and what `judged` says).
Findings = namedtuple("Findings", "text all_reduces exchanges tables changes")

INTRO = (
    "Formulas and constants: docs/cost_models_serving.md. Measurements: comm_variants.csv and "
    "moe_a2a.csv.", "",
    "Held out means that no constant was fitted to a table. The forms of the formulas were chosen "
    "with all tables in view, those of other sources, too: that reading from one peer is slower "
    "(`one_peer_GBps`), and that NCCL's kernels on symmetric memory are one-shot, half a two-shot "
    "or multimem, was seen in them. So these errors say how well constants carry over, and less "
    "how the formulas would do on a kernel never seen.", "")


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def validate(folder, binary):
    lockstep = Lockstep(binary)
    variants, exchanges = read(folder / "comm_variants.csv"), read(folder / "moe_a2a.csv")
    out = ["## Serving collectives", "", *INTRO]
    all_reduces, above = all_reduce_section(lockstep, variants, out)
    out += [f"Above the limits (NCCL's model, docs/cost_models_nccl.md): {above.cells()} "
            "(points, Lockstep, line, interpolation).", ""]
    worst(all_reduces["held out"], out, "bytes")
    moved = exchange_section(lockstep, exchanges, out)
    worst(moved["held out"], out, "tokens")
    tables = table_gains(lockstep, variants, out)
    changes = single_gains(lockstep, out)
    return Findings(out, all_reduces["held out"], moved["held out"], tables, changes)

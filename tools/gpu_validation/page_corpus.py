"""The page's sections that hold the GPU against the checker and against the CPU."""

from page_text import left_out, number, table, yes

GROUPS = {"lineage": "SGLang's rules at a revision (the lineage)", "others": "other systems",
          "programs": "SGLang, hand-written programs"}

ABOUT = """Every file below `scenarios/bugs` with at most eight ranks, at reduced size, float32, \
one process a rank, {jobs} files at a time; of a whole model the first {layers} layers. *found*: \
the checker's violation at the operation where the numbers first diverge or stop. *scale*: how \
many times the reference's value the term that it names holds on the GPU; *CPU*: the same in one \
process on the CPU. A row agrees if the GPU's verdict is what the checker's findings mean \
(deadlocks and mismatches stop, races of streams are not seen by a replay), it is first at an \
operation where the checker finds something, and the scale is the CPU's and, where the CPU's is \
the factor, the factor."""


def corpus(told):
    rows = told["rows"]
    lines = [ABOUT.format(**told), "", *table(("files", "run", "agree", "run again alone"), [
        counts(name, [row for row in rows if row["group"] == group])
        for group, name in GROUPS.items()]), ""]
    lines += [factors(rows), "", *disagreements(rows), ""]
    head = ("file", "ranks", "found", "factor", "GPU", "operation", "scale", "CPU", "s", "agrees")
    return lines + table(head, [corpus_row(row) for row in rows]) + left_out(told)


def counts(name, rows):
    return (name, len(rows), sum(not row["faults"] for row in rows),
            sum(row["again"] for row in rows))


def factors(rows):
    diverging = [row for row in rows if row.get("verdict") == "diverges" and row["factor"]]
    shown = [row for row in diverging if row["shows_factor"]]
    return (f"Of {len(diverging)} divergences with a factor, {len(shown)} have it as their scale. "
            "In the others shares or rows are missing, or only some rows are summed too often, and "
            "the scale depends on the rest; there it is the CPU's.")


def disagreements(rows):
    found = [f"- {row['file']}: {'; '.join(row['faults'])}" for row in rows if row["faults"]]
    return ["Disagreements:", "", *found] if found else ["No disagreement."]


def corpus_row(row):
    scale = [None if row.get(key) is None or row.get("verdict") != "diverges" else number(row[key])
             for key in ("scale", "cpu_scale")]
    return (row["file"], row["ranks"], row["code"] or "holds", row["factor"],
            row.get("verdict", "no verdict"), row.get("operation"), *scale, row["seconds"],
            yes(not row["faults"]) + (", run again alone" if row["again"] else ""))


REFERENCE = """The same scenario, seed and type with `--backend nccl` and `--backend process`, at \
reduced size. The reference is computed in each run: its products (float64) on the GPU in one, on \
the CPU in the other. Every obligation is compared in both; *apart*: the largest difference \
of a figure between the two (relative where it is larger than 1). What is left of right values is \
rounding: *worst error* on each. A row is as it must be if verdicts, operations and ranks are \
equal and nothing is apart by more than the tolerance."""


def reference(told):
    head = ("scenario", "type", "obligations", "verdict", "scale apart", "relative error apart",
            "error after scale apart", "tolerance", "worst error GPU", "CPU", "as it must be")
    return [REFERENCE, "", *table(head, [reference_row(row) for row in told["rows"]]),
            *left_out(told)]


def reference_row(row):
    name = row["file"] + (" as DEP4" if any("tp_size: 4" in one for one in row["settings"]) else "")
    if "trouble" in row:
        return (name, row["dtype"], None, row["trouble"], *[None] * 6, yes(False))
    verdict = row["verdict"] + ("" if row["verdict"] == row["cpu_verdict"]
                                else f" (CPU: {row['cpu_verdict']})")
    apart = [f"{row['apart'][what]:.1e}" for what in
             ("scale", "relative_error", "error_after_scale")]
    return (name, row["dtype"], row["comparisons"], verdict, *apart, f"{row['tolerance']:.1e}",
            f"{row['worst_gpu']:.1e}", f"{row['worst_cpu']:.1e}", yes(row["met"]))

"""The page's sections on replays at the models' own sizes."""

from page_text import left_out, number, place, table, yes

ABOUT = """Each row is one command; they stand below the table. \
Models have their own hidden, dense and expert sizes and their first \
layers (three of Kimi K2.6, four of GPT-OSS), at most 12 tokens a shard, one process a rank.

- *first divergence*: the first obligation that the numbers do not meet; *scale*: how many times \
the reference's value it holds, by least squares; *error after scale*: what is left then, as a \
share of the value; *tolerance*: what rounding may do (docs/replay.md).
- *ranks*: members of the communicators on which ranks called, each of which held its size against \
`ncclCommCount`; *calls*: NCCL calls of all ranks, and whether they are those that the plan says.
- *peak*: of the GPU's memory, the most that one rank took; *command*: seconds from start to end."""

TIMES = """Of the runs above, after the one that is judged: CUDA events on every operation, \
medians over the repetitions.

- *step*: from the first beginning of a rank to the last end; *kernels*: local operations, of the \
ranks the slowest, added up; *collectives*: from when the last member came to when the last was \
through; *waiting*: from when a member came to when the last did, the mean of the members. \
*their share*: of collectives in kernels and collectives.
- *spread*: (upper - lower quartile) / median, of the step, and of its operations weighted by \
their times."""


def full_size(told):
    head = ("scenario", "verdict", "first divergence", "scale", "error after scale", "tolerance",
            "worst error that agrees", "ranks", "calls", "as planned", "peak GiB", "command s",
            "as it must be")
    return [ABOUT, "", *table(head, [size_row(run) for run in told["runs"]]), *left_out(told), "",
            "Commands:", "", "```", *[run["command"] for run in told["runs"]], "```"]


def size_row(run):
    if "trouble" in run:
        return (run["name"], run["trouble"], *[None] * 9, run["seconds"], yes(False))
    first, calls = run["first"], run.get("nccl", {})
    judged = (place(first), number(first["scale"]), number(first["error_after_scale"])) \
        if first else ("none", None, None)
    members = ", ".join(map(str, calls.get("members", [])))
    return (run["name"], run["verdict"], *judged, number(run["tolerance"]),
            number(run["worst_error"]), f"{calls.get('ranks')} in groups of {members}",
            calls.get("calls"), calls.get("difference") or yes(calls.get("as_planned")),
            run.get("peak_GiB"), run["seconds"], yes(run["met"]))


def times(told):
    head = ("scenario", "step us", "spread", "kernels us", "collectives us", "waiting us",
            "their share", "spread of operations", "repetitions", "CUDA graph", "longest kinds, us")
    rows = [time_row(run["name"], step) for run in told["runs"] for step in run.get("measured", [])]
    where = sorted({run["placement"] for run in told["runs"] if "placement" in run})
    return [TIMES, "", *[f"- {placement}." for placement in where], "", *table(head, rows)]


def time_row(name, step):
    longest = ", ".join(f"{kind['kind']} {kind['us']:.0f}" for kind in step["kinds"][:4])
    return (name, f"{step['step_us']:.0f}", percent(step["step_spread"]),
            f"{step['kernels_us']:.0f}", f"{step['collectives_us']:.0f}",
            f"{step['waiting_us']:.0f}", percent(step["collectives_share"]),
            percent(step["operations_spread"]), step["repetitions"],
            "yes" if step["cuda_graph"] else "no", longest)


def percent(share):
    return f"{100 * share:.0f} %"


def propagate(told):
    lines = ["`scenarios/lessons/dep8_prefill_only.yaml`, three layers at full size, bfloat16: one "
             "prefill (step 0) and five decode steps. Nothing is put right. Each figure: tokens of "
             "eight whose likeliest next word is another one than the reference's.", ""]
    runs = [run for run in told["runs"] if "tokens" in run]
    steps = [str(step["step"]) for step in runs[0]["tokens"]] if runs else []
    rows = [(run["name"], run["verdict"], *[step["changed"] for step in run["tokens"]],
             yes(run["met"])) for run in runs]
    lines += table(("revision", "verdict", *[f"step {step}" for step in steps], "as it must be"),
                   rows)
    lines += [f"\n{run['name']}: {run['trouble']}." for run in told["runs"] if "trouble" in run]
    names = [(f"{run['name']}, step {step['step']}", step) for run in runs
             for step in run.get("measured", [])]
    lines += ["", "Their times, as above:", "", *table(
        ("revision, step", "step us", "spread", "kernels us", "collectives us", "waiting us",
         "their share", "CUDA graph"),
        [tuple(row[i] for i in (0, 1, 2, 3, 4, 5, 6, 9))
         for row in (time_row(*name) for name in names)])] if names else []
    return lines + left_out(told)

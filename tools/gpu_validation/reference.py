"""A replay's numbers on the GPU, reference included, beside those on the CPU: the same scenario at
reduced size, the same seed, and every obligation that is compared in both."""

import time

from full_size import DEP4, SGLANG

LAYERS = "model={preset: kimi-k2.6, num_hidden_layers: 5}"
RUNS = (
    ("24785-kimi-k2.6-dep8-before", (LAYERS,), "float32"),
    ("24785-kimi-k2.6-dep8-before", (LAYERS,), "bfloat16"),
    ("24785-kimi-k2.6-dep8-before", (LAYERS, *DEP4), "float32"),
    ("24785-kimi-k2.6-dep8-after", (LAYERS,), "float32"),
    ("24785-kimi-k2.6-tp8", (LAYERS,), "float32"),
    ("24785-kimi-k2.6-dp2-attn-tp4", (LAYERS,), "float32"),
    ("37199-gpt-oss-120b-dep4-before", (), "float32"),
    ("37199-gpt-oss-120b-dep4-before", (), "bfloat16"),
)
COMPARED = ("scale", "relative_error", "error_after_scale")


def reference(programs, deadline):
    flags = [("--garbage", "nan", "--dtype", dtype) for _, _, dtype in RUNS]
    asked = [(f"{SGLANG}{file}.yaml", (*flag, "--repetitions", "0"), settings)
             for (file, settings, _), flag in zip(RUNS, flags)]
    on_gpu = programs.replays(asked, deadline)
    rows, left_out = [], []
    for (file, settings, dtype), flag, gpu in zip(RUNS, flags, on_gpu):
        if gpu is None or time.monotonic() > deadline:
            left_out.append(f"{file}, {dtype}")
            continue
        cpu = programs.replay(f"{SGLANG}{file}.yaml", flag, settings, "process")
        rows.append({"file": file, "settings": list(settings), "dtype": dtype, "again": gpu[1]}
                    | compared(gpu[0], cpu))
    command = "lockstep replay FILE --garbage nan --dtype TYPE --json - --backend "
    commands = [f"{command}nccl --repetitions 0", f"{command}process"]
    met = not left_out and all(row["met"] for row in rows)
    return {"commands": commands, "rows": rows, "left_out": left_out, "met": met}


def compared(gpu, cpu):
    troubles = [run.trouble for run in (gpu, cpu) if run.trouble]
    if troubles:
        return {"met": False, "trouble": "; ".join(troubles)}
    gpu, cpu = gpu.json, cpu.json
    pairs = list(zip(gpu["boundaries"], cpu["boundaries"]))
    apart = {what: max((difference(g[what], c[what]) for g, c in pairs), default=0)
             for what in COMPARED}
    same = len(gpu["boundaries"]) == len(cpu["boundaries"]) and all(
        (g["operation"], g["agrees"], g["ranks"]) == (c["operation"], c["agrees"], c["ranks"])
        for g, c in pairs)
    return {"verdict": gpu["verdict"], "cpu_verdict": cpu["verdict"], "same": same,
            "comparisons": len(pairs), "tolerance": gpu["tolerance"], "apart": apart,
            "worst_gpu": worst(gpu), "worst_cpu": worst(cpu),
            "met": same and gpu["verdict"] == cpu["verdict"]
                   and max(apart.values()) <= gpu["tolerance"]}


def difference(one, other):
    """Relative to what is larger than 1; not a number in both is no difference."""
    if one is None or other is None:
        return 0 if one == other else float("inf")
    return abs(one - other) / max(1, abs(other))


def worst(json):
    """The largest error of what agrees: of it rounding is left."""
    return max((one["relative_error"] for one in json["boundaries"] if one["agrees"]), default=0)



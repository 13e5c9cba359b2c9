"""The scenarios of the issue at the models' own sizes, and decode steps after a wrong prefill."""

import time

from facts import facts

SGLANG = "scenarios/bugs/sglang/"
FILE = f"{SGLANG}FILE.yaml"
PREFILL = "scenarios/lessons/dep8_prefill_only.yaml"
KIMI = "model={preset: kimi-k2.6, num_hidden_layers: 3}"
DEP4 = ("parallel={tp_size: 4, dp_size: 4, ep_size: 4, enable_dp_attention: true}",
        "batch.tokens=[1024, 37, 0, 512]")
FLAGS = ("--full-size", "--dtype", "bfloat16", "--garbage", "nan", "--repetitions", "5")

# name, file, settings, expected (None: agrees)
RUNS = (
    ("Kimi K2.6 DEP8, 24785^", "24785-kimi-k2.6-dep8-before", (KIMI,), (0, "mlp", 8)),
    ("Kimi K2.6 DEP8, 24785", "24785-kimi-k2.6-dep8-after", (KIMI,), None),
    ("Kimi K2.6 DP8 without EP, 24785^", "24785-kimi-k2.6-dp8-without-ep", (KIMI,), None),
    ("Kimi K2.6 DEP4, 24785^", "24785-kimi-k2.6-dep8-before", (KIMI, *DEP4), (0, "mlp", 4)),
    ("Kimi K2.6 DEP4, 24785", "24785-kimi-k2.6-dep8-after", (KIMI, *DEP4), None),
    ("Kimi K2.6 TP8, 24785^", "24785-kimi-k2.6-tp8", (KIMI,), None),
    ("Kimi K2.6 DP2 attention-TP4, 24785^", "24785-kimi-k2.6-dp2-attn-tp4", (KIMI,), None),
    ("GPT-OSS 120B DEP4, 37199^", "37199-gpt-oss-120b-dep4-before", (), (0, "moe", 4)),
    ("GPT-OSS 120B DEP4, 37199", "37199-gpt-oss-120b-dep4-after", (), None),
)
NEAR = 0.01  # of a factor; bfloat16's own step is 0.004


def is_as_expected(told, expected):
    """expected: layer, module and factor of the first divergence; None: agreement."""
    calls = told.get("nccl")
    if not calls or not calls["as_planned"] or calls["members"][0] != calls["ranks"]:
        return False
    if expected is None:
        return told["verdict"] == "agrees"
    layer, module, factor = expected
    first = told["first"]
    return (told["verdict"] == "diverges" and (first["layer"], first["module"]) == (layer, module)
            and abs(first["scale"] - factor) <= NEAR * factor
            and first["error_after_scale"] <= told["tolerance"])


def full_size(programs, deadline):
    rows, left_out = [], []
    for name, file, settings, expected in RUNS:
        if time.monotonic() > deadline:
            left_out.append(name)
            continue
        told = facts(programs.replay(f"{SGLANG}{file}.yaml", FLAGS, settings))
        rows.append({"name": name, "expected": expected, "met": is_as_expected(told, expected)}
                    | told)
    return {"command": command_of(FILE), "runs": rows, "left_out": left_out,
            "met": met(rows, left_out)}


def command_of(file, more=""):
    return f"lockstep replay {file} --backend nccl {' '.join(FLAGS)}{more} --set SETTING --json -"


def met(rows, left_out):
    return not left_out and all(row["met"] for row in rows)


def propagate(programs, deadline):
    """Tokens that change, by step, under the rules before the fix and under the fixed ones."""
    rows, left_out = [], []
    for revision in ("24785^", "24785"):
        if time.monotonic() > deadline:
            left_out.append(revision)
            continue
        settings = (KIMI, f"serving.revision={revision}")
        told = facts(programs.replay(PREFILL, (*FLAGS, "--propagate"), settings))
        rows.append({"name": revision, "met": tokens_as_expected(told, revision)} | told)
    return {"command": command_of(PREFILL, " --propagate"), "runs": rows, "left_out": left_out,
            "met": met(rows, left_out)}


def tokens_as_expected(told, revision):
    """Before: some decode step picks another word; after: no step does, and all agrees."""
    if "tokens" not in told:
        return False
    decoded = sum(step["changed"] for step in told["tokens"] if step["step"] > 0)
    changed = sum(step["changed"] for step in told["tokens"])
    return decoded > 0 if revision.endswith("^") else changed == 0 and told["verdict"] == "agrees"

"""Every bug file that a replay can run: what the checker finds, beside what the GPU computes.

Three answers to a file: the checker's (symbols), the CPU's (the replay in one process) and the
GPU's. The scale of the term in question is the checker's factor, on the CPU and on the GPU; but
where shares are missing, or only some rows are summed too often, it depends on what the other rows
and shares hold. Then the CPU's differs from the factor too, and the GPU's must equal the CPU's.
"""

import re
from fractions import Fraction

from facts import facts
from runner import ROOT

FOLDER = "scenarios/bugs"
FLAGS = ("--repetitions", "0")
LAYERS = 5      # of files that take a whole model; the faults of the corpus show in these
MOST_RANKS = 8
NEAR = 1e-3     # of a scale in float32
STOPS = {"deadlock", "collective-mismatch"}
UNSEEN = {"stream-race"}  # streams run one after the other in a replay


def bug_files():
    """SGLang's first: its lineage is those files that its rules make, at a revision."""
    paths = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / FOLDER).rglob("*.yaml"))
    paths = [path for path in paths if not path.endswith(("family.yaml", "not_said.yaml"))]
    return sorted(paths, key=lambda path: group_order(group_of(path)))


def group_of(path):
    if "/sglang/" not in path:
        return "others"
    text = (ROOT / path).read_text()
    return "lineage" if re.search(r"^  system: sglang$", text, re.M) else "programs"


def group_order(group):
    """Other systems before SGLang's hand-written programs: 20 of them are asked for."""
    return ("lineage", "others", "programs").index(group)


def settings_for(path):
    """Cuts a model that is taken whole to its first layers."""
    text = (ROOT / path).read_text()
    whole = re.search(r"^model: ([\w.-]+)$", text, re.M)
    return (f"model={{preset: {whole[1]}, num_hidden_layers: {LAYERS}}}",) if whole else ()


def expected_verdict(checked):
    codes = [one["code"] for one in checked["violations"]]
    if not codes or set(codes) <= UNSEEN:
        return "agrees"
    return "stopped" if codes[0] in STOPS else "diverges"


def violation_at(checked, operation):
    """The violation that is found there; the first one if none is."""
    for one in checked["violations"]:
        if (one["consumer"] or {}).get("operation") == operation:
            return one
    return (checked["violations"] or [None])[0]


def operation_of(told):
    """Where it stopped or first diverged, or None."""
    if told.get("stopped_at"):
        return told["stopped_at"]["operation"]
    return told["first"]["operation"] if told.get("first") else None


def expected_operations(checked):
    return sorted({(one["consumer"] or {}).get("operation", one["operation_index"])
                   for one in checked["violations"]} |
                  {one["operation_index"] for one in checked["violations"]
                   if one["code"] in STOPS})


def scale_of(told, violation):
    """Of the violation's terms, those in the sum: the scale of the first; else of the whole."""
    first = told.get("first")
    if not first:
        return None
    found = [one["scale"] for one in first["terms"]
             if violation and one["term"] in violation["terms"]]
    return found[0] if found else first["scale"]


def is_near(one, other):
    return one is not None and other is not None and abs(one - other) <= NEAR * max(1, abs(other))


def faults_of(row, checked, cpu, gpu):
    """What does not agree, in words."""
    told = []
    if gpu["verdict"] != row["expected"]:
        told.append(f"the GPU says {gpu['verdict']}, the checker's findings are {row['expected']}")
    if gpu["verdict"] != cpu["verdict"]:
        told.append(f"the CPU's replay says {cpu['verdict']}")
    if row["operation"] is not None and row["operation"] not in expected_operations(checked):
        told.append(f"first at operation {row['operation']}, the checker's are at "
                    + ", ".join(map(str, expected_operations(checked))))
    if row["operation"] != operation_of(cpu):
        told.append(f"the CPU's replay has it at operation {operation_of(cpu)}")
    if gpu["verdict"] == "diverges" and not is_near(row["scale"], row["cpu_scale"]):
        told.append(f"scale {row['scale']}, the CPU's is {row['cpu_scale']}")
    if row["shows_factor"] and not is_near(row["scale"], float(Fraction(row["factor"]))):
        told.append(f"scale {row['scale']}, the factor is {row['factor']}")
    return told


def compared(path, checked, cpu, gpu, again):
    """A row of the table. `checked`: JSON; `cpu`, `gpu`: facts."""
    row = {"file": path.removeprefix(FOLDER + "/").removesuffix(".yaml"), "group": group_of(path),
           "ranks": checked["stats"]["ranks"], "again": again, "seconds": gpu["seconds"],
           "expected": expected_verdict(checked), "code": None, "factor": None}
    if "trouble" in gpu:
        return row | {"faults": [gpu["trouble"]]}
    violation = violation_at(checked, operation_of(cpu))
    if violation:
        row |= {"code": violation["code"], "factor": violation["factor"]}
    row |= {"verdict": gpu["verdict"], "operation": operation_of(gpu),
            "scale": scale_of(gpu, violation), "cpu_scale": scale_of(cpu, violation)}
    row["shows_factor"] = (row["factor"] is not None and
                           is_near(row["cpu_scale"], float(Fraction(row["factor"]))))
    return row | {"faults": faults_of(row, checked, cpu, gpu)}


def garbage_for(replayed):
    """What unwritten memory must hold for the fault to show: each kind is a replay of its own, and
    on a GPU most of its seconds are starts of processes."""
    needs_finite = replayed.json and replayed.json.get("only_with_finite_garbage")
    return "finite" if needs_finite else "nan"


def answers(programs, path):
    """(path, settings, garbage, what the checker says, what the CPU's replay says)."""
    settings = settings_for(path)
    checked = programs.check(path, settings).json
    garbage = garbage_for(programs.replay(path, ("--garbage", "both"), settings, "cpu"))
    replayed = programs.replay(path, ("--garbage", garbage), settings, "cpu")
    return path, settings, garbage, checked, facts(replayed)


def prepared(programs, deadline):
    """The answers on each file with few enough ranks; and the files left out, with why."""
    tasks = [lambda path=path: answers(programs, path) for path in bug_files()]
    kept, left_out = [], []
    for found in filter(None, programs.together(tasks, deadline)):
        path, _, _, checked, cpu = found
        if checked is None or "trouble" in cpu:
            left_out.append(f"{path}: {cpu.get('trouble', 'it cannot be checked')}")
        elif checked["stats"]["ranks"] > MOST_RANKS:
            left_out.append(f"{path}: {checked['stats']['ranks']} ranks")
        else:
            kept.append(found)
    return kept, left_out


def corpus(programs, deadline):
    kept, left_out = prepared(programs, deadline)
    found = programs.replays([(path, ("--garbage", garbage) + FLAGS, settings)
                              for path, settings, garbage, _, _ in kept], deadline)
    rows = []
    for (path, _, _, checked, cpu), one in zip(kept, found):
        if one is None:
            left_out.append(f"{path}: its turn had not come when time was over")
        else:
            rows.append(compared(path, checked, cpu, facts(one[0]), one[1]))
    groups = [row["group"] for row in rows if not row["faults"]]
    lineage = [path for path, *_ in kept if group_of(path) == "lineage"]
    command = ("lockstep check FILE --json - and lockstep replay FILE --backend nccl "
               "--garbage KIND " + " ".join(FLAGS) + " --json -")
    met = (all(not row["faults"] for row in rows) and len(lineage) == groups.count("lineage")
           and len(groups) - len(lineage) >= 20)
    return {"command": command, "jobs": programs.jobs, "layers": LAYERS, "rows": rows,
            "left_out": left_out, "met": met}

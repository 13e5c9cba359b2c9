"""Pieces of the page: tables, numbers, where and how long."""

GOALS = (
    ("kernels", "every function on the device beside the host's"),
    ("full_size", "real sizes, bfloat16, eight ranks: the scale before a fix, agreement after it"),
    ("propagate", "decode after a corrupted prefill picks other tokens; after the fix none"),
    ("reference", "the same verdicts and numbers on the GPU as on the CPU"),
    ("corpus", "SGLang's lineage and 20 other bugs: the checker's verdicts and factors"),
    ("measure", "predicted against measured"),
    ("faults", "a rank that is killed: an error within ten seconds, nothing left"),
    ("soak", "replays in a row without a leak"),
    ("sanitize", "compute-sanitizer clean on the kernel tests"),
)


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(cell(value) for value in row) + " |" for row in rows]


def cell(value):
    return "" if value is None else str(value).replace("|", "\\|").replace("\n", " ")


def machine_text(told):
    here = told["machine"]
    text = f"{here['gpus']} {here['gpu']} ({here['memory_MiB'] / 1024:.0f} GiB), driver " \
           f"{here['driver']}"
    text += f", {here['libraries']}, {here['cores']} cores"
    return text + (f", revision {here['revision']}." if here["revision"] else ".")


def seconds_text(told):
    return f"{told['section_s']:.0f} s."


def number(value, digits=3):
    """Four significant digits at least; small ones with an exponent."""
    if value is None:
        return "no number"
    return f"{value:.{digits}f}" if abs(value) >= 0.01 or value == 0 else f"{value:.1e}"


def place(first):
    """Where an obligation stands: step if there are several, layer, module."""
    layer = "" if first["layer"] is None else f"layer {first['layer']} "
    return f"{layer}`{first['module']}`"


MOST_NAMED = 10


def left_out(told):
    """What was not run, by name; of many for one reason ("NAME: REASON") their number."""
    found = told.get("left_out") or []
    reasons = {}
    for one in found:
        reasons.setdefault(one.partition(": ")[2], []).append(one)
    said = []
    for reason, names in reasons.items():
        said += [f"{len(names)} files: {reason}"] if reason and len(names) > MOST_NAMED else names
    return ["", "Left out: " + "; ".join(said) + "."] if found else []


def yes(is_so):
    return "yes" if is_so else "**no**"

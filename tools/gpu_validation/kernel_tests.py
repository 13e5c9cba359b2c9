"""The kernel tests, and the same under compute-sanitizer, one source file at a time."""

import re
import shutil
import time
from pathlib import Path

from runner import ROOT, run

SUMMARY = r"test cases: +(\d+) \| +(\d+) passed \| +(\d+) failed"
ASSERTIONS = r"assertions: +(\d+) \| +(\d+) passed"
TOOLS = {"memcheck": r"ERROR SUMMARY: (\d+) errors?",
         "racecheck": r"RACECHECK SUMMARY: (\d+) hazards?"}
ONE_FILE_S = 115
JOBS = 6  # kernels of tests are small: the GPU has room for several
LONGEST = ("families_test.cc", "experts_test.cc", "products_test.cc")


def kernels(programs, _):
    done = run([programs.kernel_tests], 150, ["test_nccl_kernels"])
    return {"command": done.command, "seconds": round(done.seconds, 1),
            "exit_code": done.code} | counted(done.out) | {"met": done.code == 0}


def counted(out):
    cases, assertions = re.search(SUMMARY, out), re.search(ASSERTIONS, out)
    failed = re.findall(r"^TEST CASE: +(.*)$", out, re.M)
    return {"cases": cases and int(cases[1]), "passed": cases and int(cases[2]),
            "assertions": assertions and int(assertions[1]), "failed": failed}


def sanitizer():
    """compute-sanitizer, wherever CUDA left it; None if it is not here."""
    return shutil.which("compute-sanitizer") or next(
        (str(path) for path in (Path("/usr/local/cuda/bin/compute-sanitizer"),
                                Path("/usr/local/cuda/compute-sanitizer/compute-sanitizer"))
         if path.exists()), None)


def sanitize(programs, deadline):
    program = sanitizer()
    command = "compute-sanitizer --tool TOOL test_nccl_kernels --test-suite=gpu --source-file=FILE"
    if program is None:
        return {"command": command, "rows": [], "met": False,
                "trouble": "compute-sanitizer is not on this machine"}
    asked = [(tool, source) for tool in TOOLS for source in test_sources()]
    found = programs.together([lambda one=one: sanitized(programs, program, deadline, *one)
                               for one in asked], deadline, JOBS)
    rows = [row for row in found if row]
    left_out = [f"{tool}: {source}" for (tool, source), row in zip(asked, found) if not row]
    return {"command": command, "rows": rows, "left_out": left_out, "jobs": JOBS,
            "met": met(rows, left_out)}


def test_sources():
    """Those that take longest first, so that they end while the others run."""
    names = {path.name for path in (ROOT / "tests/nccl").glob("*_test.cc")}
    return [name for name in LONGEST if name in names] + sorted(names - set(LONGEST))


def met(rows, left_out):
    return not left_out and all(row["exit_code"] == 0 and not row["errors"] for row in rows)


def sanitized(programs, program, deadline, tool, source):
    """`errors` is None where the tool did not come to its summary."""
    words = [program, "--tool", tool, "--error-exitcode", "9", programs.kernel_tests,
             "--test-suite=gpu", f"--source-file=*{source}"]
    shown = ["compute-sanitizer", *words[1:5], "test_nccl_kernels", *words[6:]]
    limit = min(ONE_FILE_S, max(5, deadline - time.monotonic()))
    done = run(words, limit, shown)
    text = done.out + done.err
    found = re.search(TOOLS[tool], text)
    lines = [line for line in text.splitlines() if line.startswith("=========")]
    return {"tool": tool, "source": source, "seconds": round(done.seconds, 1),
            "exit_code": done.code, "errors": int(found[1]) if found else None,
            "first_lines": lines[1:6] if not found or int(found[1]) else []} | counted(done.out)

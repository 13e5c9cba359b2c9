"""Runs the built programs, one after the other or a few at a time, and keeps what they said."""

import json
import shlex
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TOLD = (0, 1, 3)  # the exit codes of a replay that came to a verdict
ONE_RUN_S = 90


@dataclass
class Run:
    command: str  # as a user would write it
    code: int     # of a run that was given up: 124
    seconds: float
    out: str
    err: str

    @property
    def is_told(self):
        return self.code in TOLD and self.json is not None

    @property
    def json(self):
        try:
            return json.loads(self.out)
        except ValueError:
            return None

    @property
    def trouble(self):
        """What went wrong, in the program's own words; "" if nothing did."""
        if self.is_told:
            return ""
        lines = [line for line in self.err.splitlines() if line and not line.startswith("note:")]
        return f"exit code {self.code}: " + (" ".join(lines)[-400:] or "nothing was said")


def run(words, limit_s=ONE_RUN_S, shown=None):
    """Runs a program in the root of the repository. `shown`: its words as the page has them."""
    start = time.monotonic()
    try:
        done = subprocess.run([str(word) for word in words], cwd=ROOT, text=True, check=False,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=limit_s,
                              errors="replace")
        code, out, err = done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired as late:
        code, out, err = 124, text_of(late.stdout), text_of(late.stderr)
        err += f"\ngiven up after {limit_s:.0f} s"
    except OSError as error:
        code, out, err = 127, "", f"{words[0]}: {error.strerror}"
    shown = shlex.join(str(word) for word in shown or words)
    return Run(shown, code, time.monotonic() - start, out, err)


def text_of(output):
    return output.decode(errors="replace") if isinstance(output, bytes) else output or ""


@dataclass
class Programs:
    """The built programs, and how many of them may run at a time."""
    lockstep: Path
    kernel_tests: Path
    jobs: int = 3

    def call(self, words, limit_s=ONE_RUN_S):
        return run([self.lockstep, *words], limit_s, ["lockstep", *words])

    def replay(self, file, words=(), settings=(), backend="nccl"):
        return self.call(["replay", file, "--backend", backend, *words,
                          *of_settings(settings), "--json", "-"])

    def check(self, file, settings=()):
        return self.call(["check", file, *of_settings(settings), "--json", "-"])

    def together(self, tasks, deadline, jobs=None):
        """Results of `tasks` (functions without arguments), `jobs` at a time, in their order; None
        for those whose turn had not come at `deadline` (of time.monotonic)."""
        def unless_late(task):
            return task() if time.monotonic() < deadline else None
        with ThreadPoolExecutor(jobs or self.jobs) as pool:
            return list(pool.map(unless_late, tasks))

    def replays(self, asked, deadline):
        """`asked`: (file, words, settings) each. One that comes to no verdict while others run is
        run again alone: (run, was it again) each, None where time was over."""
        tasks = [lambda one=one: self.replay(*one) for one in asked]
        found = [run and (run, False) for run in self.together(tasks, deadline)]
        for i, one in enumerate(asked):
            if found[i] and not found[i][0].is_told and time.monotonic() < deadline:
                found[i] = (self.replay(*one), True)
        return found


def of_settings(settings):
    return [word for setting in settings for word in ("--set", setting)]

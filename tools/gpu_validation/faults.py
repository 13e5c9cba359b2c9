"""A rank that is killed in the middle of a replay: an error soon, and nothing left behind."""

import os
import signal
import subprocess
import time
from pathlib import Path

from full_size import SGLANG
from machine import Snapshot, settled
from runner import ROOT

FILE = f"{SGLANG}24785-kimi-k2.6-dep8-after.yaml"
WORDS = ("replay", FILE, "--backend", "nccl", "--garbage", "nan", "--repetitions", "1000",
         "--set", "model.num_hidden_layers=5")
AFTER_S = (2.0, 4.0, 7.0)  # of the start: while ranks begin, in the judged run, in the timed ones
RANK = 2
SOON_S = 10
FAILED = 5  # the exit code of a replay of which a process failed


def faults(programs, deadline):
    rows = [killed(programs, after) for after in AFTER_S if time.monotonic() < deadline]
    command = f"lockstep {' '.join(WORDS[:-1])} {WORDS[-1]}, and kill -9 of rank {RANK}"
    met = len(rows) == len(AFTER_S) and all(row["met"] for row in rows)
    return {"command": command, "rows": rows, "met": met}


def killed(programs, after_s):
    before = Snapshot.taken()
    replay = subprocess.Popen([programs.lockstep, *WORDS], cwd=ROOT, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE)
    time.sleep(after_s)
    victim = rank_of(replay.pid)
    if victim:
        os.kill(victim, signal.SIGKILL)
    start = time.monotonic()
    try:
        err = replay.communicate(timeout=60)[1]
    except subprocess.TimeoutExpired:
        replay.kill()
        err = replay.communicate()[1] + "error: it did not end within 60 s"
    took = time.monotonic() - start
    after, settling = settled(before)
    left = after.left_since(before)
    error = [line for line in err.splitlines() if line.startswith("error:")]
    met = bool(victim) and replay.returncode == FAILED and took <= SOON_S and not left
    return {"after_s": after_s, "found_rank": bool(victim), "exit_code": replay.returncode,
            "seconds": round(took, 2), "error": " ".join(error)[-300:], "left": left,
            "settled_s": round(settling, 1), "met": met}


def rank_of(pid):
    """The process of RANK: of the children, those in the session of their parent, in the order of
    their start, are ranks 0, 1, ... (what guards the MPS daemon has a session of its own)."""
    session = session_of(pid)
    ranks = sorted(child for child in map(int, filter(str.isdigit, os.listdir("/proc")))
                   if parent_of(child) == pid and session_of(child) == session)
    return ranks[RANK] if len(ranks) > RANK else None


def parent_of(pid):
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return int(status[status.rindex(")"):].split()[2])  # behind the name: state, parent


def session_of(pid):
    try:
        return os.getsid(pid)
    except OSError:
        return None

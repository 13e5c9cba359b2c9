"""The machine: which GPU, and what is there before and after a run (processes, files, sockets)."""

import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from runner import run

NO_GPU = ("validate_gpu: there is no GPU here ({}). Run it on a machine with one; the page is made "
          "from results without: tools/validate_gpu --page FILE.json")
OURS = ("lockstep", "nvidia-cuda-mps")  # how names of processes begin
TIME_WAIT = "06"  # the state in /proc/net/tcp: the kernel's, nobody holds it
COMPILERS = re.compile(r"cc\w{6}\.\w+|tmpxft_.*")


def gpu_query(fields):
    """A list of rows; raises SystemExit with a plain sentence where no GPU answers."""
    if shutil.which("nvidia-smi") is None:
        raise SystemExit(NO_GPU.format("nvidia-smi is not on PATH"))
    asked = run(["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader,nounits"], 30)
    rows = [line.split(", ") for line in asked.out.splitlines() if line]
    if asked.code != 0 or not rows:
        raise SystemExit(NO_GPU.format("nvidia-smi: " + (asked.out + asked.err).strip()[:200]))
    return rows


def machine():
    rows = gpu_query("name,driver_version,memory.total")
    revision = run(["git", "rev-parse", "--short=12", "HEAD"], 10)
    return {"gpus": len(rows), "gpu": rows[0][0], "driver": rows[0][1],
            "memory_MiB": int(rows[0][2]), "cores": os.cpu_count(),
            "revision": revision.out.strip() if revision.code == 0 else None}


def ours():
    """Process ids of replays and MPS daemons."""
    found = set()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            if (folder / "comm").read_text().startswith(OURS):
                found.add(int(folder.name))
        except OSError:
            pass  # it has just ended
    return found


def sockets():
    """Names of replays' sockets, and TCP sockets that somebody holds."""
    unix = [line.split()[-1] for line in lines_of("/proc/net/unix") if "@lockstep" in line]
    tcp = [line for name in ("tcp", "tcp6") for line in lines_of(f"/proc/net/{name}")[1:]
           if line.split()[3] != TIME_WAIT]
    return len(unix), len(tcp)


def lines_of(path):
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def files():
    """But for those of a compiler that works beside."""
    found = set()
    for folder in ("/tmp", "/dev/shm"):
        if os.path.isdir(folder):
            found |= {f"{folder}/{name}" for name in os.listdir(folder)
                      if not COMPILERS.fullmatch(name)}
    return found


@dataclass
class Snapshot:
    """What there is: `left_since` tells what a run left behind."""
    processes: set
    names: int
    tcp: int
    files: set
    gpu_MiB: int

    @staticmethod
    def taken():
        names, tcp = sockets()
        used = sum(int(row[0]) for row in gpu_query("memory.used"))
        return Snapshot(ours(), names, tcp, files(), used)

    def json(self):
        return {"processes": len(self.processes), "unix_sockets": self.names,
                "tcp_sockets": self.tcp, "files": len(self.files), "gpu_memory_MiB": self.gpu_MiB}

    def left_since(self, before):
        """In words; [] where nothing more is there than `before`."""
        left = [f"process {pid}" for pid in sorted(self.processes - before.processes)]
        left += sorted(self.files - before.files)
        left += [f"{self.names - before.names} sockets of replays"] * (self.names > before.names)
        left += [f"{self.tcp - before.tcp} TCP sockets"] * (self.tcp > before.tcp)
        grown = self.gpu_MiB - before.gpu_MiB
        return left + [f"{grown} MiB of the GPU's memory"] * (grown > 1)


def settled(before, limit_s=10):
    """A snapshot when nothing is left since `before`, or at the limit; and the seconds it took."""
    start = time.monotonic()
    while True:
        now = Snapshot.taken()
        took = time.monotonic() - start
        if not now.left_since(before) or took > limit_s:
            return now, took
        time.sleep(0.2)



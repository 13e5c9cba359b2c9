"""Many replays in a row: the same result each time, and nothing that grows."""

import time

from full_size import SGLANG
from machine import Snapshot, settled
from runner import of_settings

FILE = f"{SGLANG}23731-qwen3-30b-dep2-before.yaml"
SETTINGS = ("model.num_hidden_layers=2",)
WORDS = ("--garbage", "nan", "--repetitions", "2")
DIVERGES = 1
SAMPLES = 10


def soak(programs, replays, deadline):
    before = Snapshot.taken()
    codes, results, samples, seconds = {}, set(), [], []
    while len(seconds) < replays and time.monotonic() < deadline:
        one = programs.replay(FILE, WORDS, SETTINGS)
        codes[one.code] = codes.get(one.code, 0) + 1
        seconds.append(one.seconds)
        if one.is_told:
            results.add(str(one.json["boundaries"]))
        if len(seconds) % max(1, replays // SAMPLES) == 0:
            samples.append({"after": len(seconds)} | Snapshot.taken().json())
    after, _ = settled(before)
    left = after.left_since(before)
    met = len(seconds) == replays and codes == {DIVERGES: replays} and not left
    command = f"lockstep replay {FILE} --backend nccl {' '.join(WORDS)} --json - "
    return {"command": command + " ".join(of_settings(SETTINGS)), "asked": replays,
            "replays": len(seconds), "codes": codes, "different_results": len(results),
            "median_s": round(sorted(seconds)[len(seconds) // 2], 2) if seconds else None,
            "before": before.json(), "samples": samples, "after": after.json(), "left": left,
            "met": met}

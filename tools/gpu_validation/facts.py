"""The facts of one replay on GPUs, out of its JSON: verdict, first divergence, calls, times."""

FIRST = ("step", "layer", "module", "operation", "ranks", "relative_error", "scale",
         "error_after_scale", "terms")


def facts(run):
    """Of runner.Run."""
    told = {"command": run.command, "seconds": round(run.seconds, 2), "exit_code": run.code}
    if not run.is_told:
        return told | {"trouble": run.trouble}
    json = run.json
    first = json["first_divergence"]
    told |= {key: json[key] for key in ("scenario", "dtype", "seed", "verdict", "tolerance")}
    told["comparisons"] = len(json["boundaries"])
    told["wrong"] = sum(not one["agrees"] for one in json["boundaries"])
    told["worst_error"] = worst_error(json["boundaries"])
    told["first"] = first and {key: first[key] for key in FIRST}
    told["stopped_at"] = json.get("stopped_at")
    if "tokens" in json:
        told["tokens"] = json["tokens"]["steps"]
    return told | gpu_facts(json.get("gpu", {}))


def worst_error(boundaries):
    """Of those that agree."""
    errors = [one["relative_error"] for one in boundaries if one["agrees"]]
    return max((error for error in errors if error is not None), default=None)


def gpu_facts(gpu):
    if not gpu:
        return {}
    told = {"machine": gpu["machine"], "placement": gpu["placement"],
            "peak_GiB": round(max(gpu["peak_bytes"], default=0) / 2**30, 3)}
    if "nccl_calls" in gpu:
        told["nccl"] = call_facts(gpu["nccl_calls"])
    if gpu.get("measured", {}).get("steps"):
        told["measured"] = times(gpu["measured"])
    return told


def call_facts(calls):
    ranks = calls["ranks"]
    each = [one for rank in ranks for one in rank["calls"]]
    kinds = {}
    for one in each:
        kinds[one["call"]] = kinds.get(one["call"], 0) + 1
    return {"ranks": len(ranks), "calls": len(each), "kinds": kinds,
            "members": sorted({one["members"] for one in each}, reverse=True),
            "as_planned": calls["as_planned"], "difference": calls.get("difference")}


def times(measured):
    return [step_times(step, [one for one in measured["operations"]
                              if one["step"] == step["step"]]) for step in measured["steps"]]


def step_times(step, operations):
    """An operation communicates if it has a time of waiting. Spreads are between quartiles, as a
    share of the time; that of operations is weighted by their time."""
    kernels = [one for one in operations if one["waiting"] is None]
    collectives = [one for one in operations if one["waiting"] is not None]
    kernels_us, collectives_us = total(kernels, "time"), total(collectives, "time")
    spreads = sum(spread(one["time"]) for one in operations)
    share = collectives_us / (kernels_us + collectives_us) if operations else 0
    return {"step": step["step"], "cuda_graph": step["cuda_graph"],
            "repetitions": step["repetitions"], "step_us": step["time"]["median_us"],
            "step_spread": spread(step["time"]) / (step["time"]["median_us"] or 1),
            "kernels_us": kernels_us, "collectives_us": collectives_us,
            "waiting_us": total(collectives, "waiting"), "collectives_share": share,
            "operations_spread": spreads / ((kernels_us + collectives_us) or 1),
            "kinds": kinds_of(operations)}


def kinds_of(operations):
    """By kind: how many, and their medians summed; the longest first."""
    kinds = {}
    for one in operations:
        kind = kinds.setdefault(one["kind"], {"kind": one["kind"], "count": 0, "us": 0})
        kind["count"] += 1
        kind["us"] += one["time"]["median_us"]
    return sorted(kinds.values(), key=lambda kind: -kind["us"])


def total(operations, what):
    return sum(one[what]["median_us"] for one in operations)


def spread(time):
    return time["high_us"] - time["low_us"]

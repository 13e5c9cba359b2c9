"""The page's sections on tests of kernels, sanitizers, faults and leaks."""

from page_text import left_out, table, yes


def kernels(told):
    lines = [f"{told['passed']} of {told['cases']} test cases passed, {told['assertions']} "
             "assertions: each function on the device beside the host's, element by element."]
    return lines + [f"- failed: {name}" for name in told["failed"]]


def faults(told):
    text = ("One of eight ranks is killed, so many seconds after the start. *seconds*: from the "
            "kill to the end of the command, with its exit code (5: a process failed). *left*: "
            "processes of replays and of MPS, names in /tmp and /dev/shm, sockets and memory of "
            "the GPU that were not there before.")
    rows = [(row["after_s"], row["exit_code"], row["seconds"], row["error"],
             ", ".join(row["left"]) or "nothing", yes(row["met"])) for row in told["rows"]]
    return [text, "", *table(("killed after s", "exit code", "seconds", "error", "left",
                              "as it must be"), rows)]


def soak(told):
    codes = ", ".join(f"{count} with exit code {code}" for code, count in told["codes"].items())
    results = told["different_results"]
    text = (f"{told['replays']} of {told['asked']} replays of a scenario that diverges: {codes}; "
            f"median {told['median_s']} s. Their numbers are "
            + ("the same bits each time." if results == 1 else f"of {results} kinds.")
            + f" Left behind: {', '.join(told['left']) or 'nothing'}.")
    samples = [{"after": "before"} | told["before"], *told["samples"],
               {"after": "at the end"} | told["after"]]
    rows = [(one["after"], one["processes"], one["unix_sockets"], one["tcp_sockets"], one["files"],
             one["gpu_memory_MiB"]) for one in samples]
    return [text, "", *table(("replays", "processes", "sockets of replays", "TCP sockets",
                              "files in /tmp and /dev/shm", "GPU memory MiB"), rows)]


def sanitize(told):
    text = ("One source file of the kernel tests at a time. *errors*: of memcheck, hazards of "
            "racecheck, in the tool's summary.")
    rows = [(row["tool"], row["source"], row["cases"], result(row), row["seconds"])
            for row in told["rows"]]
    return [text, "", *table(("tool", "tests", "cases", "errors", "s"), rows), *left_out(told)]


def result(row):
    if row["exit_code"] == 124:
        return f"did not end in {row['seconds']:.0f} s"
    if row["errors"] is None:
        return f"no summary, exit code {row['exit_code']}: {' '.join(row['first_lines'])[:200]}"
    return str(row["errors"]) + ("" if row["exit_code"] == 0 else f", exit code {row['exit_code']}")

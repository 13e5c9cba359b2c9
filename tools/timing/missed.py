"""The goals that are missed, at the top of the page: figure, goal, and what is known of why.

A goal that is met again falls out of the table by itself; its figures are computed here.
"""

import collections
import statistics

import kernels
from text import all_errors, errors, percent, quantile, row

FAR = 0.2  # of interpolation's 95th percentile

WHY_INTERPOLATION = (
    "Three constants from six sizes cannot tell where a protocol ends that the base does not have: "
    "NCCL 2.27's LL128 on Blackwell (68 % at 8 MiB), LL over PCIe that gets slower with the ranks "
    "(52 % at 512 KiB), all-to-alls whose chunks step at 16 MiB. Points beyond 20 %: {far}. Both "
    "baselines are further off.")
WHY_NODES = (
    "Four tables only, and no two of one network; without the first one the errors are {others}. "
    "{first}: from 1 MiB on a pipeline over GPUDirect-TCPXO fills with chunks of up to 1 MiB, "
    "which the model's ramp, that of one node, does not have: no term was added for one table. "
    "Which algorithm the other three ran, and a transport's own tuner, no table says.")
WHY_NEVER = (
    "Other kernels than those that constants are of: MLA's batched products in fp8 "
    "(`sgl_kernel_bmm_fp8`) are 50 to 70 % off, in bf16 9 to 17 %; Triton's experts walk the "
    "padding of rows that belong to other ranks.")
WHY_EXPERTS = (
    "The goal is met over all kernels, not by each. Routing and Triton's tiles decide here: with "
    "experts on many ranks its kernel walks others' padding; a rank with few four-bit experts is "
    "slower than its bytes and arithmetic say.")
WHY_BY_SIZE = (
    "vLLM's first measurements (#24111, #24532, September 2025) and its later ones (0.24.0, which "
    "the constants follow) contradict each other: 43 and 30 us for the same call of 4 MiB on four "
    "H100. All wrong signs but one are of the former; why is not known. A gain is a difference: "
    "10 % of error in each of two times make a third of a gain of 40 %.")
WHY_SINGLE = (
    "The wrong sign is TensorRT-LLM's two-shot on eight B300 (vllm#37756): measured 63 % slower "
    "than NCCL, predicted 21 % faster, by constants of other tables of that kernel. Five of the "
    "other six sizes are predicted too large: three are its two-shot against its one-shot on four "
    "GB200, two are measured in a server, with tokens or other work that nobody names.")


def far_points(section):
    """How many points lie beyond FAR, by GPU: the most first."""
    count = collections.Counter()
    for result in section.results:
        count[result.table.gpu] += sum(error > FAR for error in errors(result, "predicted"))
    return ", ".join(f"{number} of {gpu}" for gpu, number in count.most_common() if number)


def figure(wrong):
    return f"{percent(quantile(wrong, 0.5))} / {percent(quantile(wrong, 0.95))}"


def misses(wrong, median, high=None):
    return quantile(wrong, 0.5) > median or (high is not None and quantile(wrong, 0.95) > high)


def interpolation_rows(found):
    wrong = all_errors(found.interpolation.results)
    if misses(wrong, 0.04, 0.2):
        why = WHY_INTERPOLATION.format(far=far_points(found.interpolation))
        yield row("interpolation, median / 95th in %", figure(wrong), "4 / 20", why)


def nodes_rows(found):
    results = found.transfers[-1].results
    wrong = all_errors(results)
    if misses(wrong, 0.12, 0.35):
        worst = max(results, key=lambda result: quantile(errors(result, "predicted"), 0.95))
        others = figure(all_errors([result for result in results if result is not worst]))
        yield row("one node to two nodes, median / 95th in %", figure(wrong), "12 / 35",
                  WHY_NODES.format(first=f"`{worst.table.id}`", others=others))


def kernels_rows(found_kernels):
    never = [abs(error) for error in kernels.held_errors(found_kernels, never_fitted=True)]
    if misses(never, 0.15):
        yield row("kernels of a form of which no shape was fitted, median in %",
                  percent(quantile(never, 0.5)), "15", WHY_NEVER)
    groups = collections.defaultdict(list)
    for shape, time in zip(found_kernels.rows, found_kernels.predicted):
        if shape.held and not kernels.is_never_fitted(shape):
            key = f"{shape.table} in {kernels.format_of(shape)} on {shape.gpu}"
            groups[key].append(abs(time / shape.measured - 1))
    over = {key: statistics.median(wrong) for key, wrong in groups.items()
            if statistics.median(wrong) > 0.15}
    if over:
        named = ", ".join(f"{key} {percent(wrong)}" for key, wrong in sorted(over.items()))
        yield row("kernels one by one, median in %", named, "15", WHY_EXPERTS)


def gains_rows(serving):
    tables = serving.tables
    if tables.sign < tables.clear or tables.third < tables.clear:
        yield row("published gains by size", f"sign right in {tables.sign}, within a third in "
                  f"{tables.third} of {tables.clear}", "all", WHY_BY_SIZE)
    judged = [(known, verdict) for known, verdict in serving.changes
              if verdict.startswith(("sign", "within"))]
    sized = [verdict for known, verdict in judged if known]
    right = sum(verdict != "sign wrong" for _, verdict in judged)
    third = sized.count("within a third")
    if right < len(judged) or third < len(sized):
        yield row("published gains of single changes", f"sign right in {right} of {len(judged)}, "
                  f"within a third in {third} of {len(sized)}", "all", WHY_SINGLE)


def missed_text(found, found_kernels, serving):
    rows = [*interpolation_rows(found), *nodes_rows(found), *kernels_rows(found_kernels),
            *gains_rows(serving)]
    if not rows:
        return ["## Goals that are missed", "", "None."]
    return ["## Goals that are missed", "",
            "Each with what is known of why; the sections below have the single tables. The other "
            "goals of this page are met: the next table has all.", "",
            row("what", "found", "goal", "why"), row(*["--"] * 4), *rows]

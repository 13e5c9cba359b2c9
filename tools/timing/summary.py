"""The tables at the top of the page: goals, and whether they are met; errors by preset."""

import kernels
from collectives import PRESETS
from text import all_errors, percent, quantile, row

READ_WITH = (
    "Errors are |predicted / measured - 1| in percent, over all points.", "",
    "What is held out here is held out of the constants only. The forms of the models were chosen "
    "with the published tables in view: which protocols have a ramp, that latency hides behind "
    "transfer, which tiles a product has. Some switches were set by hand until they fell where "
    "tables have them (docs/cost_models_nccl.md says which). So a table of a GPU, kernel or "
    "network that nobody has looked at can be further off than these figures.", "")


def measures(wrong):
    return percent(quantile(wrong, 0.5)), percent(quantile(wrong, 0.95))


def goal_row(goal, tables, wrong, median, high, beaten=()):
    """`beaten`: errors of baselines, whose 95th percentile must be larger."""
    far = quantile(wrong, 0.95)
    met = quantile(wrong, 0.5) <= median and (high is None or far <= high) and \
        all(far < quantile(other, 0.95) for other in beaten)
    limit = f"{100 * median:g} / " + (f"{100 * high:g}" if high else "-")
    return row(goal, tables, len(wrong), limit, *measures(wrong), "yes" if met else "**no**")


def section_row(goal, section, median, high, beaten=()):
    tables = len({result.table for result in section.results})
    return goal_row(goal, tables, all_errors(section.results), median, high, beaten)


def collectives_rows(found):
    results = found.interpolation.results
    line, pieces = all_errors(results, "line"), all_errors(results, "pieces")
    yield section_row("interpolation: six sizes in, the others out", found.interpolation, 0.04, 0.2,
                      (line, pieces))
    yield row("the same by an alpha-beta line", "", len(line), "", *measures(line), "")
    yield row("the same by straight lines between the six", "", len(pieces), "",
              *measures(pieces), "")
    for section in found.transfers:
        yield section_row("transfer: " + section.name[0].lower() + section.name[1:], section, 0.12,
                          0.35)
    yield section_row("presets on what none was fitted to", found.presets, 0.2, None)


def other_rows(found_kernels, serving):
    held = [abs(error) for error in kernels.held_errors(found_kernels, never_fitted=False)]
    never = [abs(error) for error in kernels.held_errors(found_kernels, never_fitted=True)]
    yield goal_row("kernels: shapes that no constant was fitted to", "", held, 0.15, None)
    yield goal_row("kernels: forms of which no shape was fitted (MLA's batched products, Triton's "
                   "experts with EP)", "", never, 0.15, None)
    yield goal_row("serving: all-reduces in one kernel, held-out tables", "",
                   serving.all_reduces.own, 0.2, None)
    yield goal_row("serving: dispatch and combine, held-out tables", "", serving.exchanges.own,
                   0.2, None)


def gains_rows(serving):
    """Goals: every sign, and a size within a third where the share of communication is known."""
    tables = serving.tables
    yield gain_row("kernels against NCCL, by size", tables.clear, tables.sign, tables.clear,
                   tables.third)
    judged = [(known, verdict) for known, verdict in serving.changes
              if verdict.startswith(("sign", "within"))]
    sized = [verdict for known, verdict in judged if known]
    right = sum(verdict != "sign wrong" for _, verdict in judged)
    yield gain_row("single changes", len(judged), right, len(sized),
                   sized.count("within a third"))


def gain_row(what, judged, signs, sized, thirds):
    def of(count, total):
        return f"{count} of {total}"
    met = [("yes" if count == total else "**no**") for count, total in ((signs, judged),
                                                                       (thirds, sized))]
    return row(what, of(signs, judged), met[0], of(thirds, sized), met[1])


def summary(found, found_kernels, serving):
    lines = ["## Summary", "", *READ_WITH,
             row("what", "tables", "points", "goal: median / 95th", "median", "95th", "met"),
             row(*["--"] * 7)]
    lines += [*collectives_rows(found), *other_rows(found_kernels, serving), ""]
    lines += ["Published gains of communication changes, with the goals that every sign is right "
              "and every size within a third where the share of communication is known:", "",
              row("gains", "sign right", "met", "within a third", "met"), row(*["--"] * 5),
              *gains_rows(serving)]
    return lines


def by_preset(found, found_kernels):
    lines = ["## By preset", "",
             "Median / 95th percentile. Other tables: of other sources, versions, launch styles "
             "and boards, one node and two.", "",
             row("preset", "tables fitted", "error", "other tables", "error", "kernel rows held "
                 "out", "error"), row(*["--"] * 7)]
    others = [*found.presets.results, *found.transfers[-1].results]
    for preset in sorted({preset for preset, _ in PRESETS.values()}):
        fitted = [result for result in found.fitted.results if result.base == preset]
        other = [result for result in others if result.base.split(",")[0] == preset]
        shapes = [abs(error) for error in kernels.held_errors(found_kernels, False, preset)]
        lines.append(row(f"`{preset}`", *counted(fitted), *counted(other), len(shapes) or "-",
                         " / ".join(measures(shapes)) if shapes else "-"))
    return lines


def counted(results):
    wrong = all_errors(results)
    return len(results) or "-", " / ".join(measures(wrong)) if wrong else "-"

"""What all sections of the page need: rows of Markdown, quantiles, names of tables."""

def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def errors(result, which):
    return [abs(guess / point.us - 1) for guess, point in zip(getattr(result, which),
                                                              result.points)]


def all_errors(results, which="predicted"):
    return [error for result in results for error in errors(result, which)]


def percent(value):
    return f"{100 * value:.1f}"


def size(count):
    for unit, scale in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= scale and count % scale == 0:
            return f"{count // scale} {unit}"
    return f"{count} B"


def name_of(table):
    where = f"{table.gpus} GPUs" if table.nodes == 1 else f"{table.gpus} GPUs, {table.nodes} nodes"
    return f"{table.id} ({table.gpu}, {table.collective}, {where})"


def row(*cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"

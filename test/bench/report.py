"""The table on the terminal, and the CSV files."""

import csv

from cluster import TOP

DOCUMENT = TOP / "docs" / "performance.md"
PUBLISHED = DOCUMENT.with_suffix("")  # the plots and CSV files that it shows

def amount(value, unit):
    """A figure with its unit, three significant digits."""
    if value < 0:
        return "-" + amount(-value, unit)
    if unit == "s":
        for factor, name in ((1, "s"), (1e3, "ms"), (1e6, "µs")):
            if value * factor >= 1 or name == "µs":
                return f"{value * factor:.3g} {name}"
    if unit == "B" and value >= 1000:
        for factor, name in ((1e-9, "GB"), (1e-6, "MB"), (1e-3, "kB")):
            if value * factor >= 1:
                return f"{value * factor:.3g} {name}"
    if value >= 1000:
        return f"{value:,.0f} {unit}".strip()
    return f"{value:.3g} {unit}".strip()


def spread(figures):
    median, low, high = (amount(value, figures.unit) for value in (figures.median, figures.low, figures.high))
    return f"{median} ({low}–{high})"


def ratio(row):
    if row.peer is None and row.goal is None:
        return ""
    if row.goal is not None and row.goal.kind == "at_most":
        return amount(row.ratio, row.ours.unit)
    return f"{row.ratio:.3g} ×"


def verdict(row):
    return {None: "", True: "met", False: "MISSED"}[row.met]


def cells(row):
    goal = str(row.goal) if row.goal else ""
    if row.goal and row.goal.kind == "at_most":
        goal = "≤ " + amount(row.goal.limit, row.ours.unit)
    return [row.scenario, spread(row.ours), row.peer_name, spread(row.peer) if row.peer else "",
            ratio(row), goal, verdict(row)]


HEAD = ["scenario", "stream_users", "peer", "", "ratio", "goal", ""]


def tables(name, found):
    """What a scenario found, as lines of cells below a head: {name: [[cell, …], …]}. Medians, with the lowest
    and the highest figure beside them; of a breakdown each part, its share, and how it was obtained."""
    all_of_them = {name: [HEAD] + [cells(row) for row in found.rows]} if found.rows else {}
    for breakdown in found.breakdowns:
        all_of_them[breakdown.name] = [[breakdown.title, amount(breakdown.whole, "s"), "", "obtained by"]] + [
            [part, amount(seconds, "s"), f"{breakdown.share(part):.1%}", how]
            for part, (seconds, how) in breakdown.parts.items()]
    return all_of_them


def text(results):
    """The rows of all scenarios as one table, and a table for each breakdown."""
    found = [lines for name, one in results.items() for lines in tables(name, one).values()]
    rows = [line for lines in found if lines[0] == HEAD for line in lines[1:]]
    shown = [[HEAD, *rows]] if rows else []
    return "\n\n".join(aligned(lines) for lines in shown + [lines for lines in found if lines[0] != HEAD])


def aligned(lines):
    """Columns under a heading."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    shown = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]
    shown.insert(1, "-" * len(max(shown, key=len)))
    return "\n".join(shown)


def publish(name, lines):
    """Puts a table, its head first, between the document's marks for it."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(begin)
    _, mark, after = rest.partition(end)
    if not mark:
        raise SystemExit(f"{DOCUMENT} has no place for {name}")
    lines = [lines[0], ["---"] * len(lines[0])] + lines[1:]
    text = "".join("| " + " | ".join(line) + " |\n" for line in lines)
    DOCUMENT.write_text(before + begin + text + end + after, encoding="utf-8")


def write_csv(directory, name, found):
    """<scenario>.csv: a line a repetition. <curve>.csv: a line a point. <breakdown>.csv: a line a part."""
    if found.rows:
        with open(directory / f"{name}.csv", "w", newline="") as file:
            out = csv.writer(file)
            out.writerow(["scenario", "side", "unit", "repetition", "value", "goal", "ratio", "met"])
            for row in found.rows:
                end = [row.goal or "", f"{row.ratio:.4g}" if row.peer or row.goal else "", verdict(row)]
                for side, figures in (("stream_users", row.ours), (row.peer_name, row.peer)):
                    for i, value in enumerate(figures.values if figures else []):
                        out.writerow([row.scenario, side, figures.unit, i + 1, f"{value:.6g}", *end])
    for curve in found.curves:
        with open(directory / f"{curve.name}.csv", "w", newline="") as file:
            out = csv.writer(file)
            out.writerow(["line", curve.x_label, curve.y_label])
            for line, points in curve.lines.items():
                out.writerows([line, x, f"{y:.6g}"] for x, y in points)
    for breakdown in found.breakdowns:
        with open(directory / f"{breakdown.name}.csv", "w", newline="") as file:
            out = csv.writer(file)
            out.writerow(["part", "seconds", "share", "how"])
            out.writerows([part, f"{seconds:.6g}", f"{breakdown.share(part):.4g}", how]
                          for part, (seconds, how) in breakdown.parts.items())

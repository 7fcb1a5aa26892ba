"""SVG plots of what was measured."""

import matplotlib

matplotlib.use("svg")
# Text stays text, and the same data gives the same file.
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "stream_users", "font.size": 9,
                            "axes.spines.top": False, "axes.spines.right": False})
from matplotlib import pyplot  # noqa: E402 — after the backend is chosen

OURS, MISSED, LINE = "#2b6ca3", "#c0504d", "#666666"
FARTHEST = 100  # times a goal: bars go no further


def draw(directory, name, found):
    rows = [row for row in found.rows if row.goal is not None]
    if rows:
        ratio_bars(directory / f"{name}.svg", rows)
    for curve in found.curves:
        draw_curve(directory / f"{curve.name}.svg", curve)
    for breakdown in found.breakdowns:
        draw_breakdown(directory / f"{breakdown.name}.svg", breakdown)


def save(figure, path):
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    pyplot.close(figure)


def ratio_bars(path, rows):
    """How far each goal is reached: 1 is the goal, longer is better, on a logarithmic axis."""
    reached = [min(row.goal.reached(row.ratio), FARTHEST) for row in rows]
    figure, axes = pyplot.subplots(figsize=(8, 0.32 * len(rows) + 1))
    places = range(len(rows))
    # Bars start at the goal: to the right it is exceeded, to the left it is missed.
    axes.barh(places, [value - 1 for value in reached], left=1,
              color=[OURS if row.met else MISSED for row in rows])
    axes.axvline(1, color=LINE, linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xlim(min(0.5, min(reached) * 0.8), max(2, max(reached) * 1.6))
    axes.set_yticks(places, [f"{row.scenario} — {row.peer_name}" if row.peer_name else row.scenario for row in rows])
    axes.invert_yaxis()
    axes.set_xlabel("times the goal (1 = the goal; right of it is better)")
    for place, row, value in zip(places, rows, reached):
        axes.annotate(f" {value:.2f} ", (value, place), va="center", ha="left" if value >= 1 else "right", fontsize=8)
    save(figure, path)


def draw_curve(path, curve):
    figure, axes = pyplot.subplots(figsize=(6.5, 3.8))
    for name, points in curve.lines.items():
        axes.plot([x for x, _ in points], [y for _, y in points], marker="o", markersize=3, label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(curve.x_label)
    axes.set_ylabel(curve.y_label)
    axes.set_title(curve.title, fontsize=10)
    axes.grid(True, which="major", linewidth=0.3)
    axes.legend(frameon=False, fontsize=8)
    save(figure, path)


def draw_breakdown(path, breakdown):
    """A bar a part, from the first that happens to the last, with its share of the whole."""
    figure, axes = pyplot.subplots(figsize=(7, 0.28 * len(breakdown.parts) + 1))
    values = [seconds * 1000 for seconds, _ in breakdown.parts.values()]
    places = range(len(values))
    axes.barh(places, values, color=OURS)
    axes.axvline(0, color=LINE, linewidth=0.8)
    axes.set_yticks(places, list(breakdown.parts))
    axes.invert_yaxis()
    axes.set_xlabel(f"ms of {breakdown.whole * 1000:.3g} ms")
    axes.set_title(breakdown.title, fontsize=10)
    for place, value, part in zip(places, values, breakdown.parts):
        axes.annotate(f" {breakdown.share(part):.1%}", (max(value, 0), place), va="center", fontsize=8)
    save(figure, path)


def draw_soak(path, rows):
    """Latency, throughput, memory and sizes over the time of a soak."""
    figure, ((latency, calls), (memory, size)) = pyplot.subplots(2, 2, figsize=(10, 6), sharex=True)
    seconds = [row["seconds"] for row in rows]

    def lines(axes, title, label, factor, keys):
        for key, name in keys.items():
            axes.plot(seconds, [row[key] * factor for row in rows], label=name, linewidth=1)
        axes.set_title(title, fontsize=10)
        axes.set_ylabel(label)
        axes.grid(True, linewidth=0.3)
        axes.legend(frameon=False, fontsize=8)

    lines(latency, "latency of all calls", "ms", 1, {f"{p}_ms": p for p in ("p50", "p95", "p99", "max")})
    latency.set_yscale("log")
    lines(calls, "throughput", "calls a second, tasks", 1,
          {"calls_per_second": "calls a second", "tasks_open": "open tasks"})
    lines(memory, "memory of the largest process of its kind", "MB", 1e-6,
          {"worker_memory_bytes": "worker", "client_memory_bytes": "client's backend"})
    lines(size, "size with indexes", "MB", 1e-6,
          {"stream_bytes": "all tables", "messages_bytes": "messages", "users_bytes": "users",
           "events_bytes": "events", "tasks_bytes": "tasks"})
    for axes in (memory, size):
        axes.set_xlabel("seconds")
        axes.set_ylim(bottom=0)
    figure.tight_layout()
    save(figure, path)

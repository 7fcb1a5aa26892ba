"""Runs the scenarios and reports them. See ./bench for the command line."""

import argparse
import importlib
import os
import platform
import sys
from pathlib import Path

import interrupts
import plots
import report
from cluster import TOP
from measure import Plan

# In the order of the table.
SCENARIOS = ["upsert", "one_user", "deletion", "queue", "scale", "memory", "breakdown"]


def arguments():
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=", ".join(SCENARIOS))
    parser.add_argument("--quick", action="store_true", help="look whether everything works, on little data")
    parser.add_argument("--repetitions", type=int, default=9, metavar="N")
    parser.add_argument("--out", type=Path, default=TOP / "build" / "bench", metavar="DIR")
    parser.add_argument("--publish", action="store_true", help="put tables, plots and CSV files into docs")
    given = parser.parse_args()
    unknown = set(given.scenarios) - set(SCENARIOS)
    if unknown:
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    if given.publish:
        given.out = report.PUBLISHED
    return given


def main():
    given = arguments()
    interrupts.leave_in_order()
    given.out.mkdir(parents=True, exist_ok=True)
    plan = Plan(quick=given.quick, repetitions=given.repetitions)
    print(f"{os.cpu_count()} cores, {platform.machine()}; {plan.repetitions} repetitions", flush=True)
    results = {}
    for name in given.scenarios or SCENARIOS:
        print(f"-- {name}", file=sys.stderr, flush=True)
        results[name] = importlib.import_module(f"scenarios.{name}").measure(plan)
        report.write_csv(given.out, name, results[name])
        plots.draw(given.out, name, results[name])
        if given.publish:
            for mark, lines in report.tables(name, results[name]).items():
                report.publish(mark, lines)
    print(report.text(results))
    print(f"CSV and SVG files are in {given.out}")


if __name__ == "__main__":
    main()

"""Interleaved measurements, and the rows of the table made from them."""

import math
import statistics
import time
from dataclasses import dataclass, field
from typing import Callable, Optional


@dataclass
class Side:
    """One way to do a job. `run` does it; when it returns a number, that many seconds count instead
    of the time it took. `prepare` comes before each run and is not timed."""

    name: str
    run: Callable[[], Optional[float]]
    prepare: Callable[[], None] = lambda: None


def interleave(sides, repetitions, warmup=1):
    """Runs the sides in turns, each round beginning with another one: {name: [seconds, …]}."""
    taken = {side.name: [] for side in sides}
    for round_ in range(-warmup, repetitions):
        start = round_ % len(sides)
        for side in sides[start:] + sides[:start]:
            side.prepare()
            begin = time.perf_counter()
            measured = side.run()
            seconds = time.perf_counter() - begin if measured is None else measured
            if round_ >= 0:
                taken[side.name].append(seconds)
    return taken


@dataclass
class Figures:
    """Repeated measurements of one thing."""

    values: list
    unit: str = "s"

    @property
    def median(self):
        return statistics.median(self.values)

    @property
    def low(self):
        return min(self.values)

    @property
    def high(self):
        return max(self.values)


@dataclass
class Goal:
    """`times_as_fast` and `more`: at least that often; `share`: at most that share of the peer's;
    `at_most`: an absolute limit in the unit of the figures."""

    kind: str
    limit: float

    def ratio(self, rounds):
        """Of (ours, peer), round by round: the median of the rounds' own, as a machine is not always as fast."""
        if self.kind == "at_most":
            return statistics.median(ours for ours, _ in rounds)
        if self.kind == "times_as_fast":
            return statistics.median(peer / ours for ours, peer in rounds)
        return statistics.median(ours / peer for ours, peer in rounds)

    @property
    def wants_more(self):
        return self.kind in ("times_as_fast", "more")

    def met(self, ratio):
        return ratio >= self.limit if self.wants_more else ratio <= self.limit

    def reached(self, ratio):
        """How far the goal is reached: 1 is the goal, more is better, without end where ours is nothing."""
        if self.wants_more:
            return ratio / self.limit
        return self.limit / ratio if ratio else math.inf

    def __str__(self):
        return {"times_as_fast": "≥ {:g} × as fast", "more": "≥ {:g} × as many",
                "share": "≤ {:g} of it", "at_most": "≤ {:g}"}[self.kind].format(self.limit)


@dataclass
class Row:
    """A line of the table. A row without a goal is there to compare with. Its figures are of the same rounds,
    unless they are apart."""

    scenario: str
    ours: Figures
    peer_name: str = ""
    peer: Optional[Figures] = None
    goal: Optional[Goal] = None
    apart: bool = False

    @property
    def ratio(self):
        ours, peer = self.ours, self.peer or self.ours
        rounds = list(zip(ours.values, peer.values))
        if self.apart or len(ours.values) != len(peer.values):
            rounds = [(ours.median, peer.median)]
        return (self.goal or Goal("share", 1)).ratio(rounds)

    @property
    def met(self):
        return None if self.goal is None else self.goal.met(self.ratio)


@dataclass
class Curve:
    """Cost against size: what a plot on logarithmic axes shows. One line a name."""

    name: str
    title: str
    x_label: str
    y_label: str
    lines: dict = field(default_factory=dict)  # name → [(x, y), …]


@dataclass
class Breakdown:
    """What a thing costs by part, a bar each, in the order in which they happen."""

    name: str
    title: str
    whole: float  # seconds
    parts: dict  # name → (seconds, how they were obtained)

    def share(self, part):
        return self.parts[part][0] / self.whole


@dataclass
class Results:
    """What a scenario found."""

    rows: list = field(default_factory=list)
    curves: list = field(default_factory=list)
    breakdowns: list = field(default_factory=list)


@dataclass
class Plan:
    """How thoroughly to measure. Sizes are those of the goals unless quick."""

    quick: bool = False
    repetitions: int = 9
    warmup: int = 1

    def size(self, full, quick):
        return quick if self.quick else full

    def interleave(self, sides):
        return interleave(sides, 1 if self.quick else self.repetitions, 0 if self.quick else self.warmup)

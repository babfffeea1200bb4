"""How costs grow: with the workers, with the submitters, with the length of the queue; and how long a small task waits
while the workers are busy."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from .measure import Results, Series, Settings, measure, show_progress
from .programs import Built, Program
from .report import cpu_name, number
from .rows import GROWTH_ROWS, LATENCY, LIMITS, OURS, QUEUE, ROWS, UNITS, Row

WORKERS = (1, 2, 4, 8, 16, 64)
SUBMITTERS = (1, 2, 4, 8, 16)
QUEUED = (1_000_000, 3_000_000, 10_000_000)

# What the rows' titles say of numbers that here are others.
PLAIN_TITLES = {
    "W1": "submitting and running an empty task",
    "W1p": "an empty task, submitted from several threads at once",
    "W2": "a task with a handle, and waiting for it",
    "W4": "fork-join without a cut-off, per fork",
    "W6": "map of items of growing cost",
}


@dataclass(frozen=True)
class Axis:
    """What grows, in words, and what makes it grow: the number of workers, or another option of the programs."""

    words: str
    values: tuple[int, ...]
    option: str = ""

    def settings(self, base: Settings, value: int) -> Settings:
        return replace(base, options=(self.option, str(value))) if self.option else replace(base, workers=value)


BY_WORKERS = Axis("workers", WORKERS)
BY_SUBMITTERS = Axis("submitters", SUBMITTERS, "--submitters")
BY_TASKS = Axis("tasks in the queue", QUEUED, "--tasks")


@dataclass
class Curve:
    """The results of a row for each value on its axis."""

    row: Row
    axis: Axis
    points: dict[int, Results] = field(default_factory=dict)

    @property
    def title(self) -> str:
        title = PLAIN_TITLES.get(self.row.id, self.row.title)
        return title[:1].upper() + title[1:]

    @property
    def unit(self) -> str:
        return UNITS[self.row.unit]

    def lines(self) -> dict[str, dict[int, Series]]:
        """By program; of the variants of a peer the best at each point."""
        lines: dict[str, dict[int, Series]] = {}
        for value, results in self.points.items():
            for series in sorted(results.of(self.row.id), key=lambda one: one.median):
                if series.program != LIMITS:
                    lines.setdefault(series.program, {}).setdefault(value, series)
        return dict(sorted(lines.items(), key=lambda line: line[0] != OURS))


@dataclass
class Growth:
    curves: list[Curve]
    latency: Results
    settings: Settings

    def hangs(self) -> list[str]:
        return sorted({hang for curve in self.curves for results in curve.points.values() for hang in results.hangs})

    def troubles(self) -> list[str]:
        measured = [self.latency, *(results for curve in self.curves for results in curve.points.values())]
        return [trouble for results in measured for trouble in results.failures + results.hangs]


def row_named(name: str) -> Row:
    return next(row for row in ROWS if row.id == name)


def printed_along(row: Row) -> list[Row]:
    return [other for other in GROWTH_ROWS if other.run_as == row.id]


def on_these_cpus(results: Results, row: Row, workers: int) -> None:
    """A map's ideal is the sequential time by the workers; more than there are CPUs cannot shorten it."""
    share = min(workers, len(os.sched_getaffinity(0))) / workers
    for series in results.of(row.id) if row.unit == "ratio" else []:
        series.values = [value * share for value in series.values]


def grow(curves: Sequence[Curve], programs: Sequence[Program], settings: Settings) -> None:
    """One measurement for all curves, which are of rows that the programs print together."""
    row, axis = curves[0].row, curves[0].axis
    able = [program for program in programs if row.id in program.rows]
    for value in axis.values:
        show_progress(f"{row.id}, {value} {axis.words}")
        here = axis.settings(settings, value)
        results = measure(able, [curve.row for curve in curves], here)
        on_these_cpus(results, row, here.workers)
        # What takes longer than anybody would wait takes longer still at the next value.
        able = [program for program in able if f"{program.name} {row.id}" not in results.hangs]
        for curve in curves:
            curve.points[value] = results


def measure_growth(built: Built, settings: Settings) -> Growth:
    """std::async has no workers whose number could be chosen."""
    pools = [program for program in built.programs if program.name not in (LIMITS, "std::async")]
    groups = [[Curve(row_named(name), BY_WORKERS)] for name in ("W1", "W2", "W4", "W6")]
    groups += [[Curve(row_named("W1p"), BY_SUBMITTERS)]]
    groups += [[Curve(row, BY_TASKS) for row in printed_along(QUEUE)]]
    for curves in groups:
        grow(curves, pools, settings)
    show_progress("latency")
    latency = measure([program for program in pools if LATENCY.id in program.rows], printed_along(LATENCY), settings)
    return Growth([curve for curves in groups for curve in curves], latency, settings)


def short(value: int) -> str:
    return f"{value // 1_000_000} M" if value % 1_000_000 == 0 and value else str(value)


def cell(series: Series | None) -> str:
    return "" if series is None else f"{number(series.median)} [{number(series.lowest)} - {number(series.highest)}]"


def curve_table(curve: Curve) -> list[str]:
    values = list(curve.points)
    lines = [f"**{curve.title}**, {curve.unit}, by {curve.axis.words}:", ""]
    lines += ["| | " + " | ".join(short(value) for value in values) + " |", "|---|" + "---|" * len(values)]
    for program, points in curve.lines().items():
        name = f"**{program}**" if program == OURS else program
        lines.append(f"| {name} | " + " | ".join(cell(points.get(value)) for value in values) + " |")
    return [*lines, ""]


def latency_table(latency: Results) -> list[str]:
    lines = ["**Latency of a small task while the workers are busy with tasks of 1 ms**, µs:", ""]
    lines += ["| | | p50 | p99 | worst |", "|---|---|---|---|---|"]
    for row in printed_along(LATENCY):
        situation = row.title.partition(", ")[2]
        for program, cells in latencies(latency, row).items():
            values = " | ".join(cell(cells.get(label)) for label in ("p50", "p99", "worst"))
            lines.append(f"| {situation} | {f'**{program}**' if program == OURS else program} | {values} |")
            situation = ""
    return [*lines, ""]


def latencies(latency: Results, row: Row) -> dict[str, dict[str, Series]]:
    by_program: dict[str, dict[str, Series]] = {}
    for series in latency.of(row.id):
        by_program.setdefault(series.program, {})[series.label] = series
    return by_program


def markdown(growth: Growth) -> str:
    lines: list[str] = []
    for curve in growth.curves:
        lines += curve_table(curve)
    lines += latency_table(growth.latency)
    workers, rounds = growth.settings.workers, growth.settings.rounds
    lines += [f"{cpu_name()}, {len(os.sched_getaffinity(0))} CPUs, {workers} workers where nothing else is said, "]
    lines[-1] += f"medians of {rounds} runs."
    failed = sorted({trouble.partition(":")[0] for trouble in growth.troubles()} - set(growth.hangs()))
    if failed:
        lines[-1] += f" Failed at some values: {', '.join(failed)}."
    if growth.hangs():
        lines[-1] += f" Not done after {growth.settings.timeout_s:.0f} s: {', '.join(growth.hangs())}."
    return "\n".join(lines) + "\n"


def as_json(growth: Growth) -> str:
    def values(results: Results, row: Row) -> list[dict[str, object]]:
        return [{"program": one.program, "label": one.label, "values": one.values} for one in results.of(row.id)]

    curves = [
        {
            "row": curve.row.id,
            "unit": curve.row.unit,
            "by": curve.axis.words,
            "points": [{"at": at, "series": values(results, curve.row)} for at, results in curve.points.items()],
        }
        for curve in growth.curves
    ]
    latency = {row.id: values(growth.latency, row) for row in printed_along(LATENCY)}
    return json.dumps({"cpu": cpu_name(), "curves": curves, "latency_us": latency}, indent=1) + "\n"

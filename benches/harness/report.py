"""Shows results as text, as Markdown for the documentation and as JSON for programs."""

from __future__ import annotations

import json
import platform
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from .measure import Results, Series, Settings
from .programs import Built
from .rows import LIMITS, NOTES, OURS, ROWS, UNITS, Row, notes
from .verdict import Verdict, compare, judge


def number(value: float) -> str:
    """About three digits: more would promise more than a noisy machine can keep."""
    if value == 0:
        return "0"
    if value >= 100:
        return f"{round(value, 3 - len(str(int(value)))):,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def spread(series: Series) -> str:
    return f"[{number(series.lowest)} - {number(series.highest)}]"


def marked(series: Series, row: Row) -> str:
    keys = notes(series.program, row.id)
    return f"{series.name} ({keys})" if keys else series.name


def verdict_text(verdict: Verdict) -> str:
    answer = {True: "met", False: "NOT MET", None: "not measured"}[verdict.met]
    return f"bar {verdict.bar}: {answer}"


def cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def measured_rows(results: Results) -> list[Row]:
    return [row for row in ROWS if results.of(row.id)]


def ordered(results: Results, row: Row) -> list[Series]:
    """Ours and its variants, then the peers from the best on, then the limits."""
    ours = results.ours(row.id)
    peers = sorted(results.peers(row.id), key=lambda series: series.median)
    return ([ours] if ours else []) + results.variants(row.id) + peers + results.limits(row.id)


def used_notes(results: Results) -> list[str]:
    rows = measured_rows(results)
    used = {key for row in rows for series in results.of(row.id) for key in notes(series.program, row.id)}
    return [f"({key}) {text}" for key, text in NOTES.items() if key in used]


def text(results: Results, built: Built, settings: Settings) -> str:
    lines = [f"{settings.workers} workers, medians of {settings.rounds} runs [lowest - highest]; less is better"]
    if settings.size == "quick":
        lines.append("quick: with fewer tasks and items than the titles say")
    for row in measured_rows(results):
        lines += ["", f"{row.id}: {row.title} ({UNITS[row.unit]})"]
        ours = results.ours(row.id)
        for series in ordered(results, row):
            name = f"limit: {series.name}" if series.program == LIMITS else marked(series, row)
            times = f"{series.median / ours.median:6.2f} x" if ours and ours.median and series is not ours else ""
            lines.append(f"  {name:<46} {number(series.median):>10}  {spread(series):<23} {times}".rstrip())
        lines += [f"  {OURS} / {one.words}: {one.ratio:.2f}" for one in compare(row, results)]
        lines += [f"  {verdict_text(verdict)}" for verdict in judge(row, results)]
    lines += ["", *used_notes(results)]
    lines += [f"{missing.name} is missing: {missing.reason}" for missing in built.missing]
    lines += [f"failed: {failure}" for failure in results.failures]
    lines += [f"hung in {times} of {settings.rounds} runs: {what}" for what, times in Counter(results.hangs).items()]
    return "\n".join(lines)


def cell(series: Sequence[Series]) -> str:
    if not series:
        return ""
    best = min(series, key=lambda one: one.median)
    label = f" ({best.label})" if best.label else ""
    return f"{number(best.median)} {spread(best)}{label}"


def table(results: Results, rows: Sequence[Row], peers: Sequence[str]) -> list[str]:
    """One line a row and one column a program; of a peer's variants the best."""
    compared = [f"{OURS} / ..."] if peers else []
    header = ["row", "unit", OURS, *peers, "limit", *compared, "bar"]
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    for row in rows:
        ours = results.ours(row.id)
        variants = [f"; {cell([series])}" for series in results.variants(row.id)]
        of_peer = [[series for series in results.peers(row.id) if series.program == peer] for peer in peers]
        limits = "; ".join(f"{number(series.median)} ({series.name})" for series in results.limits(row.id))
        ratios = "; ".join(f"{one.ratio:.2f} {one.words}" for one in compare(row, results))
        bars = "; ".join(verdict_text(verdict)[4:] for verdict in judge(row, results))
        columns = [f"{row.id}: {row.title}", UNITS[row.unit]]
        columns += [f"**{cell([ours])}**{''.join(variants)}" if ours else ""]
        columns += [cell(series) for series in of_peer]
        columns += [limits, *([ratios] if peers else []), bars]
        lines.append("| " + " | ".join(columns) + " |")
    return lines


def markdown(results: Results, built: Built, settings: Settings, rows: Sequence[Row]) -> str:
    """A table of the rows that have peers, one of those that have none, and what was measured where."""
    ids = {row.id for row in rows}
    programs = [program for program in built.programs if program.name != LIMITS and ids.intersection(program.rows)]
    peers = list(dict.fromkeys(program.name for program in programs if program.name != OURS))
    alone = [row for row in rows if not results.peers(row.id)]
    lines: list[str] = []
    for of_table, columns in (([row for row in rows if row not in alone], peers), (alone, [])):
        if of_table:
            lines += [*table(results, of_table, columns), ""]
    known = {program.name: program.version for program in programs if program.version}
    versions = "; ".join(f"{name} {version}" for name, version in known.items())
    hangs = Counter(hang for hang in results.hangs if hang.split()[-1] in ids)
    if hangs:
        told = ", ".join(f"{what} in {times}" for what, times in hangs.items())
        versions += f". Hung in some of {settings.rounds} runs: {told}"
    lines += [f"{cpu_name()}, {settings.workers} workers, medians of {settings.rounds} runs. {versions}."]
    return "\n".join(lines) + "\n"


def as_json(results: Results, built: Built, settings: Settings) -> str:
    def describe(series: Series) -> dict[str, object]:
        return {
            "program": series.program,
            "label": series.label,
            "median": series.median,
            "min": series.lowest,
            "max": series.highest,
            "values": series.values,
        }

    rows = [
        {
            "id": row.id,
            "title": row.title,
            "unit": row.unit,
            "series": [describe(series) for series in ordered(results, row)],
            "ratios": {one.words: one.ratio for one in compare(row, results)},
            "bars": [{"bar": verdict.bar, "met": verdict.met} for verdict in judge(row, results)],
        }
        for row in measured_rows(results)
    ]
    document = {
        "cpu": cpu_name(),
        "system": f"{platform.system()} {platform.release()}",
        "workers": settings.workers,
        "size": settings.size,
        "rounds": settings.rounds,
        "versions": {program.name: program.version for program in built.programs if program.version},
        "missing": {missing.name: missing.reason for missing in built.missing},
        "seconds": results.seconds,
        "failures": results.failures,
        "hangs": results.hangs,
        "rows": rows,
    }
    return json.dumps(document, indent=1) + "\n"

"""Compares a row's results with its bars."""

from __future__ import annotations

from dataclasses import dataclass

from .measure import Results
from .rows import OURS, RUNS_AT_ONCE, UNITS, Against, Bar, Row


@dataclass(frozen=True)
class Verdict:
    """met is None where what the bar is about was not measured."""

    bar: str
    met: bool | None


def yardstick(bar: Bar, row: Row, results: Results) -> tuple[str, float | None]:
    """What the bar compares with, in words, and its value in this run."""
    where = bar.row or row.id
    best = results.best_peer(where)
    limits = results.limits(where)
    if bar.against is Against.PEER:
        found = [series for series in results.peers(where) if series.program == bar.peer]
        words = bar.peer + (f"'s {bar.row}" if bar.row else "")
        return words, min(series.median for series in found) if found else None
    if bar.against is Against.BEST:
        return "the best peer", best.median if best else None
    if bar.against is Against.BEST_RANGE:
        return "the best peer's slowest run", best.highest if best else None
    if bar.against is Against.BEST_QUEUEING:
        queueing = results.best_peer(where, without_note=RUNS_AT_ONCE)
        return "the best peer that queues every task", queueing.median if queueing else None
    if bar.against is Against.LIMIT:
        return limits[0].name if limits else "the limit", limits[0].median if limits else None
    if bar.against is Against.VARIANT:
        variant = next((series for series in results.variants(where) if series.label == bar.peer), None)
        return f"{OURS} {bar.peer}", variant.median if variant else None
    if bar.against is Against.UNIT:
        return UNITS[row.unit], 1.0
    return "0", 0.0


def heights(row: Row, results: Results) -> list[float]:
    """Where the row's bars lie in this run, in the row's unit."""
    values = [(bar.factor, yardstick(bar, row, results)[1]) for bar in row.bars]
    return [factor * value for factor, value in values if value]


def judge(row: Row, results: Results) -> list[Verdict]:
    ours = results.ours(row.id)
    verdicts = []
    for bar in row.bars:
        words, value = yardstick(bar, row, results)
        text = words if bar.factor == 1 or bar.against is Against.NOTHING else f"{bar.factor:g} x {words}"
        if bar.against is Against.UNIT:
            met = None if ours is None else ours.median <= bar.factor
            verdicts.append(Verdict(f"<= {bar.factor:,.0f} {words}", met))
        elif ours is None or value is None:
            verdicts.append(Verdict(f"<= {text}", None))
        elif value == 0 or bar.against is Against.NOTHING:
            verdicts.append(Verdict(f"<= {text}", ours.median <= value))
        else:
            verdicts.append(Verdict(f"<= {text}; is {ours.median / value:.2f} x", ours.median <= bar.factor * value))
    return verdicts


@dataclass(frozen=True)
class Comparison:
    """Our median over that of the best peer, of all or of some."""

    words: str
    ratio: float


def compare(row: Row, results: Results) -> list[Comparison]:
    """With the best peer; where that one does the work without queueing it, also with the best that does queue."""
    ours, best = results.ours(row.id), results.best_peer(row.id)
    with_nothing = any(bar.against is Against.NOTHING for bar in row.bars)
    if with_nothing or ours is None or best is None or best.median == 0:
        return []
    comparisons = [Comparison(f"best peer ({best.name})", ours.median / best.median)]
    queueing = results.best_peer(row.id, without_note=RUNS_AT_ONCE)
    if queueing is not None and queueing is not best and queueing.median > 0:
        comparisons.append(Comparison(f"best that queues every task ({queueing.name})", ours.median / queueing.median))
    return comparisons

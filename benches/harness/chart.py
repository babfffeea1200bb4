"""Draws the results: a line a row, all programs on one axis of ratios to Millpond."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .measure import Results, Series, Settings
from .report import number, spread
from .rows import OURS, RUNS_AT_ONCE, UNITS, Row, notes
from .svg import Scale, circle, diamond, document, path, round_step, tick_text, width_of, words
from .verdict import compare, heights, judge

WIDTH = 1200
MARGIN = 26
AXIS = 372
AXIS_WIDTH = 548
VALUES = 950
HEADER = 104
FOOTER = 46

TITLE_COLUMNS = 54
LABEL = 10.5
LANE = 12
# Ratios beyond are drawn at the end of the axis, with an arrow.
FARTHEST = 100.0


@dataclass(frozen=True)
class Mark:
    """One program, or limit, on a row's axis."""

    name: str
    ratio: float
    low: float
    high: float
    style: str


def best_of(series: Sequence[Series]) -> list[Series]:
    """One for each program: of its variants the best."""
    best: dict[str, Series] = {}
    for one in sorted(series, key=lambda one: one.median):
        best.setdefault(one.program, one)
    return list(best.values())


def starred(series: Series, row: Row) -> str:
    return series.program + "*" * (RUNS_AT_ONCE in notes(series.program, row.id))


def marks(results: Results, row: Row, ours: Series) -> list[Mark]:
    def mark(series: Series, name: str, style: str) -> Mark:
        unit = ours.median
        return Mark(name, series.median / unit, series.lowest / unit, series.highest / unit, style)

    peers = best_of(results.peers(row.id))
    found = [mark(one, starred(one, row), "peer-mark" if at else "best-mark") for at, one in enumerate(peers)]
    found += [mark(one, one.label, "ours-variant") for one in results.variants(row.id)]
    found += [mark(one, one.label, "limit-mark") for one in results.limits(row.id)]
    return sorted(found, key=lambda one: one.ratio)


def lanes(found: Sequence[Mark], scale: Scale) -> list[int]:
    """For each label a lane in which it meets no other: 1 above, -1 below, 2 above that, and so on."""
    ends: dict[int, float] = {}
    chosen = []
    for one in found:
        x, half = scale.at(one.ratio), width_of(label(one, scale), LABEL) / 2
        lane = next(lane for lane in (1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6) if ends.get(lane, 0.0) < x - half)
        ends[lane] = x + half + 4
        chosen.append(lane)
    return chosen


def label(mark: Mark, scale: Scale) -> str:
    if not scale.beyond(mark.ratio):
        return mark.name
    told = number(mark.ratio) if mark.ratio >= 1 else f"{mark.ratio:.1g}"
    return f"{mark.name} {told} x"


def clamped(x: float, half: float) -> float:
    return min(max(x, AXIS - 14 + half), AXIS + AXIS_WIDTH + 14 - half)


def draw_mark(mark: Mark, lane: int, y: float, scale: Scale) -> list[str]:
    x = scale.at(mark.ratio)
    low, high = scale.at(mark.low), scale.at(mark.high)
    parts = []
    if high - low > 6:
        parts.append(path(f"M{low:.1f} {y:.1f}H{high:.1f}", "peer-line", 1, 'opacity="0.6"'))
    if mark.style == "limit-mark":
        parts.append(diamond(x, y, 4.6, "limit-mark"))
    elif mark.style == "ours-variant":
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.6" class="ours-line" stroke-width="1.5"/>')
    else:
        parts.append(circle(x, y, 4.2, mark.style))
    # Between the dot and the first lane there is a gap; each further lane is one line away.
    text_y = y - 8 - (lane - 1) * LANE if lane > 0 else y + 15 + (-lane - 1) * LANE
    style = {"limit-mark": "faint italic", "best-mark": "bold", "ours-variant": "ours"}.get(mark.style, "")
    half = width_of(label(mark, scale), LABEL) / 2
    parts.append(words(clamped(x, half), text_y, label(mark, scale), LABEL, f"{style} halo".strip(), "middle"))
    return parts


def draw_title(row: Row, y: float) -> list[str]:
    lines = textwrap.wrap(row.title, TITLE_COLUMNS)
    parts = [words(MARGIN, y - 4 * (len(lines) - 1) - 3, row.id, 13, "bold")]
    return parts + [words(MARGIN, y + 12 + 13 * at - 4 * (len(lines) - 1), line, 11.5) for at, line in enumerate(lines)]


def draw_values(results: Results, row: Row, ours: Series, y: float) -> list[str]:
    unit = UNITS[row.unit]
    value = words(VALUES, y - 6, f"{number(ours.median)} {unit}", 13, "ours bold")
    at = VALUES + width_of(f"{number(ours.median)} {unit}", 14.5) + 8
    parts = [value, words(at, y - 6, spread(ours) if ours.highest else "", 10.5, "faint")]
    told = [f"{one.ratio:.2f} x {one.words}" for one in compare(row, results)[:1]]
    parts += [words(VALUES, y + 8, line, 11, "faint") for line in told]
    verdicts = [verdict.met for verdict in judge(row, results) if verdict.met is not None]
    if verdicts:
        met = all(verdicts)
        line = y + 22 if told else y + 8
        parts.append(words(VALUES, line, "goal met" if met else "goal not met", 11, "ours" if met else "missed bold"))
    return parts


def draw_nothing(results: Results, row: Row, y: float) -> list[str]:
    """Nobody can be compared with zero; but it can be said who has that, too."""
    others = best_of(results.peers(row.id))
    some = [f"{one.program} {number(one.median)} {UNITS[row.unit]}" for one in others if one.median > 0]
    none = [one.program for one in others if one.median == 0]
    told = f"0, as {', '.join(none)}" if none else "0"
    return [words(AXIS, y + 4, told + (f"; {', '.join(some)}" if some else ""), 11.5, "halo")]


@dataclass(frozen=True)
class Line:
    """A row with its marks laid out."""

    row: Row
    ours: Series
    found: list[Mark]
    lanes: list[int]

    @property
    def above(self) -> float:
        return 20 + LANE * max([0, *self.lanes])

    @property
    def below(self) -> float:
        return max(30, 16 + LANE * max([0, *(-lane for lane in self.lanes)]))

    def draw(self, results: Results, y: float, scale: Scale) -> list[str]:
        parts = draw_title(self.row, y) + draw_values(results, self.row, self.ours, y)
        if self.ours.median == 0:
            return parts + draw_nothing(results, self.row, y)
        for goal in heights(self.row, results):
            x = scale.at(goal / self.ours.median)
            parts.append(path(f"M{x:.1f} {y - 15:.1f}v30", "goal-line", 2.5))
        low, high = (scale.at(value / self.ours.median) for value in (self.ours.lowest, self.ours.highest))
        parts.append(path(f"M{low:.1f} {y:.1f}H{high:.1f}", "ours-line", 2))
        parts.append(path(f"M{low:.1f} {y - 3.5:.1f}v7M{high:.1f} {y - 3.5:.1f}v7", "ours-line", 1.5))
        for mark, lane in zip(self.found, self.lanes):
            parts += draw_mark(mark, lane, y, scale)
        return [*parts, circle(scale.at(1), y, 5.4, "ours-mark")]


def lay_out(results: Results, rows: Sequence[Row]) -> tuple[list[Line], Scale]:
    measured = [(row, ours) for row in rows if (ours := results.ours(row.id)) is not None]
    found = [(row, ours, marks(results, row, ours) if ours.median > 0 else []) for row, ours in measured]
    ratios = [1.0, *(min(max(one.ratio, 1 / FARTHEST), FARTHEST) for _, _, row in found for one in row)]
    scale = Scale(round_step(min(ratios) * 0.8, False), round_step(max(ratios) * 1.2, True), AXIS, AXIS_WIDTH)
    scale = Scale(min(scale.low, 0.5), max(scale.high, 2), AXIS, AXIS_WIDTH)
    return [Line(row, ours, row_marks, lanes(row_marks, scale)) for row, ours, row_marks in found], scale


def draw_axis(scale: Scale, top: float, bottom: float) -> list[str]:
    parts = []
    for tick in scale.ticks(36):
        x = scale.at(tick)
        parts.append(path(f"M{x:.1f} {top:.1f}V{bottom:.1f}", "grid", 1))
        for y in (top - 6, bottom + 15):
            parts.append(words(x, y, f"{tick_text(tick)} x", 10.5, "faint", "middle"))
    one = scale.at(1)
    return [*parts, path(f"M{one:.1f} {top:.1f}V{bottom:.1f}", "ours-line", 1.2, 'opacity="0.7"')]


def legend(y: float, with_variants: bool) -> list[str]:
    signs: tuple[tuple[str, Callable[[float], str] | None, str], ...] = (
        ("Millpond, lowest to highest run", lambda x: path(f"M{x} {y - 4}h26", "ours-line", 2), "ours-mark"),
        ("best peer", None, "best-mark"),
        ("other peers", None, "peer-mark"),
    )
    parts = []
    x = float(MARGIN)
    for name, under, style in signs:
        parts += [under(x)] if under else []
        parts += [circle(x + 13, y - 4, 4.6, style), words(x + 32, y, name, 11.5)]
        x += 52 + width_of(name, 11.5)
    parts += [diamond(x + 8, y - 4, 4.6, "limit-mark"), words(x + 22, y, "limit of the machine", 11.5)]
    x += 42 + width_of("limit of the machine", 11.5)
    if with_variants:
        parts.append(f'<circle cx="{x + 8}" cy="{y - 4}" r="3.6" class="ours-line" stroke-width="1.5"/>')
        parts.append(words(x + 22, y, "Millpond otherwise", 11.5))
        x += 42 + width_of("Millpond otherwise", 11.5)
    parts += [
        path(f"M{x + 4} {y - 12}v16", "goal-line", 2.5),
        words(x + 14, y, "goal for Millpond: at most this", 11.5),
    ]
    return parts


def draw(results: Results, settings: Settings, rows: Sequence[Row], title: str) -> str:
    lines, scale = lay_out(results, rows)
    parts: list[str] = []
    y = float(HEADER)
    for at, line in enumerate(lines):
        height = line.above + line.below
        if at % 2 == 0:
            parts.append(f'<rect x="10" y="{y:.1f}" width="{WIDTH - 20}" height="{height:.1f}" rx="5" class="band"/>')
        y += height
    parts += draw_axis(scale, HEADER, y)
    bottom = y
    y = float(HEADER)
    for line in lines:
        parts += line.draw(results, y + line.above, scale)
        y += line.above + line.below
    subtitle = f"medians of {settings.rounds} interleaved runs, {settings.workers} workers"
    head = [
        words(MARGIN, 36, title, 20, "bold"),
        words(WIDTH - MARGIN, 36, subtitle, 12, "faint", "end"),
        *legend(64, any(mark.style == "ours-variant" for line in lines for mark in line.found)),
        words(scale.at(1) - 12, HEADER - 22, "← cheaper than Millpond", 11, "faint", "end"),
        words(scale.at(1) + 12, HEADER - 22, "dearer than Millpond →", 11, "faint"),
    ]
    if any("*" in mark.name for line in lines for mark in line.found):
        star = "* once enough tasks are queued, the submitter runs new ones itself, at once"
        head.append(words(WIDTH - MARGIN, bottom + 34, star, 10.5, "faint", "end"))
    return document(WIDTH, bottom + FOOTER, f"{title}: {OURS} = 1", [*head, *parts])

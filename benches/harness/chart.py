"""Draws the results: a panel a row, a bar a program, lengths on a log scale of the panel's own."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log10
from xml.sax.saxutils import escape

from .measure import Results, Series, Settings
from .report import measured_rows, number, ordered
from .rows import LIMITS, OURS, UNITS, Row
from .verdict import heights

WIDTH = 1180
MARGIN = 24
GAP = 18
HEADER = 92
COLUMNS = 2
PANEL = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GAP) / COLUMNS

PADDING = 18
NAMES = 182
VALUES = 92
TOP = 54
LINE = 24
BAR = 15
AXIS = 26

OURS_COLOUR = "#0f766e"
PEER_COLOUR = "#a8b8c9"
LIMIT_COLOUR = "#eef2f6"
WHISKER_COLOUR = "#334155"
INK = "#1e293b"
FAINT_INK = "#64748b"
GRID = "#e2e8f0"
GOAL_COLOUR = "#d97706"

LONGEST_NAME = 29
CHARACTER = 6.0


@dataclass(frozen=True)
class Scale:
    """From values to pixels; a value of nothing, which no log scale has, lies at its left end."""

    low: float
    high: float
    left: float
    width: float

    def x(self, value: float) -> float:
        share = log10(max(value, self.low) / self.low) / log10(self.high / self.low)
        return self.left + min(share, 1) * self.width

    def ticks(self) -> list[float]:
        """Powers of ten, and what lies between them as far as there is room for the numbers."""
        powers = range(floor(log10(self.low)), ceil(log10(self.high)) + 1)
        ticks: list[float] = []
        for steps in ((1, 2, 5), (1, 3), (1,)):
            candidates = [step * 10.0**power for power in powers for step in steps]
            ticks = [tick for tick in candidates if self.low <= tick * 1.001 and tick <= self.high * 1.001]
            pairs = zip(ticks, ticks[1:])
            if all(self.x(b) - self.x(a) > CHARACTER * (len(tick_text(b)) + 2) for a, b in pairs):
                break
        return ticks


def tick_text(tick: float) -> str:
    return f"{tick:,.0f}" if tick >= 1 else f"{tick:g}"


def round_step(value: float, up: bool) -> float:
    """The next of 1, 2, 5, 10, ... above or below."""
    power = 10.0 ** floor(log10(value))
    steps = [power * step for step in (1, 2, 5, 10)]
    if up:
        return next(step for step in steps if step >= value * 0.999)
    return next(step for step in reversed(steps) if step <= value * 1.001)


def scale_of(series: list[Series], left: float) -> Scale:
    values = [value for one in series for value in (one.lowest, one.highest) if value > 0] or [1.0]
    low = round_step(min(values) * 0.7, up=False)
    high = round_step(max(values), up=True)
    return Scale(low, max(high, low * 10), left, PANEL - 2 * PADDING - NAMES - VALUES)


def words(x: float, y: float, content: str, size: float, colour: str = INK, extra: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{colour}" {extra}>{escape(content)}</text>'


def shorten(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1].rstrip() + "…"


def colour_of(series: Series) -> str:
    return {OURS: OURS_COLOUR, LIMITS: LIMIT_COLOUR}.get(series.program, PEER_COLOUR)


def draw_series(series: Series, scale: Scale, x: float, y: float, unit: str) -> list[str]:
    middle = y + LINE / 2
    end = max(scale.x(series.median), scale.left + 1.5)
    ours, limit = series.program == OURS, series.program == LIMITS
    ink = OURS_COLOUR if ours else FAINT_INK if limit else INK
    style = 'font-weight="700"' if ours else 'font-style="italic"' if limit else ""
    border = f'stroke="{FAINT_INK}" stroke-dasharray="3 2" stroke-width="0.8"' if limit else ""
    parts = [
        words(
            x + NAMES - 10, middle + 4, shorten(series.name), 12 if not limit else 11, ink, f'text-anchor="end" {style}'
        ),
        f'<rect x="{scale.left:.1f}" y="{middle - BAR / 2:.1f}" width="{end - scale.left:.1f}" height="{BAR}" '
        f'rx="2" fill="{colour_of(series)}" {border}/>',
    ]
    low, high = scale.x(series.lowest), scale.x(series.highest)
    if high - low > 1.5:
        parts.append(
            f'<path d="M{low:.1f} {middle:.1f}H{high:.1f}M{low:.1f} {middle - 3:.1f}v6M{high:.1f} {middle - 3:.1f}v6" '
            f'stroke="{WHISKER_COLOUR}" stroke-width="1" opacity="0.75"/>'
        )
    label = f"{number(series.median)} {unit}"
    parts.append(words(max(end, high) + 7, middle + 4, label, 12, ink, style if ours else ""))
    return parts


def unit_of(row: Row) -> str:
    return {"ratio": "x", "wakes": ""}.get(row.unit, UNITS[row.unit])


def nothing_to_draw(series: list[Series]) -> bool:
    return all(one.highest == 0 for one in series)


def panel_height(results: Results, row: Row) -> float:
    if nothing_to_draw(results.of(row.id)):
        return TOP + LINE
    return TOP + LINE * len(results.of(row.id)) + AXIS + 8


def draw_panel(results: Results, row: Row, x: float, y: float) -> list[str]:
    series = ordered(results, row)
    height = panel_height(results, row)
    inner = x + PADDING
    scale = scale_of(series, inner + NAMES)
    bottom = y + TOP + LINE * len(series)
    parts = [
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{PANEL:.1f}" height="{height:.1f}" '
        f'rx="8" fill="#ffffff" stroke="{GRID}"/>',
        f'<text x="{inner:.1f}" y="{y + 30:.1f}" font-size="13" fill="{FAINT_INK}"><tspan font-size="15" '
        f'font-weight="700" fill="{INK}">{escape(row.id)}</tspan><tspan dx="9">{escape(row.title)}</tspan></text>',
    ]
    if nothing_to_draw(series):
        return [*parts, words(inner, y + TOP + 6, f"0 for all {len(series)} programs", 12)]
    for tick in scale.ticks():
        at = scale.x(tick)
        parts.append(f'<path d="M{at:.1f} {y + TOP - 4:.1f}V{bottom + 4:.1f}" stroke="{GRID}" stroke-width="1"/>')
        parts.append(words(at, bottom + 18, tick_text(tick), 10.5, FAINT_INK, 'text-anchor="middle"'))
    for at, one in enumerate(series):
        parts += draw_series(one, scale, inner, y + TOP + at * LINE, unit_of(row))
    for goal in heights(row, results):
        at = scale.x(goal)
        parts.append(
            f'<path d="M{at:.1f} {y + TOP - 4:.1f}V{bottom + 4:.1f}" stroke="{GOAL_COLOUR}" '
            'stroke-width="1.5" stroke-dasharray="4 3"/>'
        )
    return parts


def legend(y: float) -> list[str]:
    parts = []
    x = float(MARGIN)
    for name, colour in (("Millpond", OURS_COLOUR), ("peers", PEER_COLOUR), ("limit of the machine", LIMIT_COLOUR)):
        parts.append(f'<rect x="{x}" y="{y - 10}" width="14" height="12" rx="2" fill="{colour}" stroke="{GRID}"/>')
        parts.append(words(x + 20, y, name, 12, FAINT_INK))
        x += 44 + 6.6 * len(name)
    parts.append(f'<path d="M{x + 7} {y - 11}v14" stroke="{GOAL_COLOUR}" stroke-width="1.5" stroke-dasharray="4 3"/>')
    parts.append(words(x + 20, y, "goal", 12, FAINT_INK))
    x += 80
    text = "bar: median; whisker: lowest to highest run; each panel has a log scale of its own"
    parts.append(words(x, y, text, 12, FAINT_INK))
    return parts


def draw(results: Results, settings: Settings) -> str:
    ends = [float(HEADER)] * COLUMNS
    parts: list[str] = []
    for row in measured_rows(results):
        column = ends.index(min(ends))
        parts += draw_panel(results, row, MARGIN + column * (PANEL + GAP), ends[column])
        ends[column] += panel_height(results, row) + GAP
    height = max(ends) + MARGIN - GAP
    title = f"Millpond and its peers, {settings.workers} workers"
    subtitle = f"medians of {settings.rounds} interleaved runs; shorter is better"
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" '
        f'viewBox="0 0 {WIDTH} {height:.0f}" font-family="Inter, Helvetica, Arial, DejaVu Sans, sans-serif">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height:.0f}" fill="#f8fafc"/>',
        words(MARGIN, 40, title, 22, INK, 'font-weight="700"'),
        words(WIDTH - MARGIN, 40, subtitle, 13, FAINT_INK, 'text-anchor="end"'),
        *legend(70),
    ]
    return "\n".join([*head, *parts, "</svg>"]) + "\n"

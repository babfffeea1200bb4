"""Draws how costs grow: a panel a curve with a line a program, and a panel for each situation of the latencies."""

from __future__ import annotations

from collections.abc import Sequence

from .growth import Curve, Growth, latencies, printed_along, short
from .measure import Series
from .report import number
from .rows import LATENCY, OURS
from .svg import Scale, document, path, round_step, tick_text, width_of, words

WIDTH = 1200
MARGIN = 26
GAP = 20
COLUMNS = 2
PANEL = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GAP) / COLUMNS
HEIGHT = 292
HEADER = 62

LEFT = 62
RIGHT = 92
TOP = 50
BOTTOM = 44
LINE = 12.5
BAR = 26

COLOURS = {
    OURS: "#0d9488",
    "oneTBB": "#3b7ddd",
    "OpenMP": "#b0529c",
    "rayon": "#d9822b",
    "forte": "#8a6fd1",
    "chili": "#c2553d",
    "GLib": "#4d9a5b",
    "libuv": "#9c8420",
    "pthreadpool": "#7b8ea5",
}


def coloured(x: float, y: float, content: str, program: str, anchor: str = "start") -> str:
    weight = ' font-weight="700"' if program == OURS else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="11" style="fill: {COLOURS[program]}" text-anchor="{anchor}"{weight}>'
        f"{content}</text>"
    )


def stroke(data: str, program: str, width: float, more: str = "") -> str:
    return f'<path d="{data}" fill="none" stroke="{COLOURS[program]}" stroke-width="{width:g}" {more}/>'


def dot(x: float, y: float, program: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{3.6 if program == OURS else 2.8:g}" fill="{COLOURS[program]}"/>'


def spread_labels(wanted: Sequence[float], top: float, bottom: float) -> list[float]:
    """Where the labels of lines that end close together go: in order, one line apart, none below the panel."""
    order = sorted(range(len(wanted)), key=lambda at: wanted[at])
    places = list(wanted)
    lowest = top - LINE
    for at in order:
        places[at] = lowest = max(wanted[at], lowest + LINE)
    highest = bottom + LINE
    for at in reversed(order):
        places[at] = highest = min(places[at], highest - LINE)
    return places


def frame(title: str, unit: str, x: float, y: float, height: float) -> list[str]:
    return [
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{PANEL:.1f}" height="{height:.1f}" rx="6" class="band"/>',
        words(x + 16, y + 24, title, 13, "bold"),
        words(x + PANEL - 16, y + 24, unit, 11, "faint", "end"),
    ]


def draw_curve(curve: Curve, x: float, y: float) -> list[str]:
    lines = curve.lines()
    values = [value for points in lines.values() for one in points.values() for value in (one.lowest, one.highest)]
    positive = [value for value in values if value > 0] or [1.0]
    low, high = round_step(min(positive) * 0.9, False), round_step(max(positive) * 1.05, True)
    bottom, top = y + HEIGHT - BOTTOM, y + TOP
    across = Scale(min(curve.points), max(curve.points), x + LEFT, PANEL - LEFT - RIGHT)
    up = Scale(low, max(high, low * 5), bottom, top - bottom)
    parts = frame(curve.title, curve.unit, x, y, HEIGHT)
    for tick in up.ticks(16):
        at = up.at(tick)
        parts.append(path(f"M{across.start:.1f} {at:.1f}h{across.length:.1f}", "grid", 1))
        parts.append(words(across.start - 8, at + 4, tick_text(tick), 10.5, "faint", "end"))
    for value in curve.points:
        parts.append(words(across.at(value), bottom + 17, short(value), 10.5, "faint", "middle"))
    parts.append(words(across.start + across.length / 2, bottom + 33, curve.axis.words, 11, "faint", "middle"))
    ends = [up.at(list(points.values())[-1].median) + 4 for points in lines.values()]
    for (program, points), label_y in reversed(list(zip(lines.items(), spread_labels(ends, top, bottom + 4)))):
        places = [(across.at(value), one) for value, one in points.items()]
        route = "L".join(f"{at:.1f} {up.at(one.median):.1f}" for at, one in places)
        parts.append(stroke(f"M{route}", program, 2.6 if program == OURS else 1.6))
        for at, one in places:
            whisker = f"M{at:.1f} {up.at(one.lowest):.1f}V{up.at(one.highest):.1f}"
            parts += [stroke(whisker, program, 1, 'opacity="0.45"'), dot(at, up.at(one.median), program)]
        parts.append(coloured(across.start + across.length + 9, label_y, program, program))
    return parts


def latency_height(count: int) -> float:
    return TOP + BAR * count + BOTTOM


def draw_latency(title: str, by_program: dict[str, dict[str, Series]], x: float, y: float) -> list[str]:
    medians = [one.median for labels in by_program.values() for one in labels.values() if one.median > 0]
    scale = Scale(
        round_step(min(medians) * 0.8, False), round_step(max(medians) * 1.05, True), x + 86, PANEL - 86 - 176
    )
    bottom = y + TOP + BAR * len(by_program)
    parts = frame(title, "µs: p50, p99, worst", x, y, latency_height(len(by_program)))
    for tick in scale.ticks(46):
        at = scale.at(tick)
        parts.append(path(f"M{at:.1f} {y + TOP - 6:.1f}V{bottom:.1f}", "grid", 1))
        parts.append(words(at, bottom + 16, tick_text(tick), 10.5, "faint", "middle"))
    for at, (program, labels) in enumerate(by_program.items()):
        middle = y + TOP + BAR * at + BAR / 2 - 4
        p50, p99, worst = (scale.at(labels[label].median) for label in ("p50", "p99", "worst"))
        parts.append(coloured(x + 76, middle + 4, program, program, "end"))
        parts.append(stroke(f"M{p50:.1f} {middle:.1f}H{p99:.1f}", program, 5))
        parts.append(stroke(f"M{p99:.1f} {middle:.1f}H{worst:.1f}", program, 1.5))
        parts.append(stroke(f"M{worst:.1f} {middle - 5:.1f}v10", program, 1.5))
        parts.append(dot(p50, middle, program))
        shown = " / ".join(number(labels[label].median) for label in ("p50", "p99", "worst"))
        parts.append(words(x + PANEL - 16, middle + 4, shown, 10.5, "faint halo", "end"))
    return parts


def draw(growth: Growth) -> str:
    parts: list[str] = []
    y = float(HEADER)
    for at, curve in enumerate(growth.curves):
        column, line = at % COLUMNS, at // COLUMNS
        parts += draw_curve(curve, MARGIN + column * (PANEL + GAP), HEADER + line * (HEIGHT + GAP))
        y = HEADER + (line + 1) * (HEIGHT + GAP)
    # Where the curves leave a place in the last line, the latencies begin in the next.
    column, highest = 0, 0.0
    for row in printed_along(LATENCY):
        by_program = latencies(growth.latency, row)
        if not by_program:
            continue
        parts += draw_latency(row.title[:1].upper() + row.title[1:], by_program, MARGIN + column * (PANEL + GAP), y)
        highest = max(highest, latency_height(len(by_program)))
        column += 1
        if column == COLUMNS:
            column, y, highest = 0, y + highest + GAP, 0.0
    end = y + highest + MARGIN if highest else y + MARGIN - GAP
    title = "How costs grow"
    subtitle = f"medians of {growth.settings.rounds} runs, lower is better; both axes are logarithmic"
    head = [
        words(MARGIN, 38, title, 20, "bold"),
        words(MARGIN + width_of(title, 23) + 16, 38, subtitle, 12, "faint"),
    ]
    return document(WIDTH, end, title, [*head, *parts])

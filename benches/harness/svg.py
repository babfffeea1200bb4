"""What the pictures share: colours for light and dark pages, text, and log scales."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from xml.sax.saxutils import escape

CHARACTER = 0.56

# A viewer that knows nothing of dark pages takes the first set of colours, on a ground of its own.
STYLE = """<style>
text { font-family: Inter, Helvetica, Arial, "DejaVu Sans", sans-serif; fill: #1e293b; }
.faint { fill: #64748b; } .ours { fill: #0f766e; } .bold { font-weight: 700; } .italic { font-style: italic; }
.missed { fill: #b45309; }
.ground { fill: #ffffff; } .band { fill: #f1f5f9; } .grid { stroke: #dbe3ec; fill: none; }
.ours-mark { fill: #0f766e; stroke: none; } .ours-line { stroke: #0f766e; fill: none; }
.peer-mark { fill: #7b8ea5; stroke: none; } .best-mark { fill: #334155; stroke: none; }
.peer-line { stroke: #7b8ea5; fill: none; }
.limit-mark { fill: #ffffff; stroke: #64748b; } .goal-line { stroke: #d97706; fill: none; }
.halo { stroke: #ffffff; stroke-width: 3; stroke-linejoin: round; paint-order: stroke; }
@media (prefers-color-scheme: dark) {
text { fill: #e2e8f0; }
.faint { fill: #94a3b8; } .ours { fill: #2dd4bf; } .missed { fill: #fbbf24; }
.ground { fill: #0d1117; } .band { fill: #161c26; } .grid { stroke: #2b3442; }
.ours-mark { fill: #2dd4bf; } .ours-line { stroke: #2dd4bf; }
.peer-mark { fill: #8496ad; } .best-mark { fill: #e2e8f0; } .peer-line { stroke: #8496ad; }
.limit-mark { fill: #0d1117; stroke: #94a3b8; } .goal-line { stroke: #fbbf24; }
.halo { stroke: #0d1117; }
}
</style>"""


@dataclass(frozen=True)
class Scale:
    """From values to pixels, along a log axis; what lies outside is put at its end."""

    low: float
    high: float
    start: float
    length: float

    def at(self, value: float) -> float:
        share = log10(max(value, self.low) / self.low) / log10(self.high / self.low)
        return self.start + min(share, 1) * self.length

    def beyond(self, value: float) -> bool:
        return value < self.low * 0.999 or value > self.high * 1.001

    def ticks(self, room: float) -> list[float]:
        """Powers of ten, and what lies between them as far as each has so much room."""
        powers = range(floor(log10(self.low)), ceil(log10(self.high)) + 1)
        ticks: list[float] = []
        for steps in ((1, 2, 5), (1, 3), (1,)):
            candidates = [step * 10.0**power for power in powers for step in steps]
            ticks = [tick for tick in candidates if not self.beyond(tick)]
            if all(abs(self.at(b) - self.at(a)) > room for a, b in zip(ticks, ticks[1:])):
                break
        return ticks


def round_step(value: float, up: bool) -> float:
    """The next of 1, 2, 5, 10, ... above or below."""
    power = 10.0 ** floor(log10(value))
    steps = [power * step for step in (1, 2, 5, 10)]
    if up:
        return next(step for step in steps if step >= value * 0.999)
    return next(step for step in reversed(steps) if step <= value * 1.001)


def tick_text(tick: float) -> str:
    return f"{tick:,.0f}" if tick >= 1 else f"{tick:g}"


def width_of(content: str, size: float) -> float:
    return len(content) * size * CHARACTER


def words(x: float, y: float, content: str, size: float, style: str = "", anchor: str = "start") -> str:
    side = f' text-anchor="{anchor}"' if anchor != "start" else ""
    names = f' class="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}"{names}{side}>{escape(content)}</text>'


def path(data: str, style: str, width: float, more: str = "") -> str:
    return f'<path d="{data}" class="{style}" stroke-width="{width:g}"{" " + more if more else ""}/>'


def circle(x: float, y: float, radius: float, style: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" class="{style}"/>'


def diamond(x: float, y: float, radius: float, style: str) -> str:
    return path(f"M{x - radius:.1f} {y:.1f}l{radius} {-radius} {radius} {radius} {-radius} {radius}z", style, 1.3)


def document(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}">',
        f"<title>{escape(title)}</title>",
        STYLE,
        f'<rect width="{width:.0f}" height="{height:.0f}" rx="8" class="ground"/>',
    ]
    return "\n".join([*head, *parts, "</svg>"]) + "\n"

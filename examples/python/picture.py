"""The frame of the programs' pictures: axes, a grid, curves, points and a legend, in SVG."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import List, Sequence, Tuple

LEFT, RIGHT, TOP, BOTTOM = 80, 770, 80, 430
STYLE = (
    "text{font:14px 'DejaVu Sans',Verdana,sans-serif;fill:#333}.title{font-size:19px}.tick{font-size:12px}"
    ".mid{text-anchor:middle}.end{text-anchor:end}path,line{fill:none;stroke-width:2}"
    ".grid{stroke:#e4e4e4;stroke-width:1}.axis{stroke:#333;stroke-width:1}"
)
COLOURS = ("#1f77b4", "#d95f02", "#2ca02c", "#7b52ab", "#999999")


def step_for(most: float) -> float:
    """The distance of two lines of the grid: 1, 2 or 5 times a power of ten, so that there are at most eight."""
    step = 1e-6
    while True:
        for factor in (1.0, 2.0, 5.0):
            if most / (step * factor) <= 8:
                return step * factor
        step *= 10


class Picture:
    """Places are given in the units of the axes: x from `x_range`, y from 0 to `top`."""

    def __init__(self, title: str, subtitle: str, x_range: Tuple[float, float], top: float) -> None:
        self._x_range, self._top = x_range, top
        self._legend: List[str] = []
        self._parts = [
            f"<style>{STYLE}</style>",
            "<rect width='100%' height='100%' fill='#fff'/>",
            f"<text class='title' x='{LEFT}' y='34'>{escape(title)}</text>",
            f"<text x='{LEFT}' y='58'>{escape(subtitle)}</text>",
        ]

    def x(self, value: float) -> float:
        first, last = self._x_range
        return LEFT + (value - first) / ((last - first) or 1) * (RIGHT - LEFT)

    def y(self, value: float) -> float:
        return BOTTOM - value / self._top * (BOTTOM - TOP)

    def add(self, svg: str) -> None:
        self._parts.append(svg)

    def axes(self, x_name: str, y_name: str, x_ticks: Sequence[Tuple[float, str]], y_scale: float = 1.0) -> None:
        """`y_scale`: what the numbers beside the grid are multiplied with."""
        step = step_for(self._top)
        for k in range(int(self._top / step + 1e-9) + 1):
            y = self.y(k * step)
            self.add(f"<line class='grid' x1='{LEFT}' x2='{RIGHT}' y1='{y:.1f}' y2='{y:.1f}'/>")
            self.add(f"<text class='tick end' x='{LEFT - 8}' y='{y + 4:.1f}'>{k * step * y_scale:g}</text>")
        for value, label in x_ticks:
            self.add(f"<text class='tick mid' x='{self.x(value):.1f}' y='{BOTTOM + 20}'>{escape(label)}</text>")
        self.add(f"<path class='axis' d='M{LEFT} {TOP}V{BOTTOM}H{RIGHT}'/>")
        self.add(f"<text class='mid' x='{(LEFT + RIGHT) // 2}' y='{BOTTOM + 44}'>{escape(x_name)}</text>")
        middle = (TOP + BOTTOM) // 2
        self.add(f"<text class='mid' transform='translate(26 {middle}) rotate(-90)'>{escape(y_name)}</text>")

    def curve(self, name: str, points: Sequence[Tuple[float, float]], dots: bool = False, dashed: bool = False) -> None:
        """In the next colour, with an entry in the legend."""
        colour = COLOURS[len(self._legend) % len(COLOURS)]
        look = f"stroke='{colour}'" + (" stroke-dasharray='7 5'" if dashed else "")
        line = "L".join(f"{self.x(x):.1f} {self.y(y):.1f}" for x, y in points)
        self.add(f"<path {look} d='M{line}'/>")
        for x, y in points if dots else ():
            self.add(f"<circle cx='{self.x(x):.1f}' cy='{self.y(y):.1f}' r='5' fill='{colour}'/>")
        place = LEFT + 345 * (len(self._legend) % 2), BOTTOM + 74 + 22 * (len(self._legend) // 2)
        key = f"<line {look} x1='{place[0]}' x2='{place[0] + 30}' y1='{place[1] - 5}' y2='{place[1] - 5}'/>"
        self._legend.append(f"{key}<text x='{place[0] + 38}' y='{place[1]}'>{escape(name)}</text>")

    def write(self, file_name: str) -> None:
        height = BOTTOM + 70 + 22 * ((len(self._legend) + 1) // 2)
        head = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 800 {height}' width='800' height='{height}'>"
        Path(file_name).write_text("\n".join([head, *self._parts, *self._legend, "</svg>", ""]), encoding="utf-8")
        print("picture:", file_name)

"""The picture of the demonstration: each program's speed-ups, on all kinds of pools, as bars side by side, in SVG."""

from __future__ import annotations

from html import escape
from typing import Dict, List, Mapping, Sequence, Tuple

from demo_table import KINDS, Result, kind_of

SCALE, TOP, BAR, GAP = 530, 100, 11, 12
LETTER = 7.6  # about the width of one, in the font of the names
PREDICTED = "#333"
COLOURS = dict(zip(KINDS, ("#1f77b4", "#d95f02", "#9ecae1", "#fdc086")))
NAMES = dict(zip(KINDS, ("threads", "processes", "Python's own threads", "Python's own processes")))

STYLE = (
    "text{font:14px 'DejaVu Sans',Verdana,sans-serif;fill:#333}.title{font-size:19px}"
    ".small{font-size:12px}.number{font-size:10px}.mid{text-anchor:middle}.end{text-anchor:end}"
)


def _tick_step(highest: float) -> float:
    for step in (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0):
        if highest / step <= 10:
            return step
    return 100.0


def _group(results: Sequence[Result], x: Mapping[float, float], left: float, y: float) -> List[str]:
    """One program's bars, one below the other, each with the mark of Amdahl's law. `x`: where a speed-up is."""
    svg = []
    for result in results:
        speedup, predicted = float(result["speedup"]), float(result["predicted"])
        end, law = x[speedup], x[predicted]
        colour, name = COLOURS[kind_of(result)], NAMES[kind_of(result)]
        svg.append(
            f"<rect x='{left}' y='{y:.1f}' width='{end - left:.1f}' height='{BAR - 1}' fill='{colour}'>"
            f"<title>{escape(name)}: {speedup:.2f} times, {escape(result['workers'])} workers</title></rect>"
        )
        svg.append(
            f"<line x1='{law:.1f}' x2='{law:.1f}' y1='{y - 1:.1f}' y2='{y + BAR:.1f}' stroke='{PREDICTED}' "
            "stroke-width='2'/>"
        )
        svg.append(f"<text class='number' x='{max(end, law) + 6:.1f}' y='{y + BAR - 2:.1f}'>{speedup:.2f}</text>")
        y += BAR
    return svg


def _legend(left: float, y: float) -> List[str]:
    svg = []
    for number, kind in enumerate(KINDS):
        x, at = left + 220 * (number % 2), y + 22 * (number // 2)
        svg.append(f"<rect x='{x}' y='{at - 10}' width='30' height='{BAR}' fill='{COLOURS[kind]}'/>")
        svg.append(f"<text x='{x + 38}' y='{at}'>{escape(NAMES[kind])}</text>")
    x = left + 460
    svg.append(f"<line x1='{x}' x2='{x}' y1='{y - 12}' y2='{y + 3}' stroke='{PREDICTED}' stroke-width='2'/>")
    svg.append(f"<text x='{x + 10}' y='{y}'>Amdahl&#8217;s law</text>")
    return svg


def bars(programs: Mapping[Tuple[str, str], Sequence[Result]]) -> str:
    """The text of the SVG. `programs`: by language and name, the results that hold a speed-up."""
    timed: Dict[str, List[Result]] = {
        f"{language}: {name}": [result for result in results if "speedup" in result]
        for (language, name), results in programs.items()
    }
    everything = [result for results in timed.values() for result in results]
    values = [1.0, *(float(result[key]) for result in everything for key in ("speedup", "predicted"))]
    step = _tick_step(max(values))
    most = step * (int(max(values) * 1.05 / step) + 1)
    left = round(max([15, *(len(name) for name in timed)]) * LETTER) + 26
    x = {value: left + value / most * SCALE for value in values}
    bottom = TOP + sum(BAR * len(results) + GAP for results in timed.values() if results)
    width, height = left + SCALE + 100, bottom + 110
    cpus = everything[0]["cpus"] if everything else "?"
    svg: List[str] = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' width='{width}' height='{height}'>",
        f"<style>{STYLE}</style>",
        "<rect width='100%' height='100%' fill='#fff'/>",
        f"<text class='title' x='{left}' y='34'>The examples on a pool</text>",
        f"<text x='{left}' y='58'>speed-up over the sequential run, on {escape(cpus)} CPUs</text>",
    ]
    for tick in range(round(most / step) + 1):
        place = left + tick * step / most * SCALE
        colour = "#888" if tick * step == 1 else "#e4e4e4"
        svg.append(f"<line x1='{place:.1f}' x2='{place:.1f}' y1='{TOP - 8}' y2='{bottom}' stroke='{colour}'/>")
        for label in (TOP - 14, bottom + 18):
            svg.append(f"<text class='small mid' x='{place:.1f}' y='{label}'>{tick * step:g}</text>")
    y = float(TOP)
    for name, results in timed.items():
        if results:
            middle = y + BAR * len(results) / 2
            svg.append(f"<text class='end' x='{left - 10}' y='{middle + 5:.1f}'>{escape(name)}</text>")
            svg += _group(results, x, left, y)
            y += BAR * len(results) + GAP
    svg += [*_legend(left, bottom + 58), "</svg>"]
    return "\n".join(svg) + "\n"

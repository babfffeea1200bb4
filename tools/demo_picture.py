"""The picture of the demonstration: each program's speed-up as a bar, in SVG."""

from __future__ import annotations

from html import escape
from typing import List, Mapping, Sequence

SCALE, TOP, ROW, BAR = 530, 90, 34, 20
LETTER = 7.6  # about the width of one, in the font of the names
MEASURED, PREDICTED = "#1f77b4", "#d95f02"


def _tick_step(highest: float) -> float:
    for step in (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0):
        if highest / step <= 10:
            return step
    return 100.0


def bars(results: Sequence[Mapping[str, str]]) -> str:
    """One bar for each result, which holds name, speedup, predicted, workers and cpus; the text of the SVG."""
    highest = max([1.0, *(float(result[key]) for result in results for key in ("speedup", "predicted"))])
    step = _tick_step(highest)
    most = step * (int(highest * 1.05 / step) + 1)
    bottom = TOP + ROW * len(results) + 6
    height = bottom + 90
    cpus = results[0]["cpus"] if results else "?"
    left = round(max([15, *(len(result["name"]) for result in results)]) * LETTER) + 26
    width = left + SCALE + 100

    def x(speedup: float) -> float:
        return left + speedup / most * SCALE

    svg: List[str] = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' width='{width}' height='{height}'>",
        "<style>text{font:14px 'DejaVu Sans',Verdana,sans-serif;fill:#333}.title{font-size:19px}"
        ".small{font-size:12px}.mid{text-anchor:middle}.end{text-anchor:end}</style>",
        "<rect width='100%' height='100%' fill='#fff'/>",
        f"<text class='title' x='{left}' y='34'>The examples on a pool</text>",
        f"<text x='{left}' y='58'>speed-up over the sequential run, on {escape(cpus)} CPUs</text>",
    ]
    for tick in range(round(most / step) + 1):
        at = x(tick * step)
        colour = "#888" if tick * step == 1 else "#e4e4e4"
        svg.append(f"<line x1='{at:.1f}' x2='{at:.1f}' y1='{TOP - 8}' y2='{bottom}' stroke='{colour}'/>")
        svg.append(f"<text class='small mid' x='{at:.1f}' y='{bottom + 18}'>{tick * step:g}</text>")
    for index, result in enumerate(results):
        y = TOP + ROW * index
        speedup, predicted = float(result["speedup"]), float(result["predicted"])
        end, law = x(speedup), x(predicted)
        middle = y + BAR / 2
        svg.append(f"<text class='end' x='{left - 10}' y='{middle + 5:.1f}'>{escape(result['name'])}</text>")
        svg.append(
            f"<rect x='{left}' y='{y}' width='{end - left:.1f}' height='{BAR}' fill='{MEASURED}'>"
            f"<title>{escape(result['workers'])} workers</title></rect>"
        )
        svg.append(
            f"<line x1='{law:.1f}' x2='{law:.1f}' y1='{y - 4}' y2='{y + BAR + 4}' stroke='{PREDICTED}' "
            "stroke-width='3'/>"
        )
        svg.append(f"<text x='{max(end, law) + 8:.1f}' y='{middle + 5:.1f}'>{speedup:.2f}</text>")
    legend = bottom + 58
    svg += [
        f"<rect x='{left}' y='{legend - 12}' width='36' height='14' fill='{MEASURED}'/>",
        f"<text x='{left + 44}' y='{legend}'>measured</text>",
        f"<line x1='{left + 150}' x2='{left + 150}' y1='{legend - 16}' y2='{legend + 6}' stroke='{PREDICTED}' "
        "stroke-width='3'/>",
        f"<text x='{left + 162}' y='{legend}'>Amdahl&#8217;s law</text>",
        "</svg>",
    ]
    return "\n".join(svg) + "\n"

"""The table at the end of the demonstration: a line for each program of each language, its seconds and speed-ups side
by side, on threads and in processes, ours and Python's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

Result = Mapping[str, str]

# The columns of what is compared: the mode, and who made the pool.
KINDS = {
    ("threads", "ours"): "threads s",
    ("processes", "ours"): "processes s",
    ("threads", "standard"): "Python's threads s",
    ("processes", "standard"): "Python's mp s",
}


@dataclass
class Outcome:
    """What one program's run came to; a program may report several measurements."""

    language: str
    program: str
    failure: Optional[str] = None
    results: List[Dict[str, str]] = field(default_factory=list)


def kind_of(result: Result) -> Tuple[str, str]:
    return result.get("mode", "threads"), result.get("by", "ours")


def by_program(outcomes: Sequence[Outcome]) -> Dict[Tuple[str, str], List[Result]]:
    """The results of each language and name, in the order of the columns; of a kind that was run twice the last one."""
    found: Dict[Tuple[str, str], Dict[Tuple[str, str], Result]] = {}
    for outcome in outcomes:
        for result in outcome.results:
            found.setdefault((outcome.language, result["name"]), {})[kind_of(result)] = result
    order = list(KINDS)
    return {name: [its[kind] for kind in sorted(its, key=order.index)] for name, its in found.items()}


def cell(result: Optional[Result]) -> str:
    if result is None:
        return "-"
    if result.get("checked") != "1":
        return "WRONG"
    return f"{float(result['pool']):.4f} {float(result['speedup']):5.2f}x" if "speedup" in result else "right"


def line(language: str, name: str, results: Sequence[Result]) -> List[str]:
    its = {kind_of(result): result for result in results}
    timed = [result for result in results if "speedup" in result]
    right = all(result.get("checked") == "1" for result in results)
    return [
        language,
        name,
        f"{float(timed[0]['sequential']):.4f}" if timed else "-",
        *(cell(its.get(kind)) for kind in KINDS),
        f"{max(float(result['predicted']) for result in timed):.2f}" if timed else "-",
        results[0].get("workers", "-"),
        "right" if right else "WRONG",
    ]


def lines(outcomes: Sequence[Outcome]) -> List[List[str]]:
    """With the headings."""
    table = [["language", "program", "sequential s", *KINDS.values(), "Amdahl", "workers", "answer"]]
    table += [line(language, name, results) for (language, name), results in by_program(outcomes).items()]
    for outcome in outcomes:
        if outcome.failure is not None:
            nothing = ["-"] * (len(KINDS) + 3)
            table.append([outcome.language, outcome.program, *nothing, f"FAILED: {outcome.failure}"])
    return table


def show(outcomes: Sequence[Outcome]) -> None:
    table = lines(outcomes)
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for index, row in enumerate(table):
        words = [text.ljust(width) for text, width in zip(row[:2], widths)]
        numbers = [text.rjust(width) for text, width in zip(row[2:-1], widths[2:-1])]
        print("  ".join([*words, *numbers, row[-1]]))
        if index == 0:
            print("  ".join("-" * width for width in widths))
    print("Behind the seconds: how many times faster than the sequential run.")
    results = [result for outcome in outcomes for result in outcome.results if "speedup" in result]
    if any(float(result["speedup"]) > 1.1 * float(result["predicted"]) for result in results):
        print("A speed-up well above Amdahl's law: the machine was slower during the sequential run.")

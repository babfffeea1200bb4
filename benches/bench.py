"""Runs Millpond and its peers side by side and shows who takes how long.

Usage: bench.py [--quick | --full] [--only W1,W5] [--workers N] [--rounds N]
       bench.py --grow       how costs grow with workers, submitters and queues, and how long a small task waits
       bench.py --all        both
       bench.py --smoke      every program does every row once, tiny; nothing is judged but that it works

Writes bench.json, bench.md, bench.svg, bench-processes.svg and bench-python.svg to build/bench/, and for --grow
growth.json, growth.md and growth.svg; with --record the tables also go into docs/performance.md, and the pictures
beside it.
See benches/README.md for what each row does.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from harness import chart, curves, growth, interpreted, report
from harness.growth import Growth, measure_growth
from harness.measure import Results, Settings, measure
from harness.programs import BUILD, ROOT, BuildError, Built, build
from harness.rows import GROWTH_ROWS, LIMITS, OURS, ROWS, Row

DOCS = ROOT / "docs"
PERFORMANCE = DOCS / "performance.md"
# Of each table in the documentation, the lines before and after it.
TABLES = {
    "bench": ("<!-- the table of a run: bench.py --record -->", "<!-- end of the table -->"),
    "python": ("<!-- the table of Python: bench.py --record -->", "<!-- end of the table of Python -->"),
    "growth": ("<!-- the tables of growth: bench.py --grow --record -->", "<!-- end of the tables of growth -->"),
}
GROWTH_ROUNDS = 3
ROUNDS = {"smoke": 1, "quick": 5, "default": 5, "full": 11}


def cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return value


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Millpond and its peers, side by side.")
    size = parser.add_mutually_exclusive_group()
    for name in ("smoke", "quick", "full"):
        size.add_argument(f"--{name}", dest="size", action="store_const", const=name)
    parser.set_defaults(size="default")
    only = "these rows; W1 stands for W1-cold too, not for W1c; P for all P rows, Y for those in Python"
    parser.add_argument("--only", metavar="W1,W5", help=only)
    parser.add_argument("--workers", type=positive, default=cpus(), help="threads of each pool (default: the CPUs)")
    parser.add_argument("--rounds", type=positive, help="runs of each program in each row")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--grow", action="store_true", help="how costs grow, instead of the rows")
    what.add_argument("--all", action="store_true", help="the rows, and how costs grow")
    parser.add_argument("--record", action="store_true", help="put tables and pictures into docs/")
    parser.add_argument("--include", type=Path, default=ROOT / "include", help="the folder of millpond.h")
    parser.add_argument("--libdir", type=Path, help="the folder of libmillpond.so (default: cargo builds it)")
    options = parser.parse_args()
    if options.record and options.only:
        chosen = {row.id for row in chosen_rows(options.only)}
        for table in ({row.id for row in ROWS if row.in_python == in_python} for in_python in (False, True)):
            if chosen & table and not table <= chosen:
                parser.error("--record puts whole tables into the page: --only Y is one, all other rows are the other")
    return options


def chosen_rows(only: str | None) -> list[Row]:
    if not only:
        return list(ROWS)
    wanted = set(only.split(","))
    wanted |= {row.id for row in ROWS if row.id[0] in wanted}
    unknown = wanted - {row.id for row in ROWS} - {row.id[0] for row in ROWS}
    if unknown:
        sys.exit(f"bench: no row {', '.join(sorted(unknown))}; there are {', '.join(row.id for row in ROWS)}")
    printing = {row.run_as for row in ROWS if row.id in wanted}
    return [row for row in ROWS if row.id in wanted | printing or row.id.split("-")[0] in wanted]


def smoke(results: Results, built: Built, rows: list[Row]) -> int:
    """Every program must have printed a sane line for every row that it has. A peer that hangs is no fault of ours."""
    faults = list(results.failures)
    for program in built.programs:
        for row in rows:
            silent = not any(series.program == program.name for series in results.of(row.id))
            excused = program.name not in (OURS, LIMITS) and f"{program.name} {row.run_as}" in results.hangs
            if row.run_as in program.rows and silent and not excused:
                faults.append(f"{program.name} {row.id}: printed nothing")
    for line in [*(f"{missing.name} is missing: {missing.reason}" for missing in built.missing), *faults]:
        print(line)
    for hung in results.hangs:
        print(f"{hung} hung")
    print("FAILED" if faults else f"{len(built.programs)} programs did their rows")
    return 1 if faults else 0


def write(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    print(f"written to {folder.relative_to(ROOT)}: {', '.join(files)}")


def shown_above(table: str, titles: dict[str, str]) -> str:
    """The table under the pictures that lie beside it."""
    return "".join(f"![{title}]({name})\n\n" for name, title in titles.items()) + table


def record(kind: str, table: str, pictures: dict[str, str]) -> None:
    begins, ends = TABLES[kind]
    text = PERFORMANCE.read_text(encoding="utf-8")
    head, mark, rest = text.partition(begins)
    _, end, tail = rest.partition(ends)
    if not mark or not end:
        sys.exit(f"bench: {PERFORMANCE.name} has no place for the table")
    write(DOCS, {PERFORMANCE.name: f"{head}{mark}\n\n{table}\n{end}{tail}", **pictures})


def show_rows(results: Results, built: Built, settings: Settings, recorded: bool) -> None:
    print(report.text(results, built, settings))
    rows = report.measured_rows(results)
    native = [row for row in rows if not row.in_python]
    tables = {"bench": native, "python": [row for row in rows if row.in_python]}
    # Each with the table that it stands above.
    pictures = {
        "bench.svg": ("bench", "Millpond and its peers", [row for row in native if not row.in_processes]),
        "bench-processes.svg": ("bench", "Millpond's pools of processes", [row for row in native if row.in_processes]),
        "bench-python.svg": ("python", "Millpond and its peers in Python", tables["python"]),
    }
    drawn = {name: chart.draw(results, settings, of, title) for name, (_, title, of) in pictures.items() if of}
    texts = {kind: report.markdown(results, built, settings, of) for kind, of in tables.items() if of}
    document = report.as_json(results, built, settings)
    write(BUILD, {"bench.json": document, "bench.md": "\n".join(texts.values()), **drawn})
    if recorded:
        for kind, table in texts.items():
            beside = {name: drawn[name] for name in drawn if pictures[name][0] == kind}
            record(kind, shown_above(table, {name: pictures[name][1] for name in beside}), beside)


def show_growth(grown: Growth, recorded: bool) -> None:
    table = growth.markdown(grown)
    drawn = {"growth.svg": curves.draw(grown)}
    print(table)
    write(BUILD, {"growth.json": growth.as_json(grown), "growth.md": table, **drawn})
    if recorded:
        record("growth", shown_above(table, {"growth.svg": "How costs grow"}), drawn)


def main() -> int:
    options = arguments()
    # With one worker OpenMP has no other thread to hand a task to, and prints nothing for that row.
    workers = max(options.workers, 2) if options.size == "smoke" else options.workers
    settings = Settings(workers, options.size, options.rounds or ROUNDS[options.size])
    rows = chosen_rows(options.only)
    try:
        built = build(options.include.resolve(), options.libdir, offline=options.size == "smoke")
        if any(row.in_python for row in rows):
            interpreted.add(built, offline=options.size == "smoke")
    except (BuildError, OSError) as error:
        sys.exit(f"bench: {error}")
    if options.size == "smoke":
        rows += [] if options.only else GROWTH_ROWS
        return smoke(measure(built.programs, rows, settings), built, rows)
    troubles: list[str] = []
    if not options.grow:
        results = measure(built.programs, rows, settings)
        show_rows(results, built, settings, options.record)
        troubles += results.failures + results.hangs
    if options.grow or options.all:
        # The sizes of the quick run: what is looked at is the shape.
        grown = measure_growth(built, Settings(workers, "quick", options.rounds or GROWTH_ROUNDS))
        show_growth(grown, options.record)
        troubles += grown.troubles()
    return 1 if any(trouble.startswith(OURS) for trouble in troubles) else 0


if __name__ == "__main__":
    sys.exit(main())

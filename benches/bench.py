"""Runs Millpond and its peers side by side and shows who takes how long.

Usage: bench.py [--quick | --full] [--only W1,W5] [--workers N] [--rounds N]
       bench.py --smoke      every program does every row once, tiny; nothing is judged but that it works

Writes bench.json, bench.md and bench.svg to build/bench/; with --record the table also goes into docs/performance.md.
See benches/README.md for what each row does.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from harness import chart, report
from harness.measure import Results, Settings, measure
from harness.programs import BUILD, ROOT, BuildError, Built, build
from harness.rows import LIMITS, OURS, ROWS, Row

PERFORMANCE = ROOT / "docs" / "performance.md"
TABLE_BEGINS = "<!-- the table of a run: bench.py --record -->"
TABLE_ENDS = "<!-- end of the table -->"
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
    parser.add_argument(
        "--only", metavar="W1,W5", help="these rows; W1 stands for W1-cold too, not for W1c; P for all P rows"
    )
    parser.add_argument("--workers", type=positive, default=cpus(), help="threads of each pool (default: the CPUs)")
    parser.add_argument("--rounds", type=positive, help="runs of each program in each row")
    parser.add_argument("--record", action="store_true", help="put the table into docs/performance.md")
    parser.add_argument("--include", type=Path, default=ROOT / "include", help="the folder of millpond.h")
    parser.add_argument("--libdir", type=Path, help="the folder of libmillpond.so (default: cargo builds it)")
    return parser.parse_args()


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


def write(files: dict[str, str]) -> None:
    BUILD.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (BUILD / name).write_text(content, encoding="utf-8")
    print(f"written to {BUILD.relative_to(ROOT)}: {', '.join(files)}")


def record(table: str) -> None:
    text = PERFORMANCE.read_text(encoding="utf-8")
    head, mark, rest = text.partition(TABLE_BEGINS)
    _, end, tail = rest.partition(TABLE_ENDS)
    if not mark or not end:
        sys.exit(f"bench: {PERFORMANCE.name} has no place for the table")
    PERFORMANCE.write_text(f"{head}{mark}\n\n{table}\n{end}{tail}", encoding="utf-8")


def main() -> int:
    options = arguments()
    # With one worker OpenMP has no other thread to hand a task to, and prints nothing for that row.
    workers = max(options.workers, 2) if options.size == "smoke" else options.workers
    settings = Settings(workers, options.size, options.rounds or ROUNDS[options.size])
    rows = chosen_rows(options.only)
    try:
        built = build(options.include.resolve(), options.libdir, offline=options.size == "smoke")
    except (BuildError, OSError) as error:
        sys.exit(f"bench: {error}")
    results = measure(built.programs, rows, settings)
    if options.size == "smoke":
        return smoke(results, built, rows)
    print(report.text(results, built, settings))
    table = report.markdown(results, built, settings)
    write(
        {
            "bench.json": report.as_json(results, built, settings),
            "bench.md": table,
            "bench.svg": chart.draw(results, settings),
        }
    )
    if options.record:
        record(table)
    return 1 if any(trouble.startswith(OURS) for trouble in results.failures + results.hangs) else 0


if __name__ == "__main__":
    sys.exit(main())

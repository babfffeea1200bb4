"""The rows in Python, done by one engine. Usage: python_pools.py --engine mp.Pool Y1 --workers 2 --size quick

Prints `ROW value unit [label]`, as the other programs do; the engine `limits` is the machine without a pool.
"""

from __future__ import annotations

import argparse

from pools.engines import ENGINES, make_findable
from pools.rows import LIMITED, ROWS, SIZES, measure, measure_limit

LIMITS = "limits"


def main() -> None:
    parser = argparse.ArgumentParser(description="One row, one engine.")
    parser.add_argument("--engine", required=True, choices=[*ENGINES, LIMITS])
    parser.add_argument("--path", action="append", default=[], help="a folder of packages; may be given again")
    parser.add_argument("--library", default="", help="libmillpond.so, for Millpond")
    parser.add_argument("--list", action="store_true", help="the rows that it has")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--size", choices=SIZES, default="default")
    parser.add_argument("row", nargs="?")
    options = parser.parse_args()
    make_findable(options.path, options.library)
    engine = ENGINES.get(options.engine)
    rows = [row for row in ROWS if row not in engine.without] if engine else list(LIMITED)
    if options.list:
        if engine:
            engine.prepare()
        print("\n".join(rows))
        return
    if options.row not in rows:
        parser.error(f"one of {', '.join(rows)}")
    arguments = (options.row, options.workers, options.size)
    values = measure(engine, *arguments) if engine else measure_limit(*arguments)
    for value in values:
        print(value.row, value.value, value.unit, value.label)


if __name__ == "__main__":
    main()

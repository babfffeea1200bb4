"""The distance matrix in three stages, read, calculate and write, that are joined by two queues. Reading and writing
a row takes half a second, as if from far away; the stages overlap. Beside it the same one after the other."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Any, Sequence

from course import THREADS, Course
from places import Calculator, Place, Row, read_places, write_headings, write_row


def one_after_the_other(path: Path, places: Sequence[Place], pause: float) -> None:
    calculate = Calculator(places)
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        write_headings(file, places)
        for i, place in enumerate(places):
            time.sleep(pause)
            row = calculate(i)
            time.sleep(pause)
            write_row(file, place, row)


async def in_stages(path: Path, places: Sequence[Place], pause: float, executor: Any) -> None:
    """The event loop waits for all three at once; the calculations are for an executor, so that it is not held up."""
    numbers: "asyncio.Queue[int]" = asyncio.Queue(2)
    rows: "asyncio.Queue[Row]" = asyncio.Queue(2)
    loop, calculate = asyncio.get_running_loop(), Calculator(places)

    async def read() -> None:
        for i in range(len(places)):
            await asyncio.sleep(pause)
            await numbers.put(i)

    async def calculate_all() -> None:
        for _ in places:
            await rows.put(await loop.run_in_executor(executor, calculate, await numbers.get()))

    async def write() -> None:
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            write_headings(file, places)
            for place in places:
                row = await rows.get()
                await asyncio.sleep(pause)
                write_row(file, place, row)

    await asyncio.gather(read(), calculate_all(), write())


def main() -> int:
    course = Course("distance_async", workers=2, modes=(THREADS,), out=".")
    pause = course.size(0.01, 0.08, 0.5)
    places = read_places("few")
    first, second = (Path(course.options.out) / f"distances_few_{how}.csv" for how in ("synchronous", "async"))
    log = course.log()

    log.start("one after the other, start")
    one_after_the_other(first, places, pause)
    sequential = log.stop("one after the other, end")

    for kind in course.kinds():
        with kind.Executor(course.workers) as executor:
            log.start(f"in stages, with an executor of {kind.mode}, {kind.by}, start")
            asyncio.run(in_stages(second, places, pause, executor))
            parallel = log.stop("in stages, end")
        # Calculating takes no time, so two of the stages overlap.
        course.check_timed(kind, first.read_bytes() == second.read_bytes(), sequential, parallel, 2)
    return course.end()


if __name__ == "__main__":
    sys.exit(main())

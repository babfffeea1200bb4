"""Generate random integers and sort them: alone, then four at once as threads, then four at once as processes."""

import random
import sys
import time
import zlib
from array import array
from typing import NamedTuple

from course import PROCESSES, THREADS, Course

TASKS = 4


class Done(NamedTuple):
    generate: float  # seconds
    sort: float
    digest: int  # of the sorted numbers; 0 when they are not sorted


def generate_and_sort(count: int, seed: int) -> Done:
    start = time.perf_counter()
    numbers = random.Random(seed).choices(range(1, 100_001), k=count)
    generated = time.perf_counter()
    total = sum(numbers)
    numbers.sort()
    ended = time.perf_counter()
    is_sorted = all(a <= b for a, b in zip(numbers, numbers[1:])) and sum(numbers) == total
    return Done(generated - start, ended - generated, zlib.crc32(array("i", numbers)) if is_sorted else 0)


def main() -> int:
    course = Course("sort", workers=TASKS, modes=(THREADS, PROCESSES))
    jobs = [(course.size(10_000, 120_000, 10_000_000), seed) for seed in range(1, TASKS + 1)]
    log = course.log()

    log.start("one after the other, start")
    alone = []
    for job in jobs:
        alone.append(generate_and_sort(*job))
        log.step("one alone")
    sequential = log.stop("one after the other, end")

    for kind in course.kinds():
        with kind.Pool(course.workers) as pool:
            log.start(f"four at once on {kind}, start")
            at_once = pool.starmap(generate_and_sort, jobs, chunksize=1)
            parallel = log.stop("four at once, end")

        for number, (one, other) in enumerate(zip(at_once, alone)):
            print(
                f"task {number}: generate {one.generate:.4f} s, sort {one.sort:.4f} s; "
                f"alone {other.generate:.4f} s, {other.sort:.4f} s"
            )
        right = all(one.digest == other.digest != 0 for one, other in zip(at_once, alone))
        course.check_timed(kind, right, sequential, parallel, course.at_once(kind.mode, TASKS))
    return course.end()


if __name__ == "__main__":
    sys.exit(main())

"""Tasks that sleep overlap, on any number of CPUs, under an interpreter lock: a sleeping worker needs neither."""

import sys
import time

from course import THREADS, Course


def sleep(seconds: float) -> float:
    """Returns the seconds that it took."""
    start = time.perf_counter()
    time.sleep(seconds)
    return time.perf_counter() - start


def main() -> int:
    course = Course("blocking_sleep", workers=4, modes=(THREADS,))
    seconds = course.size(0.1, 0.25, 5.0)
    log = course.log()

    log.start("three one after the other, start")
    alone = [sleep(seconds) for _ in range(3)]
    sequential = log.stop("three one after the other, end")

    for kind in course.kinds():
        with kind.Pool(course.workers) as pool:
            log.start(f"four at once on {kind}, start")
            four = pool.map(sleep, [seconds] * 4, chunksize=1)
            log.stop("four at once, end")
            log.start(f"three at once on {kind}, start")
            three = pool.map(sleep, [seconds] * 3, chunksize=1)
            parallel = log.stop("three at once, end")

        for took in four + three:
            print(f"a task slept {took:.4f} s")
        # With more than one worker, they must have overlapped: all took less than the sum of each.
        overlapped = course.workers == 1 or parallel < sum(three)
        right = min(alone + four + three) >= 0.999 * seconds and overlapped
        course.check_timed(kind, right, sequential, parallel, min(course.workers, 3))
    return course.end()


if __name__ == "__main__":
    sys.exit(main())

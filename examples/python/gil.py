"""Five waits overlap on threads; five computations do not, where an interpreter lock is in the way. In processes,
and as native code that does without the lock, they do."""

import hashlib
import sys
import time
from typing import Any, Callable, List

from course import PROCESSES, THREADS, Course, cpus, sum_all_values, sum_by_formula

TASKS = 5


def wait(seconds: float) -> None:
    time.sleep(seconds)


def compute_natively(rounds: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", b"password", b"salt", rounds)


def size_for(seconds: float, function: Callable[[int], object], sample: int) -> int:
    """How large an argument makes the function take about so long here."""
    start = time.perf_counter()
    function(sample)
    return max(1, int(sample * seconds / (time.perf_counter() - start)))


def compare(course: Course, name: str, function: Callable[[Any], Any], arguments: List[Any]) -> None:
    log = course.log()
    log.start(f"five times {name} one after the other, start")
    alone = [function(argument) for argument in arguments]
    sequential = log.stop("one after the other, end")
    if function is sum_all_values:
        alone = [sum_by_formula(x) for x in arguments]

    for kind in course.kinds():
        with kind.Pool(course.workers) as pool:
            log.start(f"five times {name} at once on {kind}, start")
            at_once = pool.map(function, arguments, chunksize=1)
            parallel = log.stop("at once, end")
        workers = min(course.workers, TASKS)
        limit = {wait: workers, compute_natively: min(workers, cpus())}.get(function)
        course.check_timed(
            kind, at_once == alone, sequential, parallel, limit or course.at_once(kind.mode, TASKS), name=f"gil_{name}"
        )


def main() -> int:
    course = Course("gil", workers=TASKS, modes=(THREADS, PROCESSES))
    seconds = course.size(0.01, 0.05, 1.0)
    compare(course, "wait", wait, [seconds] * TASKS)
    number = size_for(seconds, sum_all_values, 500_000)
    compare(course, "compute", sum_all_values, [number + i for i in range(TASKS)])
    rounds = size_for(seconds, compute_natively, 20_000)
    compare(course, "compute_natively", compute_natively, [rounds + i for i in range(TASKS)])
    return course.end()


if __name__ == "__main__":
    sys.exit(main())

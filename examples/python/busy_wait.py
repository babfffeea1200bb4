"""A doubly nested loop that only keeps a CPU busy, three times: one after the other, as threads, as processes.

Threads of Python code take turns under the interpreter lock. Native code that does without the lock, here a key
derivation of the standard library, keeps as many CPUs busy as there are threads.
"""

import hashlib
import sys
import time
from typing import Callable, Tuple

from course import PROCESSES, THREADS, Course, cpus

TASKS = 3

Busy = Callable[[int], Tuple[float, object]]


def busy_wait(n: int) -> Tuple[float, int]:
    """Returns the seconds that it took, and how often the inner loop went round."""
    start = time.perf_counter()
    steps = 0
    for _ in range(1, n):
        for _ in range(1, n):
            steps += 1
    return time.perf_counter() - start, steps


def busy_wait_native(n: int) -> Tuple[float, bytes]:
    start = time.perf_counter()
    key = hashlib.pbkdf2_hmac("sha256", b"password", b"salt", n * n // 8)
    return time.perf_counter() - start, key


def run(course: Course, busy: Busy, n: int, expected: object) -> None:
    name = busy.__name__
    log = course.log()
    log.start(f"{name} one after the other, start")
    alone = []
    for _ in range(TASKS):
        alone.append(busy(n))
        log.step("one done")
    sequential = log.stop("one after the other, end")

    for kind in course.kinds():
        with kind.Pool(course.workers) as pool:
            log.start(f"three at once on {kind}, start")
            at_once = pool.map(busy, [n] * TASKS, chunksize=1)
            parallel = log.stop("three at once, end")
        for number in range(TASKS):
            print(f"task {number}: {at_once[number][0]:.4f} s, alone {alone[number][0]:.4f} s")
        right = [answer for _, answer in at_once + alone] == [expected] * (2 * TASKS)
        native = busy is busy_wait_native
        limit = min(course.workers, TASKS, cpus()) if native else course.at_once(kind.mode, TASKS)
        course.check_timed(kind, right, sequential, parallel, limit, name=name)


def main() -> int:
    course = Course("busy_wait", workers=TASKS, modes=(THREADS, PROCESSES))
    n = course.size(150, 1_200, 10_000)
    run(course, busy_wait, n, (n - 1) ** 2)
    run(course, busy_wait_native, n, hashlib.pbkdf2_hmac("sha256", b"password", b"salt", n * n // 8))
    return course.end()


if __name__ == "__main__":
    sys.exit(main())

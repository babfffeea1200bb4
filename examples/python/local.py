"""Worker-local storage: what a thread, or a process, has for itself and nobody else changes."""

import os
import sys
import threading
import time
from typing import Dict, List, Tuple

from course import PROCESSES, THREADS, Course

TASKS = 40

own = threading.local()  # each thread has another one, and so has each process
everybodys: List[int] = []  # all threads of a process have the same one


def begin(base: int) -> None:
    """Prepares the storage of a worker, on its thread or in its process, before its first task."""
    own.number = base


def count(_: int) -> Tuple[Tuple[int, int], int, int]:
    time.sleep(0.001)
    own.number += 1
    everybodys.append(1)
    return (os.getpid(), threading.get_ident()), own.number, len(everybodys)


def main() -> int:
    course = Course("local", workers=4, modes=(THREADS, PROCESSES))
    base = 500
    log = course.log()
    for kind in course.kinds():
        everybodys.clear()
        log.start(f"{kind}, start")
        with kind.Pool(course.workers, begin, (base,)) as pool:
            seen = pool.map(count, range(TASKS), chunksize=1)
        log.stop("end")

        numbers: Dict[Tuple[int, int], List[int]] = {}
        for worker, number, _ in seen:
            numbers.setdefault(worker, []).append(number)
        for its in numbers.values():
            print(f"a worker has run {len(its)} tasks, its own number is {max(its)}")
        highest = max(everybody for _, _, everybody in seen)
        print(f"everybody's number went up to {highest} of {TASKS}")
        right = all(sorted(its) == list(range(base + 1, base + 1 + len(its))) for its in numbers.values())
        right = right and len(numbers) <= course.workers and (kind.mode == PROCESSES or len(everybodys) == TASKS)
        course.check(kind, right)
    return course.end()


if __name__ == "__main__":
    sys.exit(main())

"""A record of three fields that change together. Under a lock they stay the same and none is lost; without, not."""

import multiprocessing
import sys
import time
from contextlib import nullcontext
from typing import Any

from course import PROCESSES, THREADS, Course, Kind

record: Any
lock: Any


def share(its_record: Any, its_lock: Any) -> None:
    """Runs first in every worker: what is shared can be handed on to processes only while these are made."""
    global record, lock
    record, lock = its_record, its_lock


def count_up(rounds: int) -> None:
    """Adds one to each field so often, and takes its time between reading and writing."""
    for _ in range(rounds):
        with lock:
            first, second = record[0], record[1]
            time.sleep(0.00002)
            record[0], record[1], record[2] = first + 1, second + 1, record[2] + 1


def count_together(kind: Kind, workers: int, its_lock: Any, rounds: int) -> bool:
    """Every worker counts up so often; returns whether the record is whole afterwards."""
    its_record = multiprocessing.Array("Q", 3, lock=False)  # in memory that processes share, and threads anyway
    with kind.Pool(workers, share, (its_record, its_lock)) as pool:
        pool.map(count_up, [rounds] * workers, chunksize=1)
    print(*its_record, "of", workers * rounds)
    return list(its_record) == [workers * rounds] * 3


def main() -> int:
    course = Course("lock", workers=4, modes=(THREADS, PROCESSES))
    rounds = course.size(50, 300, 20_000)
    log = course.log()
    for kind in course.kinds():
        log.start(f"{kind}, without a lock, start")
        lucky = count_together(kind, course.workers, nullcontext(), rounds)
        log.step("nothing was lost, by luck" if lucky else "some was lost")
        right = count_together(kind, course.workers, kind.objects.Lock(), rounds)
        log.stop("with a lock, end")
        course.check(kind, right)
    return course.end()


if __name__ == "__main__":
    sys.exit(main())

"""Which process and thread runs a task: threads are all of the program's process, processes each their own."""

import os
import sys
import threading
import time
from typing import Tuple

from course import PROCESSES, THREADS, Course

TASKS = 8


def who_am_i(nap: float) -> Tuple[int, int]:
    time.sleep(nap)  # leaves the other tasks to other workers
    return os.getpid(), threading.get_native_id()


def main() -> int:
    course = Course("pids", workers=4, modes=(THREADS, PROCESSES))
    nap = course.size(0.01, 0.05, 0.05)
    log = course.log()
    for kind in course.kinds():
        log.start(f"{kind}, start")
        with kind.Pool(course.workers) as pool:
            found = pool.map(who_am_i, [nap] * TASKS, chunksize=1)
        log.stop("end")

        process, thread = who_am_i(0)
        print(f"{kind}: the main thread is {thread} of process {process}")
        for number, who in enumerate(found):
            print(f"task {number}: process {who[0]}, thread {who[1]}")
        processes = {who[0] for who in found}
        if kind.mode == THREADS:
            right = processes == {process} and thread not in {who[1] for who in found}
        else:
            right = process not in processes and len(processes) == len(set(found)) <= course.workers
        course.check(kind, right)
    return course.end()


if __name__ == "__main__":
    sys.exit(main())

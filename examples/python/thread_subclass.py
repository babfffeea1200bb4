"""Data with a function that runs on it in a thread or process of its own: as a subclass, as the standard library has
it; and, as pools take any method of any object, without one."""

import multiprocessing
import sys
import threading
import time
from typing import Any, List

from course import OURS, PROCESSES, THREADS, Course

COUNT = 3


class Countdown:
    """For a pool: an object like any other. It goes to the worker, and comes back as it is then."""

    def __init__(self, name: str, start: int) -> None:
        self.name, self.left, self.counted = name, start, 0

    def run(self) -> "Countdown":
        while self.left > 0:
            print(f"{self.name}: {self.left}")
            time.sleep(0.005)
            self.left, self.counted = self.left - 1, self.counted + 1
        return self


class CountdownThread(threading.Thread):
    """It sees the same memory, so it needs no result."""

    def __init__(self, countdown: Countdown, results: Any) -> None:
        super().__init__()
        self.countdown = countdown

    def run(self) -> None:
        self.countdown.run()


class CountdownProcess(multiprocessing.Process):
    """It has a copy: what it did to it must come back through a queue."""

    def __init__(self, countdown: Countdown, results: Any) -> None:
        super().__init__()
        self.countdown, self.results = countdown, results

    def run(self) -> None:
        self.results.put(self.countdown.run().counted)


def main() -> int:
    course = Course("thread_subclass", workers=COUNT, modes=(THREADS, PROCESSES))
    steps = course.size(2, 8, 100)
    log = course.log()
    for kind in course.kinds():
        countdowns = [Countdown(f"countdown {i}", steps + i) for i in range(COUNT)]
        log.start(f"{kind.mode}, {kind.by}, start")
        counted: List[int]
        if kind.by == OURS:
            with kind.Pool(course.workers) as pool:
                tasks = [pool.apply_async(countdown.run) for countdown in countdowns]
                counted = [task.get().counted for task in tasks]
        else:
            subclass: Any = CountdownProcess if kind.mode == PROCESSES else CountdownThread
            results = kind.simple_queue()
            runners = [subclass(countdown, results) for countdown in countdowns]
            for runner in runners:
                runner.start()
            for runner in runners:
                runner.join()
            in_processes = kind.mode == PROCESSES
            counted = [results.get() if in_processes else countdown.counted for countdown in countdowns]
        log.stop("all joined")
        course.check(kind, sorted(counted) == [steps + i for i in range(COUNT)])
    return course.end()


if __name__ == "__main__":
    sys.exit(main())

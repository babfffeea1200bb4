"""A callback appends every result to a plain global list. It needs no lock, because callbacks never overlap:
they come one after the other, on a thread of the pool; or, through a queue, in the main thread when it asks."""

import queue
import sys
import threading
from typing import Any, Callable, List

from course import Course, Kind, sum_all_values, sum_by_formula

COUNT = 100

results: List[int] = []  # in order of completion
in_main_thread: List[bool] = []


def append(result: int) -> None:
    results.append(result)
    in_main_thread.append(threading.current_thread() is threading.main_thread())


def serially(submit_all: Callable[[Callable[[int], None]], Any]) -> None:
    submit_all(append).join()


def polled(submit_all: Callable[[Callable[[int], None]], Any]) -> None:
    """The pool's thread only hands the results over; the main thread may do other things between two of them."""
    arrived: "queue.SimpleQueue[int]" = queue.SimpleQueue()
    pool = submit_all(arrived.put)
    for _ in range(COUNT):
        append(arrived.get())
    pool.join()


def main() -> int:
    course = Course("callback", workers=4)
    first = course.size(1_000, 60_000, 100_000_000)
    numbers = range(first, first + COUNT)
    expected = [sum_by_formula(x) for x in numbers]
    log = course.log()
    log.start("sequential, start")
    print("sum of all", sum(sum_all_values(x) for x in numbers))
    sequential = log.stop("sequential, end")

    for kind in course.kinds():

        def submit_all(callback: Callable[[int], None], kind: Kind = kind) -> Any:
            log.step("before the loop")
            pool = kind.Pool(course.workers)
            for x in numbers:
                pool.apply_async(sum_all_values, (x,), callback=callback)
            log.step("after the loop")
            pool.close()
            return pool

        for name, way in (("callback_serial", serially), ("callback_polled", polled)):
            results.clear()
            in_main_thread.clear()
            log.start(f"{name} on {kind}, start")
            way(submit_all)
            parallel = log.stop("all joined")
            print(f"{len(results)} results, in order of completion {results[:4]}")
            print(f"{sum(in_main_thread)} of the callbacks ran in the main thread")
            right = sorted(results) == expected and in_main_thread == [way is polled] * COUNT
            course.check_timed(kind, right, sequential, parallel, course.at_once(kind.mode, COUNT), name=name)
    return course.end()


if __name__ == "__main__":
    sys.exit(main())

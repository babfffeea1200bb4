"""S, queue: five workers take what comes from one queue: numbers and words. When all is done, a sentinel ends each.

Not named queue.py, as a module of the standard library has that name.
"""

import sys
import time
from typing import Any, NamedTuple, Tuple

from course import PROCESSES, THREADS, Course, sum_by_formula

WORDS = ("bread", "milk", "a bicycle", "nothing else")

items: Any


class Tally(NamedTuple):
    numbers: int
    total: int
    words: int
    letters: int


def share(its_items: Any) -> None:
    """Runs first in every worker: a queue can be handed on to processes only while these are made."""
    global items
    items = its_items


def work() -> Tally:
    numbers = total = words = letters = 0
    for item in iter(items.get, None):
        time.sleep(0.0005)
        if isinstance(item, int):
            numbers, total = numbers + 1, total + item
        else:
            words, letters = words + 1, letters + len(item)
        items.task_done()
    items.task_done()  # for the sentinel
    return Tally(numbers, total, words, letters)


def main() -> int:
    course = Course("queue", workers=5, modes=(THREADS, PROCESSES))
    count = course.size(40, 300, 5_000)
    log = course.log()
    for kind in course.kinds():
        share(kind.objects.JoinableQueue(16))
        log.start(f"{kind}, start")
        with kind.Pool(course.workers, share, (items,)) as pool:
            workers = [pool.apply_async(work) for _ in range(course.workers)]
            for number in range(count):  # waits now and then: there is room for sixteen
                items.put(number)
                items.put(WORDS[number % len(WORDS)])
            log.step("all handed over")
            items.join()
            log.step("all done")
            for _ in workers:
                items.put(None)
            tallies = [worker.get() for worker in workers]
        log.stop("end")

        for tally in tallies:
            print(f"a worker had {tally.numbers} numbers and {tally.words} words")
        columns: Tuple[int, ...] = tuple(map(sum, zip(*tallies)))
        letters = sum(len(WORDS[number % len(WORDS)]) for number in range(count))
        course.check(kind, columns == (count, sum_by_formula(count - 1), count, letters))
    return course.end()


if __name__ == "__main__":
    sys.exit(main())

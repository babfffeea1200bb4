"""Ten tasks, each of which fails with probability 0.3: results and errors as they complete, first by asking the
futures again and again whether they are done, then one after the other as they become ready."""

import concurrent.futures
import os
import random
import sys
import time
from typing import Any, Dict, Iterator, Tuple

from course import THREADS, Course

TASKS = 10


def is_unlucky(seed: int, number: int) -> bool:
    """What the dice say: the same in the task and in the check."""
    return random.Random(seed * TASKS + number).random() < 0.3


def attempt(seed: int, number: int, nap: float) -> Tuple[int, int]:
    time.sleep(nap)
    if is_unlucky(seed, number):
        raise RuntimeError("Bad luck!")
    return os.getpid(), number**2


def by_polling(futures: Dict[Any, int]) -> Iterator[Any]:
    """The main thread is free for other things between two rounds."""
    left = list(futures)
    while left:
        for future in [future for future in left if future.done()]:
            left.remove(future)
            yield future
        time.sleep(0.005)


def main() -> int:
    course = Course("bad_luck", workers=4, seed=1)
    nap = course.size(0.002, 0.02, 0.5)
    log = course.log()
    for kind in course.kinds():
        right = True
        with kind.Executor(course.workers) as executor:
            for way in (by_polling, concurrent.futures.as_completed):
                log.start(f"{way.__name__} on an executor of {kind.mode}, {kind.by}")
                naps = [nap * (1 + i * 7 % TASKS) for i in range(TASKS)]  # so that they do not end in order
                futures = {executor.submit(attempt, course.options.seed, i, naps[i]): i for i in range(TASKS)}
                ended = 0
                for future in way(futures):
                    number = futures[future]
                    ended += 1
                    try:
                        pid, square = future.result()
                    except RuntimeError as error:
                        print(f"{number} failed: {error}")
                        right &= str(error) == "Bad luck!" and is_unlucky(course.options.seed, number)
                    else:
                        print(f"{number} squared is {square}, says process {pid}")
                        right &= square == number**2 and not is_unlucky(course.options.seed, number)
                        right &= (pid == os.getpid()) == (kind.mode == THREADS)
                right &= ended == TASKS
                log.stop("end")
        course.check(kind, right)
    return course.end()


if __name__ == "__main__":
    sys.exit(main())

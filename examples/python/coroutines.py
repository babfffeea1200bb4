"""Three waits as coroutines overlap in one thread. What cannot be awaited, and would hold up the others, is
awaited on an executor's worker."""

import asyncio
import sys
import threading
import time
from typing import Any, List, Set

from course import THREADS, Course

COROUTINES = 3

threads: Set[int] = set()  # those on which coroutines have run
waiting = [0]  # how many were waiting, each time that it changed


async def wait(number: int, seconds: float) -> float:
    print(f"coroutine {number} waits")
    threads.add(threading.get_ident())
    waiting.append(waiting[-1] + 1)
    start = time.perf_counter()
    await asyncio.sleep(seconds)
    waiting.append(waiting[-1] - 1)
    threads.add(threading.get_ident())
    took = time.perf_counter() - start
    print(f"coroutine {number} goes on after {took:.4f} s")
    return took


async def wait_for_all(seconds: float) -> List[float]:
    return list(await asyncio.gather(*(wait(number, seconds) for number in range(COROUTINES))))


async def wait_for_workers(executor: Any, seconds: float) -> None:
    """time.sleep() knows nothing of coroutines, as most of what there is to call."""
    loop = asyncio.get_running_loop()
    await asyncio.gather(*(loop.run_in_executor(executor, time.sleep, seconds) for _ in range(COROUTINES)))


def main() -> int:
    course = Course("coroutines", workers=COROUTINES, modes=(THREADS,))
    seconds = course.size(0.05, 0.25, 5.0)
    log = course.log()

    log.start("one after the other, start")
    for _ in range(COROUTINES):
        time.sleep(seconds)
    sequential = log.stop("one after the other, end")

    log.start("coroutines, start")
    took = asyncio.run(wait_for_all(seconds))
    overlapped = log.stop("coroutines, end")
    right = min(took) >= 0.99 * seconds and max(waiting) == COROUTINES and threads == {threading.get_ident()}
    course.check_timed(None, right, sequential, overlapped, COROUTINES)

    for kind in course.kinds():
        with kind.Executor(course.workers) as executor:
            log.start(f"awaited on an executor of {kind.mode}, {kind.by}, start")
            asyncio.run(wait_for_workers(executor, seconds))
            parallel = log.stop("end")
        at_once = min(course.workers, COROUTINES)
        right = parallel >= 0.99 * seconds * (1 if course.workers >= COROUTINES else 2)
        course.check_timed(kind, right, sequential, parallel, at_once, name="coroutines_executor")
    return course.end()


if __name__ == "__main__":
    sys.exit(main())

"""Beyond the course: a call that takes too long is ended, one that fails is tried again, one that nobody wants any more
is killed; and the executor goes on. Those of the standard library can only stop to wait."""

import sys
import time
from concurrent.futures import CancelledError
from typing import Any

from course import OURS, PROCESSES, Course, Kind

tries: Any


def share(its_tries: Any) -> None:
    """Runs first in every worker: what is shared can be handed on to processes only while these are made."""
    global tries
    tries = its_tries


def third_time() -> int:
    tries.value += 1
    if tries.value < 3:
        raise RuntimeError("not yet")
    return int(tries.value)


def tried_again(executor: Any) -> bool:
    count = executor.options(retries=2).submit(third_time).result()
    print(f"it worked the time number {count}")
    return bool(count == 3)


def limited(executor: Any, limit: float) -> bool:
    try:
        executor.options(timeout=limit).submit(time.sleep, 3_600).result()
    except TimeoutError as error:
        print("ended:", error)
        return True
    return False


def killed(executor: Any) -> bool:
    future = executor.submit(time.sleep, 3_600)
    while not future.running():
        time.sleep(0.001)
    future.kill()
    try:
        future.result()
    except CancelledError as error:
        print("ended:", error)
        return True
    return False


def only_waited_for(executor: Any, limit: float) -> bool:
    """It cannot be cancelled once it runs, and goes on behind the back of who has waited."""
    future = executor.submit(time.sleep, 10 * limit)
    while not (future.running() or future.done()):
        time.sleep(0.001)
    try:
        future.result(timeout=limit)
    except Exception as error:  # one of its own before Python 3.11
        print(f"waited for long enough: {type(error).__name__}, and cancel() says {future.cancel()}")
    return not future.cancelled()


def run(kind: Kind, workers: int, limit: float) -> bool:
    counter = kind.objects.Value("Q", 0, lock=False)
    with kind.Executor(workers, initializer=share, initargs=(counter,)) as executor:
        if kind.by != OURS:
            right = only_waited_for(executor, limit)
        elif kind.mode == PROCESSES:
            right = tried_again(executor) and limited(executor, limit) and killed(executor)
        else:  # a thread cannot be ended from outside
            right = tried_again(executor)
        return right and executor.submit(pow, 2, 10).result() == 1024


def main() -> int:
    course = Course("limits", workers=2)
    limit = course.size(0.02, 0.05, 1.0)
    log = course.log()
    for kind in course.kinds():
        log.start(f"an executor of {kind.mode}, {kind.by}, start")
        right = run(kind, course.workers, limit)
        log.stop("end")
        course.check(kind, right)
    return course.end()


if __name__ == "__main__":
    sys.exit(main())

"""A long task counts up in the background, the main thread reads how far it is, and then stops it: by asking it,
and, where it is a process of Millpond's executor, by killing a task that does not listen."""

import sys
import time
from concurrent.futures import CancelledError
from typing import Any

from course import OURS, PROCESSES, Course

progress: Any
stop: Any


def share(its_progress: Any, its_stop: Any) -> None:
    """Runs first in every worker: what is shared can be handed on to processes only while these are made."""
    global progress, stop
    progress, stop = its_progress, its_stop


def count_up() -> str:
    while not stop.is_set():
        progress.value += 1
        time.sleep(0.001)
    return "asked to stop"


def count_for_ever() -> None:
    while True:
        progress.value += 1


def watch(pause: float, times: int) -> bool:
    """Returns whether it went on all the time."""
    seen = [0]
    for _ in range(times):
        while progress.value == seen[-1]:  # the main thread does something else, until there is news
            time.sleep(pause)
        seen.append(progress.value)
    print("counted up to", *seen[1:])
    return seen == sorted(set(seen))


def main() -> int:
    course = Course("background", workers=1)
    pause = course.size(0.01, 0.1, 1.0)
    log = course.log()
    for kind in course.kinds():
        share(kind.objects.Value("Q", 0, lock=False), kind.objects.Event())
        with kind.Executor(course.workers, initializer=share, initargs=(progress, stop)) as executor:
            log.start(f"an executor of {kind.mode}, {kind.by}, start")
            future = executor.submit(count_up)
            right = watch(pause, 5)
            log.step("it is asked to stop")
            stop.set()
            right &= future.result() == "asked to stop"
            if kind.by == OURS and kind.mode == PROCESSES:
                progress.value = 0
                future = executor.submit(count_for_ever)
                right &= watch(pause, 2)
                log.step("it is killed")
                future.kill()
                try:
                    right &= future.result() != future.result()
                except CancelledError as error:
                    print("it ended:", error)
        log.stop("end")
        course.check(kind, right)
    return course.end()


if __name__ == "__main__":
    sys.exit(main())

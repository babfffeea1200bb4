"""One waits for an event, another sets it after three seconds."""

import sys
import time
from typing import Any

from course import PROCESSES, THREADS, Course

event: Any


def share(its_event: Any) -> None:
    """Runs first in every worker: an event can be handed on to processes only while these are made."""
    global event
    event = its_event


def wait_for_it() -> float:
    """Returns how long it has waited."""
    start = time.perf_counter()
    while not event.wait(0.1):
        print("not yet")
    return time.perf_counter() - start


def set_it(seconds: float) -> None:
    time.sleep(seconds)
    event.set()


def main() -> int:
    course = Course("event", workers=2, modes=(THREADS, PROCESSES))
    seconds = course.size(0.03, 0.25, 3.0)
    log = course.log()
    for kind in course.kinds():
        its_event = kind.objects.Event()
        with kind.Pool(max(course.workers, 2), share, (its_event,)) as pool:
            log.start(f"{kind}, start")
            waiter = pool.apply_async(wait_for_it)
            setter = pool.apply_async(set_it, (seconds,))
            setter.get()
            log.step("the event is set")
            waited = waiter.get()
            took = log.stop("nobody waits any more")
        print(f"waited for {waited:.4f} s")
        course.check(kind, its_event.is_set() and took >= 0.999 * seconds)
    return course.end()


if __name__ == "__main__":
    sys.exit(main())

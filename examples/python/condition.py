"""A producer and two consumers who share a shelf: it notifies one of them for each good, and all at the end."""

import sys
import time
from typing import Any

from course import PROCESSES, THREADS, Course

CONSUMERS = 2

changed: Any  # the condition, with the lock of what follows
goods: Any
closed: Any


def share(*shelf: Any) -> None:
    """Runs first in every worker: what is shared can be handed on to processes only while these are made."""
    global changed, goods, closed
    changed, goods, closed = shelf


def consume() -> int:
    """Takes goods until there are none and there will be none; returns how many."""
    taken = 0
    while True:
        with changed:
            changed.wait_for(lambda: goods.value > 0 or closed.value)
            if goods.value == 0:
                return taken
            goods.value -= 1
        taken += 1
        time.sleep(0.001)  # so that the other one gets some, too


def main() -> int:
    course = Course("condition", workers=CONSUMERS, modes=(THREADS, PROCESSES))
    count = course.size(20, 150, 3_000)
    log = course.log()
    for kind in course.kinds():
        share(kind.objects.Condition(), kind.objects.Value("Q", 0, lock=False), kind.objects.Value("B", 0, lock=False))
        with kind.Pool(max(course.workers, CONSUMERS), share, (changed, goods, closed)) as pool:
            log.start(f"{kind}, start")
            consumers = [pool.apply_async(consume) for _ in range(CONSUMERS)]
            for i in range(count):
                with changed:
                    goods.value += 1
                    changed.notify()
                time.sleep(0.002 if i % 10 == 0 else 0)  # now and then the consumers have to wait
            log.step("all goods are on the shelf")
            with changed:
                closed.value = 1
                changed.notify_all()
            taken = [consumer.get() for consumer in consumers]
            log.stop("all goods are taken")
        print("the consumers have taken", *taken)
        course.check(kind, sum(taken) == count and goods.value == 0)
    return course.end()


if __name__ == "__main__":
    sys.exit(main())

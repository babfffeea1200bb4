"""Objects, not only numbers, from one process to another through a queue. They go by pickle, with their methods."""

import os
import sys
from typing import Any

from course import PROCESSES, THREADS, Course


class Greeter:
    def __init__(self, name: str, times: int) -> None:
        self.name, self.times = name, times

    def greet(self) -> int:
        print(f"process {os.getpid()}: good morning, {self.name}")
        return self.times


class LoudGreeter(Greeter):
    def greet(self) -> int:
        print(f"process {os.getpid()}: HELLO, {self.name}!")
        return 10 * self.times


greeters: Any


def share(its_greeters: Any) -> None:
    """Runs first in every worker: a queue can be handed on to processes only while these are made."""
    global greeters
    greeters = its_greeters


def produce() -> None:
    for greeter in (Greeter("Ada", 1), LoudGreeter("Grace", 2), Greeter("Barbara", 3)):
        greeters.put(greeter)
    greeters.put(None)  # nothing more comes


def consume() -> int:
    return sum(greeter.greet() for greeter in iter(greeters.get, None))


def main() -> int:
    course = Course("queue_objects", workers=2, modes=(THREADS, PROCESSES))
    log = course.log()
    for kind in course.kinds():
        log.start(f"{kind}, start")
        with kind.Pool(max(course.workers, 2), share, (kind.simple_queue(),)) as pool:
            consumer = pool.apply_async(consume)
            producer = pool.apply_async(produce)
            producer.get()
            total = consumer.get()
        log.stop("end")
        course.check(kind, total == 1 + 20 + 3)
    return course.end()


if __name__ == "__main__":
    sys.exit(main())

"""Three generators, which give one number a step, stepped in turn by hand and then by the event loop."""

import asyncio
import sys
from typing import Dict, Iterator, List, Tuple

from course import Course

Trace = List[Tuple[str, int]]


def squares(bound: int) -> Iterator[int]:
    for i in range(1, bound + 1):
        yield i * i


def countdown(start: int) -> Iterator[int]:
    while start > 0:
        yield start
        start -= 1


def fibonacci(most: int) -> Iterator[int]:
    before, number = 0, 1
    while number <= most:
        yield number
        before, number = number, before + number


def generators(bound: int) -> Dict[str, Iterator[int]]:
    return {"squares": squares(bound), "countdown": countdown(bound), "fibonacci": fibonacci(bound**2)}


def by_hand(bound: int) -> Trace:
    trace, left = [], generators(bound)
    while left:
        for name, generator in list(left.items()):
            try:
                trace.append((name, next(generator)))
            except StopIteration:
                del left[name]
    return trace


async def by_event_loop(bound: int) -> Trace:
    trace: Trace = []

    async def step_through(name: str, generator: Iterator[int]) -> None:
        for value in generator:
            trace.append((name, value))
            await asyncio.sleep(0)  # now it is the others' turn

    await asyncio.gather(*(step_through(*named) for named in generators(bound).items()))
    return trace


def main() -> int:
    course = Course("round_robin", workers=1)
    bound = course.size(5, 8, 12)
    log = course.log()
    log.start("by hand")
    trace = by_hand(bound)
    print(", ".join(f"{name} {value}" for name, value in trace))
    log.step("by the event loop")
    looped = asyncio.run(by_event_loop(bound))
    print(", ".join(f"{name} {value}" for name, value in looped))
    log.stop("end")
    first = [("squares", 1), ("countdown", bound), ("fibonacci", 1), ("squares", 4)]
    course.check(None, trace == looped and trace[:4] == first and len(trace) > 2 * bound)
    return course.end()


if __name__ == "__main__":
    sys.exit(main())

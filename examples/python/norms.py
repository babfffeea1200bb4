"""The Euclidean norms of a thousand random vectors, summed: with 10 ms of sleep in each call, and without."""

import math
import random
import sys
import time
from typing import List, NamedTuple

from course import PROCESSES, THREADS, Course

LENGTH = 10_000


class Job(NamedTuple):
    """The vector is made from its seed, so that not 80 KB but two numbers travel to a worker."""

    seed: int
    nap: float  # seconds of sleep in the call


def norm(job: Job) -> float:
    time.sleep(job.nap)
    numbers = random.Random(job.seed)
    return math.sqrt(sum(numbers.random() ** 2 for _ in range(LENGTH)))


def compare(course: Course, name: str, jobs: List[Job]) -> None:
    log = course.log()
    log.start(f"{name} one after the other, start")
    alone = sum(map(norm, jobs))
    sequential = log.stop("one after the other, end")

    for kind in course.kinds():
        with kind.Executor(course.workers) as executor:
            log.start(f"{name} on an executor of {kind.mode}, {kind.by}, start")
            total = sum(executor.map(norm, jobs, chunksize=4))  # in the same order, so to the last bit the same
            parallel = log.stop("map, end")
        # The mean of x * x is 1/3, so a norm is about sqrt(LENGTH / 3).
        expected = len(jobs) * math.sqrt(LENGTH / 3)
        print(f"sum of {len(jobs)} norms: {total:.6f}, expected about {expected:.0f}")
        right = total == alone and abs(total / expected - 1) < 0.01
        at_once = min(course.workers, len(jobs)) if jobs[0].nap else course.at_once(kind.mode, len(jobs))
        course.check_timed(kind, right, sequential, parallel, at_once, name=name)


def main() -> int:
    course = Course("norms", workers=4, modes=(THREADS, PROCESSES))
    compare(course, "norms", [Job(seed, 0) for seed in range(course.size(10, 150, 1_000))])
    compare(course, "norms_with_sleep", [Job(seed, 0.01) for seed in range(course.size(10, 40, 1_000))])
    return course.end()


if __name__ == "__main__":
    sys.exit(main())

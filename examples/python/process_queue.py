"""Workers between a queue of jobs and a queue of results; a sentinel ends each. One job is poison, of which its
worker dies: another takes over, or at least the others go on, and nobody waits for ever."""

import multiprocessing
import os
import signal
import sys
import threading
from typing import Any, Tuple

from course import PROCESSES, STANDARD, Course, Kind, sum_all_values, sum_by_formula

SENTINEL, POISON = 0, 666

Queues = Tuple[Any, Any, int]
queues: Queues  # of jobs and of results; and the process of the program


def share(*its_queues: Any) -> None:
    """Runs first in every worker: queues can be handed on to processes only while these are made."""
    global queues
    queues = its_queues[0], its_queues[1], its_queues[2]


def work() -> None:
    jobs, results, host = queues
    for number in iter(jobs.get, SENTINEL):
        if number == POISON and os.getpid() != host:
            os.kill(os.getpid(), signal.SIGKILL)  # a process may die; a thread would take the program with it
        if number == POISON:
            raise RuntimeError("poisoned")
        results.put((number, sum_all_values(number)))


def share_and_work(*its_queues: Any) -> None:
    share(*its_queues)
    work()


def put_and_get(its_queues: Queues, numbers: "list[int]", workers: int) -> "list[tuple[int, int]]":
    for number in numbers + [SENTINEL] * workers:
        its_queues[0].put(number)
    return [its_queues[1].get() for _ in range(len(numbers) - 1)]


def on_pool(kind: Kind, its_queues: Queues, numbers: "list[int]", workers: int) -> "list[tuple[int, int]]":
    replaced = threading.Event()

    def replace(error: BaseException) -> None:
        print("a worker is lost, and another one takes over:", error)
        pool.apply_async(work, error_callback=replace)
        replaced.set()

    with kind.Pool(workers, share, its_queues) as pool:
        for _ in range(workers):
            pool.apply_async(work, error_callback=replace)
        found = put_and_get(its_queues, numbers, workers)
        replaced.wait()
        pool.close()
        pool.join()
    return found


def with_processes(its_queues: Queues, numbers: "list[int]", workers: int) -> "list[tuple[int, int]]":
    """The standard library's pools do not survive: the one waits for ever for a task that is lost, the other breaks."""
    processes = [multiprocessing.Process(target=share_and_work, args=its_queues) for _ in range(max(workers, 2))]
    for process in processes:
        process.start()
    found = put_and_get(its_queues, numbers, len(processes))
    for process in processes:
        process.join()
    lost = [process.exitcode for process in processes if process.exitcode != 0]
    print("a worker is lost, and the others go on: exit code", *lost)
    return found


def main() -> int:
    course = Course("process_queue", workers=4)
    count = course.size(50, 400, 20_000)
    numbers = [POISON if i == count // 2 else 1_000 + i for i in range(count)]
    log = course.log()
    for kind in course.kinds():
        log.start(f"{kind}, start")
        its_queues = kind.objects.Queue(), kind.simple_queue(), os.getpid()
        if kind.by == STANDARD and kind.mode == PROCESSES:
            found = with_processes(its_queues, numbers, course.workers)
        else:
            found = on_pool(kind, its_queues, numbers, course.workers)
        log.stop("end")
        print(f"{count} jobs, {len(found)} results")
        course.check(kind, sorted(found) == [(x, sum_by_formula(x)) for x in sorted(numbers) if x != POISON])
    return course.end()


if __name__ == "__main__":
    sys.exit(main())

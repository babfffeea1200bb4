"""A saboteur kills workers, and now and then the process that makes them, all the time. The work goes on: what was
lost is submitted again, and every result comes once."""

import os
import signal
import sys
import threading
import time
from concurrent.futures import FIRST_COMPLETED, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Dict, NamedTuple, Optional

from course import STANDARD, THREADS, Course, Kind, sum_all_values, sum_by_formula

UNDER_WAY, SUPERVISOR_EVERY = 16, 4


class Answer(NamedTuple):
    total: int
    pid: int
    parent: int  # the program itself, or a supervisor between it and its workers


def job(number: int) -> Answer:
    return Answer(sum_all_values(number), os.getpid(), os.getppid())


class Saboteur(threading.Thread):
    """Kills whoever has answered last."""

    def __init__(self, kills: int) -> None:
        super().__init__(daemon=True)
        self._kills = kills
        self.last: Optional[Answer] = None
        self.start()

    def run(self) -> None:
        kills = 0
        while kills < self._kills:
            time.sleep(0.05)
            if self.last is None:
                continue
            supervised = self.last.parent != os.getpid()
            whole = supervised and kills % SUPERVISOR_EVERY == SUPERVISOR_EVERY - 1
            victim = self.last.parent if whole else self.last.pid
            if is_descendant(victim):  # else it is dead already
                os.kill(victim, signal.SIGKILL)
                kills += 1
                print(f"kill {kills}: {'the supervisor' if whole else 'a worker'}, process {victim}")


def is_descendant(pid: int) -> bool:
    """Whether it is a child, or a grandchild, of this process: in its stat the parent comes after name and state."""
    for _ in range(2):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
                state, parent = stat.read().rpartition(")")[2].split()[:2]
        except OSError:
            return False
        if int(parent) == os.getpid():
            return state != "Z"
        pid = int(parent)
    return False


def run(kind: Kind, workers: int, first: int, least: int, saboteur: Saboteur) -> bool:
    executor = kind.Executor(workers)
    found: Dict[int, int] = {}
    waiting: Dict[Any, int] = {}
    number, again, remade = first, 0, 0

    def submit(number: int) -> None:
        nonlocal executor, remade
        while True:
            try:
                waiting[executor.submit(job, number)] = number
                return
            except BrokenProcessPool:  # not one task is lost, but the whole executor
                executor.shutdown()
                executor = kind.Executor(workers)
                remade += 1

    while waiting or number < first + least or saboteur.is_alive():
        while len(waiting) < UNDER_WAY and (number < first + least or saboteur.is_alive()):
            submit(number)
            number += 1
        for future in wait(waiting, return_when=FIRST_COMPLETED).done:
            its_number = waiting.pop(future)
            try:
                saboteur.last = future.result()
                found[its_number] = saboteur.last.total
            except BrokenProcessPool:
                submit(its_number)
                again += 1
    executor.shutdown()
    print(f"{len(found)} results, {again} times a job again, {remade} times a new executor")
    return found == {x: sum_by_formula(x) for x in range(first, number)}


def main() -> int:
    course = Course("restart", workers=4)
    first, least = course.size(1_000, 20_000, 20_000), course.size(40, 200, 2_000)
    log = course.log()
    for kind in course.kinds():
        log.start(f"an executor of {kind.mode}, {kind.by}, start")
        kills = course.size(2, 4, 20) if kind.by == STANDARD else course.size(4, 10, 100)
        saboteur = Saboteur(0 if kind.mode == THREADS else kills)  # threads cannot be killed
        right = run(kind, course.workers, first, least, saboteur)
        saboteur.join()
        log.stop("end")
        course.check(kind, right)
    return course.end()


if __name__ == "__main__":
    sys.exit(main())

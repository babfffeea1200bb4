"""The distances between all places of a file, by executors that can be exchanged for one another. A calculation is a
row of the matrix; whoever does it, the file that is written is the same, byte for byte."""

import pickle
import queue
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

from course import PROCESSES, THREADS, Course, Kind
from places import Calculator, Row, read_places, write_matrix

Timed = Tuple[List[Row], float]
Calculate = Callable[[int], Row]


def basic(kind: Optional[Kind], workers: int, calculate: Calculate, count: int) -> Timed:
    start = time.perf_counter()
    matrix = [calculate(i) for i in range(count)]
    return matrix, time.perf_counter() - start


def threaded(kind: Optional[Kind], workers: int, calculate: Calculate, count: int) -> Timed:
    """A thread for each calculation; the rows come through a queue, in any order."""
    rows: "queue.SimpleQueue[Tuple[int, Row]]" = queue.SimpleQueue()
    start = time.perf_counter()
    for i in range(count):
        threading.Thread(target=lambda i=i: rows.put((i, calculate(i)))).start()
    matrix = [row for _, row in sorted(rows.get() for _ in range(count))]
    return matrix, time.perf_counter() - start


def threadpool(kind: Any, workers: int, calculate: Calculate, count: int) -> Timed:
    """The pool is made outside of what is timed."""
    with kind.Pool(workers) as pool:
        start = time.perf_counter()
        matrix = pool.map(calculate, range(count))
        return matrix, time.perf_counter() - start


def multiprocessing(kind: Any, workers: int, calculate: Calculate, count: int) -> Timed:
    """A process for each calculation: a worker that has done one is replaced."""
    start = time.perf_counter()
    with kind.Pool(workers, maxtasksperchild=1) as pool:
        matrix = pool.map(calculate, range(count), chunksize=1)
    return matrix, time.perf_counter() - start


EXECUTORS: Dict[str, Tuple[Callable[..., Timed], Optional[str]]] = {
    "basic": (basic, None),
    "threaded": (threaded, None),
    "threadpool": (threadpool, THREADS),
    "multiprocessing": (multiprocessing, PROCESSES),
}


def can_be_pickled(calculate: Calculate) -> bool:
    try:
        pickle.dumps(calculate)
    except (pickle.PicklingError, AttributeError) as error:
        print("a closure cannot go to a process:", error)
        return False
    return True


def run(course: Course, size: str, most: int) -> None:
    """Runs the executors that are wanted on one file of places."""
    places = read_places(size)[:most]
    calculate, wanted, out = Calculator(places), course.options.executor, Path(course.options.out)
    alone = 0.0
    for name, (executor, mode) in EXECUTORS.items():
        if name not in (wanted, "basic") and (wanted != "all" or (mode or THREADS) not in course.modes):
            continue
        kinds: List[Optional[Kind]] = [*course.kinds((mode,))] if mode is not None else [None]
        for kind in kinds:
            matrix, seconds = executor(kind, course.workers, calculate, len(places))
            file = out / f"distances_{size}_{name}.csv"
            write_matrix(file, places, matrix)
            print(f"{len(places)} places, {name}, {kind or 'without a pool'}: {seconds:.6f} s")
            if name == "basic":
                alone = seconds
                continue
            right = file.read_bytes() == (out / f"distances_{size}_basic.csv").read_bytes()
            at_once = course.at_once(mode or THREADS, len(places))
            course.check_timed(kind, right, alone, seconds, at_once, name=f"distance_{size}_{name}")


def main() -> int:
    course = Course("distance", workers=4, modes=(THREADS, PROCESSES), executor="all", out=".")
    if course.options.executor not in ("all", *EXECUTORS):
        course.parser.error(f"--executor takes all, {', '.join(EXECUTORS)}")
    log = course.log()
    log.start("start")
    run(course, "few", 5)
    log.step("few")
    run(course, "many", course.size(20, 100, 1_000))
    log.stop("many")

    places = read_places("few")
    closure, calculator = (lambda i: Calculator(places)(i)), Calculator(places)
    course.check(None, not can_be_pickled(closure) and can_be_pickled(calculator), name="distance_pickle")
    return course.end()


if __name__ == "__main__":
    sys.exit(main())
